import type { FlowMode } from '../../../dsl/plan.ts'
import type { Database } from './database.ts'
import { decodeText, encodeText } from './encoding.ts'
import { ByteLru } from './lru.ts'
import type { FlowDeployment, StoredFlow } from './types.ts'

/** Of plans' texts that are kept. */
const CACHE_BYTES = 32 * 1024 * 1024
/** Of the note that a hash is saved. */
const NOTE_BYTES = 100
const NOTES_BYTES = 10_000 * NOTE_BYTES

/** Plans by hash, which never change, and the flows that are deployed. */
export class Plans {
  private readonly db: Database
  private readonly scope: number
  private readonly texts = new ByteLru<string>(CACHE_BYTES)
  private readonly saved = new ByteLru<true>(NOTES_BYTES)

  constructor(db: Database, scope: number) {
    this.db = db
    this.scope = scope
  }

  async save(hash: string, planText: string): Promise<void> {
    if (this.saved.get(hash) === true) return
    await this.db.change('INSERT INTO fnflow.plans (hash, plan) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING', [
      hash,
      await encodeText(planText),
    ])
    this.keep(hash, planText)
  }

  async plan(hash: string): Promise<string | undefined> {
    const known = this.texts.get(hash)
    if (known !== undefined) return known
    const row = await this.db.row<{ plan: Buffer }>('SELECT plan FROM fnflow.plans WHERE hash = $1', [hash])
    if (row === undefined) return undefined
    const text = await decodeText(row.plan)
    this.keep(hash, text)
    return text
  }

  /** One statement, so that no flow is without its plan. */
  async deploy({ name, hash, mode, planText }: FlowDeployment): Promise<void> {
    await this.db.change(
      `WITH plan AS (INSERT INTO fnflow.plans (hash, plan) VALUES ($3, $6) ON CONFLICT (hash) DO NOTHING)
       INSERT INTO fnflow.flows (scope, name, hash, mode, deployed_at) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (scope, name) DO UPDATE SET hash = excluded.hash, mode = excluded.mode, deployed_at = excluded.deployed_at`,
      [this.scope, name, hash, mode, Date.now(), await encodeText(planText)],
    )
    this.keep(hash, planText)
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

  private keep(hash: string, text: string): void {
    this.texts.set(hash, text, 2 * text.length)
    this.saved.set(hash, true, NOTE_BYTES)
  }
}
