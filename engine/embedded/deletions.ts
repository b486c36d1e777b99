import type { FlowExecutions } from './catalogue.ts'
import type { EmbeddedHost } from './embedded-host.ts'

/** Executions that are cancelled in one transaction. */
const BATCH = 50

// the second condition lets SQLite take the partial index
const RUNNING = "status = 'running' AND status <> 'succeeded' AND flow = ?"

/** In an engine that has no durable executions. */
export const NO_EXECUTIONS: FlowExecutions = {
  isAnyRunning: () => false,
  condemn: () => undefined,
  cancelCondemned: () => Promise.resolve(),
}

/**
 * The executions of flows that are deleted by force. That they are to be cancelled is written with the deletion itself; however many they are,
 * and whenever the process dies, the next one goes on with it.
 */
export class Deletions implements FlowExecutions {
  private readonly host: EmbeddedHost

  constructor(host: EmbeddedHost) {
    this.host = host
  }

  isAnyRunning(flow: string): boolean {
    return this.host.store.get(`SELECT 1 FROM executions WHERE ${RUNNING} LIMIT 1`, flow) !== undefined
  }

  condemn(flow: string): void {
    this.host.store.run(
      'INSERT OR REPLACE INTO flow_deletions (flow, upto) VALUES (?, (SELECT coalesce(max(key), 0) FROM executions))',
      flow,
    )
  }

  /** Rejects with EngineError `store-failed`, `engine-closed`; what is left then is done by whoever opens the store. */
  async cancelCondemned(flow: string): Promise<void> {
    const { store, journal } = this.host
    const upto = store.get<{ upto: number }>('SELECT upto FROM flow_deletions WHERE flow = ?', flow)?.upto
    if (upto === undefined) return
    const sql = `SELECT key, id FROM executions WHERE ${RUNNING} AND key > ? AND key <= ? ORDER BY key LIMIT ${BATCH}`
    for (let after = 0; ;) {
      const rows = store.all<{ key: number; id: string }>(sql, flow, after, upto)
      const last = rows.at(-1)
      if (last === undefined) break
      // one that cannot be read from its journal cannot be stopped either, and holds up nobody
      await Promise.allSettled(rows.map(({ id }) => this.host.stop(id)))
      await journal.settled()
      after = last.key
    }
    journal.write(() => store.run('DELETE FROM flow_deletions WHERE flow = ? AND upto = ?', flow, upto))
    await journal.settled()
  }

  /** Goes on with what an earlier process has left. */
  async resume(): Promise<void> {
    for (const { flow } of this.host.store.all<{ flow: string }>('SELECT flow FROM flow_deletions')) await this.cancelCondemned(flow)
  }
}
