import { createFlow, prepare } from '../dsl/core/machine.ts'
import { NodeRun } from '../dsl/core/state.ts'
import type { ErrorDocument } from '../dsl/errors.ts'
import type { Json } from '../dsl/json.ts'
import type { LogLine } from '../executors/contract.ts'
import { EngineError, ExecutionFailed } from './errors.ts'
import { newId } from './ids.ts'
import type { Invoker } from './invoker.ts'

/** Invokes a function outside of any flow: a run without a path. Rejects with ExecutionFailed carrying the error document. */
export function invokeDirectly(
  invoker: Invoker,
  functionRef: string,
  body: Json,
  log: (line: LogLine) => void,
  {
    signal,
    closed,
    traceparent,
  }: { readonly signal: AbortSignal | undefined; readonly closed: AbortSignal; readonly traceparent: string | undefined },
): Promise<Json> {
  if (typeof functionRef !== 'string') throw new EngineError('bad-option', 'invoke needs the name of a function')
  const ref = functionRef.includes('/') ? functionRef : `default/${functionRef}`
  const plan = {
    format: 1,
    flow: 'invoke',
    mode: 'express',
    mergeInput: false,
    start: 'invoke',
    nodes: {
      invoke: {
        type: 'function',
        id: 'invoke',
        label: 'invoke',
        at: [],
        invoke: 'sync',
        function: ref.includes(':') ? ref : `${ref}:latest`,
      },
    },
  } as const
  const id = newId()
  const callbackAt = (): never => {
    throw new Error('a direct invocation has no callback')
  }
  const flow = createFlow(prepare(plan), { id, input: body, startedAt: Date.now(), version: 'latest', trigger: undefined, callbackAt })
  const run = new NodeRun(flow.root, flow.prepared.start, body)
  run.input = body
  return new Promise((resolve, reject) => {
    const giveUp = (error: Error): void => {
      done()
      invoker.cancel(run)
      reject(error)
    }
    const aborted = (): void =>
      giveUp(new ExecutionFailed({ status: 499, errorType: 'Cancelled', errorMessage: 'the invocation was cancelled' }, 'cancelled'))
    const ended = (): void => giveUp(new EngineError('engine-closed', 'the engine was closed'))
    const done = (): void => {
      signal?.removeEventListener('abort', aborted)
      closed.removeEventListener('abort', ended)
    }
    if (signal?.aborted === true) return aborted()
    signal?.addEventListener('abort', aborted)
    closed.addEventListener('abort', ended)
    invoker.dispatch(
      run,
      {
        executionId: id,
        traceparent,
        callbackAt,
        log,
        ended: (_run, ok, value) => {
          done()
          if (ok) resolve(value)
          else reject(new ExecutionFailed(value as unknown as ErrorDocument, 'failed'))
        },
      },
      flow.now,
    )
  })
}
