/** How a flow is deleted: its starts are held while it is decided, and what still runs is noted with the deletion. */
import type { Preconditions } from '../../catalogue/api.ts'
import { checkConditions, noFlow } from '../../catalogue/decide.ts'
import { etagOf, FLOW_COLUMNS, type FlowRow } from '../../catalogue/rows.ts'
import type { Database, Transaction } from './database.ts'

/** The database's clock: servers' own may differ. */
export const NOW = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint'

export class FlowDeletions {
  private readonly db: Database
  private readonly scope: number

  constructor(db: Database, scope: number) {
    this.db = db
    this.scope = scope
  }

  /** Starts of the flow wait for so long. Throws EngineError `flow-not-found`, `precondition-failed`. */
  async hold(flow: string, ms: number, ifMatch: Preconditions['ifMatch']): Promise<void> {
    await this.db.transaction(async (tx) => {
      await this.mayDelete(tx, flow, ifMatch)
      const sql = `UPDATE fnflow.flows SET held_until = ${NOW} + $3 WHERE scope = $1 AND name = $2`
      await tx.change(sql, [this.scope, flow, ms])
    })
  }

  async release(flow: string): Promise<void> {
    await this.db.change('UPDATE fnflow.flows SET held_until = 0 WHERE scope = $1 AND name = $2', [this.scope, flow])
  }

  /**
   * Deletes a flow with versions and aliases, and notes that what still runs of it is to be cancelled.
   * Throws EngineError `flow-not-found`, `precondition-failed`.
   */
  async remove(flow: string, ifMatch: Preconditions['ifMatch']): Promise<void> {
    await this.db.transaction(async (tx) => {
      await this.mayDelete(tx, flow, ifMatch)
      const which = [this.scope, flow]
      for (const table of ['flow_aliases', 'flow_versions'])
        await tx.change(`DELETE FROM fnflow.${table} WHERE scope = $1 AND flow = $2`, which)
      await tx.change('DELETE FROM fnflow.flows WHERE scope = $1 AND name = $2', which)
      await tx.change(
        `INSERT INTO fnflow.flow_deletions (scope, flow, deleted_at) VALUES ($1, $2, $3)
         ON CONFLICT (scope, flow) DO UPDATE SET deleted_at = excluded.deleted_at`,
        [...which, Date.now()],
      )
    })
  }

  /** When a flow was deleted whose executions are still to be looked after. */
  async deletedAt(flow: string): Promise<number | undefined> {
    const sql = 'SELECT deleted_at FROM fnflow.flow_deletions WHERE scope = $1 AND flow = $2'
    return (await this.db.row<{ deleted_at: number }>(sql, [this.scope, flow]))?.deleted_at
  }

  /** Flows of which that is still to be done. */
  async pending(): Promise<string[]> {
    const rows = await this.db.rows<{ flow: string }>('SELECT flow FROM fnflow.flow_deletions WHERE scope = $1', [this.scope])
    return rows.map(({ flow }) => flow)
  }

  async endDeletion(flow: string, deletedAt: number): Promise<void> {
    const sql = 'DELETE FROM fnflow.flow_deletions WHERE scope = $1 AND flow = $2 AND deleted_at = $3'
    await this.db.change(sql, [this.scope, flow, deletedAt])
  }

  /** Throws EngineError `flow-not-found`, `precondition-failed`. */
  private async mayDelete(tx: Transaction, flow: string, ifMatch: Preconditions['ifMatch']): Promise<void> {
    const row = await lockedFlow(tx, this.scope, flow)
    if (ifMatch !== undefined) checkConditions(flow, row && etagOf(row), { ifMatch })
    if (row === undefined) throw noFlow(flow)
  }
}

/** The flow's row, which is the transaction's until it ends. */
export async function lockedFlow(tx: Transaction, scope: number, flow: string): Promise<FlowRow | undefined> {
  if (flow.includes('\0')) return undefined
  return tx.row<FlowRow>(`SELECT ${FLOW_COLUMNS} FROM fnflow.flows WHERE scope = $1 AND name = $2 FOR UPDATE`, [scope, flow])
}
