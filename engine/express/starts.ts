import type { Json } from '../../dsl/json.ts'
import type { CallbackResult, Execution, StartOptions } from '../api.ts'
import type { LetIn } from '../admission.ts'
import { EngineError, ExecutionFailed, notRunning, waitAborted } from '../errors.ts'
import type { DeployedFlow } from '../execution-info.ts'
import { checkSignal, takeAnswer, takeTrigger } from '../intake.ts'
import { guarded } from '../listeners.ts'
import { ExpressExecutions } from './executions.ts'
import { ExpressExecution, type ExpressCallbacks, type ExpressDone, type ExpressServices, type ExpressStart } from './express-host.ts'

/** Express executions as an engine's callers start them and wait for them. */
export class ExpressStarts {
  readonly executions = new ExpressExecutions()
  private readonly callbacks: ExpressCallbacks = new Map()
  private readonly services: ExpressServices

  constructor(services: ExpressServices) {
    this.services = services
  }

  /** Runs a flow to its end, without a trace in {@link executions}. Rejects with ExecutionFailed. */
  run(deployed: DeployedFlow, input: Json, options: StartOptions): Promise<Json> {
    return new Promise((resolve, reject) => {
      const execution = new ExpressExecution(this.services, this.callbacks, deployed, input, startOf(options), ({ flow }) => {
        if (flow.error === null) resolve(flow.output)
        else reject(new ExecutionFailed(flow.error, flow.status))
      })
      if (options.signal !== undefined) stopOnAbort(execution, options.signal)
      execution.begin()
    })
  }

  /** Throws EngineError `not-durable`, and what `letIn` throws. */
  start(deployed: DeployedFlow, input: Json, options: StartOptions, letIn: LetIn): Execution {
    if (options.name !== undefined)
      throw new EngineError('not-durable', `flow ${deployed.name} is an express flow, whose executions leave no record to find by a name`)
    letIn(this.executions.open, 'express')
    const execution = this.create(deployed, input, startOf(options), () => undefined, options.unlisted)
    if (options.signal !== undefined) stopOnAbort(execution, options.signal)
    execution.begin()
    return this.handle(execution)
  }

  /** The execution that has this id already, of whatever flow. */
  existing(id: string | undefined): Execution | undefined {
    const execution = id === undefined ? undefined : this.executions.started(id)
    return execution === undefined ? undefined : { ...this.handle(execution), existed: true }
  }

  /** One that is found by its id, unless it is unlisted, and has yet to begin. */
  create(deployed: DeployedFlow, input: Json, start: ExpressStart, done: ExpressDone, unlisted = false): ExpressExecution {
    const execution = new ExpressExecution(this.services, this.callbacks, deployed, input, start, done)
    if (unlisted) this.executions.addUnlisted(execution)
    else this.executions.add(execution)
    return execution
  }

  /** The output, when it has ended. Rejects with ExecutionFailed, and EngineError `aborted`. */
  result(execution: ExpressExecution, signal: AbortSignal | undefined): Promise<Json> {
    return new Promise((resolve, reject) => {
      const aborted = (): void => reject(waitAborted(signal))
      if (signal?.aborted === true) return aborted()
      signal?.addEventListener('abort', aborted)
      execution.whenEnded(() => {
        signal?.removeEventListener('abort', aborted)
        const { status, output, error } = execution.flow
        if (error === null) resolve(output)
        else reject(new ExecutionFailed(error, status))
      })
    })
  }

  /**
   * Answers the callback of a token; false where no express execution has given it out. Throws EngineError `callback-already-used`,
   * `callback-expired`, and as `takeAnswer`.
   *
   * @param id Of the call: one that is made again finds its first.
   */
  answer(token: string, result: CallbackResult, id: string | undefined): boolean {
    const waiting = this.callbacks.get(token)
    if (waiting === undefined) return false
    const { ok, value } = takeAnswer(result)
    if (waiting.used && id !== undefined && waiting.usedBy === id) return true
    if (waiting.used) throw new EngineError('callback-already-used', 'this callback was answered before; a token works once')
    const { execution } = waiting
    // used before it is handed over: the execution may end by it
    waiting.used = true
    waiting.usedBy = id
    if (execution?.called(waiting.place, ok, value) === true) return true
    waiting.used = false
    throw new EngineError('callback-expired', 'nothing waits for this callback any more')
  }

  /** Throws EngineError `execution-not-running`. */
  stop(execution: ExpressExecution): void {
    if (execution.flow.status !== 'running') throw notRunning(execution.id, execution.flow.status)
    execution.stop()
  }

  /** Holds the execution itself: it is forgotten some time after its end. */
  private handle(execution: ExpressExecution): Execution {
    const { id } = execution
    return {
      id,
      flow: execution.deployed.name,
      result: async (options = {}) => {
        checkSignal(options.signal)
        return this.result(execution, options.signal)
      },
      describe: async () => execution.describe(),
      stop: async () => this.stop(execution),
    }
  }
}

function stopOnAbort(execution: ExpressExecution, signal: AbortSignal): void {
  const stop = (): void => {
    if (execution.flow.status === 'running') execution.stop()
  }
  signal.addEventListener('abort', stop, { once: true })
  execution.whenEnded(() => signal.removeEventListener('abort', stop))
}

/** The record that `onNode` gets is a copy: the engine's own goes on changing. */
function startOf(options: StartOptions): ExpressStart {
  const { trigger, traceparent, onNode } = options
  if (trigger === undefined && onNode === undefined) return options
  const tell = guarded('onNode', onNode)
  return {
    ...(options.id === undefined ? {} : { id: options.id }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(trigger === undefined ? {} : { trigger: takeTrigger(trigger) }),
    ...(onNode === undefined
      ? {}
      : { onNode: (record) => tell({ ...record, ...(record.iterations === undefined ? {} : { iterations: { ...record.iterations } }) }) }),
  }
}
