import type { Engine, ExecutionRecord } from '../engine/api.ts'
import { EngineError, ExecutionFailed } from '../engine/errors.ts'
import { duration, onStderr } from './output.ts'
import { visible } from './visible.ts'

/** Executions in a store that had not ended, oldest first. */
export async function leftExecutions(engine: Engine): Promise<ExecutionRecord[]> {
  const left: ExecutionRecord[] = []
  let cursor: string | undefined
  do {
    const page = await engine.list({ status: 'running', limit: 200, ...(cursor === undefined ? {} : { cursor }) })
    left.push(...page.items)
    cursor = page.nextCursor
  } while (cursor !== undefined)
  return left.reverse()
}

/** Waits until what was left in a store has ended, and says so. Rejects when the signal is aborted: the rest stays in the store. `where`: `in the store` */
export async function finishLeft(
  engine: Engine,
  left: readonly ExecutionRecord[],
  where: string,
  tell: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  if (left.length === 0) return
  tell(
    `${left.length === 1 ? 'one execution was' : `${left.length} executions were`} left ${where}; finishing ${left.length === 1 ? 'it' : 'them'} first`,
  )
  for (const { id, flow, startedAt, parent } of left) {
    tell(`  ${id}  ${flow}  ${parent === undefined ? '' : `(called by ${parent.execution})  `}started ${new Date(startedAt).toISOString()}`)
  }
  await Promise.all(
    left.map(async ({ id, flow }) => {
      let outcome = 'succeeded'
      let remark = ''
      try {
        await engine.result(id, { signal })
      } catch (error) {
        if (!(error instanceof ExecutionFailed)) throw error
        outcome = error.executionStatus
        remark = `  ${visible(error.message.split('\n', 1)[0] as string)}`
      }
      const { startedAt, endedAt = Date.now() } = await engine.describe(id)
      tell(
        `  ${id}  ${flow}  ${onStderr(outcome === 'succeeded' ? 'green' : 'red', outcome)} after ${duration(endedAt - startedAt)}${remark}`,
      )
    }),
  )
}

export function isAborted(error: unknown): boolean {
  return (error instanceof EngineError && error.code === 'aborted') || (error instanceof Error && error.name === 'AbortError')
}
