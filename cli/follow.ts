import { ApiError, type Client, type Execution, type ExecutionSummary } from '../client/index.ts'
import type { NodeRecord } from '../engine/api.ts'
import { createProgress } from './progress.ts'
import { visible } from './visible.ts'

/**
 * Shows on stderr how an execution on a server goes, until it has ended, however: a live tree on a terminal, else a line per change. Connections that
 * break are made again.
 */
export async function followExecution(client: Client, { id, flow, mode }: ExecutionSummary, signal: AbortSignal): Promise<Execution> {
  // those of express flows have no events
  if (mode === 'standard') {
    const progress = await createProgress(visible(`${flow}  ${id}`))
    try {
      for await (const event of client.events(id, { signal })) if (event.type === 'node') progress.node(event.node as NodeRecord)
    } catch (error) {
      // one that was deleted meanwhile says so below
      if (!(error instanceof ApiError)) throw error
    } finally {
      progress.end()
    }
  }
  return client.wait(id, signal)
}
