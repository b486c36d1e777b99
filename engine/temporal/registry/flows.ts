import type { FlowMode } from '../../../dsl/plan.ts'
import type { Database } from './database.ts'
import { encodeText } from './encoding.ts'
import type { Plans } from './plans.ts'
import type { FlowDeployment, StoredFlow } from './types.ts'

/** The flows that are deployed. */
export class Flows {
  private readonly db: Database
  private readonly scope: number
  private readonly plans: Plans

  constructor(db: Database, scope: number, plans: Plans) {
    this.db = db
    this.scope = scope
    this.plans = plans
  }

  /** One statement, so that no flow is without its plan. */
  async deploy({ name, hash, mode, planText }: FlowDeployment): Promise<void> {
    await this.db.change(
      `WITH plan AS (INSERT INTO fnflow.plans (hash, plan) VALUES ($3, $6) ON CONFLICT (hash) DO NOTHING)
       INSERT INTO fnflow.flows (scope, name, hash, mode, deployed_at) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (scope, name) DO UPDATE SET hash = excluded.hash, mode = excluded.mode, deployed_at = excluded.deployed_at`,
      [this.scope, name, hash, mode, Date.now(), await encodeText(planText)],
    )
    this.plans.keep(hash, planText)
  }

  /** Asked every time: a start on any server sees what was deployed on another. */
  async flow(name: string): Promise<StoredFlow | undefined> {
    const row = await this.db.row<{ hash: string; mode: FlowMode }>(
      'SELECT hash, mode FROM fnflow.flows WHERE scope = $1 AND name = $2',
      [this.scope, name],
      { name: 'flow' },
    )
    return row === undefined ? undefined : { name, hash: row.hash, version: 'latest', mode: row.mode }
  }

  async flows(): Promise<StoredFlow[]> {
    const sql = 'SELECT name, hash, mode FROM fnflow.flows WHERE scope = $1 ORDER BY name'
    const rows = await this.db.rows<{ name: string; hash: string; mode: FlowMode }>(sql, [this.scope])
    return rows.map(({ name, hash, mode }) => ({ name, hash, version: 'latest', mode }))
  }
}
