import { bodyOf } from '../dsl/core/body.ts'
import type { NodeRun } from '../dsl/core/state.ts'
import { ENGINE_ERRORS, NodeError, type ErrorDocument } from '../dsl/errors.ts'
import { copyJson, JsonCopyError, PAYLOAD_LIMIT } from '../dsl/json-copy.ts'
import type { Json } from '../dsl/json.ts'
import { startError } from '../dsl/nodes/subflow.ts'
import type { ChildLauncher, ChildRequest, RunningChild } from './children.ts'
import type { Durable } from './durable.ts'
import { EngineError } from './errors.ts'
import { MAX_DEPTH, type DeployedFlow } from './execution-info.ts'
import type { ExpressDone, ExpressExecution, ExpressStart } from './express/express-host.ts'
import type { FlowRegistry } from './flow-registry.ts'

/** What starting a child needs of the engine. */
export interface ChildHosts {
  readonly flows: FlowRegistry
  /** Asks the registry that several engines share; absent: `flows` is all there is. */
  readonly shared?: (flow: string, id: string) => Promise<DeployedFlow | undefined>
  /** Null: this engine runs express flows only. */
  durable(): Promise<Durable> | null
  startExpress(deployed: DeployedFlow, input: Json, start: ExpressStart, done: ExpressDone): ExpressExecution
}

const NOTHING: RunningChild = { stop: () => undefined, abandon: () => undefined }

/** Starts children in their own mode, whatever the parent's. */
export class LocalChildren implements ChildLauncher {
  private readonly hosts: ChildHosts

  constructor(hosts: ChildHosts) {
    this.hosts = hosts
  }

  launch(
    run: NodeRun,
    request: ChildRequest,
    ended: (ok: boolean, value: Json) => void,
    detached: () => void,
    /** What others' registry has; null: no such flow. */
    resolved?: DeployedFlow | null,
  ): RunningChild {
    const refuse = (errorType: string, status: number, errorMessage: string): RunningChild => {
      const error = startError({ status, errorType, errorMessage })
      queueMicrotask(() => ended(false, error as unknown as Json))
      return NOTHING
    }
    const { shared } = this.hosts
    if (request.again === true) return this.launchAgain(run, request, ended, detached)
    if (shared !== undefined && resolved === undefined) return this.launchLater(shared, run, request, ended, detached)
    const deployed = shared === undefined ? this.hosts.flows.find(request.flow, request.id) : (resolved as DeployedFlow | null)
    if (deployed === undefined || deployed === null)
      return refuse('FlowNotFound', ENGINE_ERRORS.FlowNotFound, `no flow ${request.flow} is deployed`)
    if (request.depth > MAX_DEPTH) {
      return refuse(
        'SubflowDepthExceeded',
        ENGINE_ERRORS.SubflowDepthExceeded,
        `flow ${request.flow} would run at depth ${request.depth}; at most ${MAX_DEPTH} are allowed below the first`,
      )
    }
    let input: Json
    try {
      input = copyJson(bodyOf(run).value, PAYLOAD_LIMIT)
    } catch (error) {
      if (error instanceof NodeError) return refuse(error.document.errorType, error.document.status, error.document.errorMessage)
      if (!(error instanceof JsonCopyError)) throw error
      const deep = error.reason === 'too-deep'
      return refuse(deep ? 'PayloadTooDeep' : 'PayloadTooLarge', deep ? ENGINE_ERRORS.PayloadTooDeep : 406, error.message)
    }
    if (deployed.plan.mode === 'express') return this.launchExpress(deployed, request, input, ended, detached)
    const host = this.hosts.durable()
    if (host === null)
      return refuse('FlowNotFound', ENGINE_ERRORS.FlowNotFound, `flow ${request.flow} is a standard flow, and this engine has no store`)
    return launchDurable(host, deployed, request, input, ended, detached)
  }

  /** Where others deploy flows too, the child's is asked for first. */
  private launchLater(
    shared: NonNullable<ChildHosts['shared']>,
    run: NodeRun,
    request: ChildRequest,
    ended: (ok: boolean, value: Json) => void,
    detached: () => void,
  ): RunningChild {
    let given: keyof RunningChild | null = null
    let child: RunningChild | null = null
    shared(request.flow, request.id).then(
      (resolved) => {
        if (given === null) child = this.launch(run, request, ended, detached, resolved ?? null)
      },
      (error: unknown) => {
        const document = startError({ status: 500, errorType: 'InternalError', errorMessage: String(error) })
        if (given === null) ended(false, document as unknown as Json)
      },
    )
    const give = (how: keyof RunningChild) => () => {
      given ??= how
      child?.[how]()
    }
    return { stop: give('stop'), abandon: give('abandon') }
  }

  /** A child that an earlier process has started is that child, whatever its reference leads to by now. */
  private launchAgain(run: NodeRun, request: ChildRequest, ended: (ok: boolean, value: Json) => void, detached: () => void): RunningChild {
    const opening = this.hosts.durable()
    const launch = (isThere: boolean): RunningChild =>
      isThere && opening !== null
        ? launchDurable(opening, null, request, null, ended, detached)
        : this.launch(run, { ...request, again: false }, ended, detached)
    if (opening === null) return launch(false)
    let given: keyof RunningChild | null = null
    let child: RunningChild | null = null
    opening
      .then((host) => host.hasChild?.(request.id) === true)
      .then(
        (isThere) => {
          if (given === null) child = launch(isThere)
        },
        // a failed store or a closed engine: the recovery asks again
        () => undefined,
      )
    const give = (how: keyof RunningChild) => () => {
      given ??= how
      child?.[how]()
    }
    return { stop: give('stop'), abandon: give('abandon') }
  }

  private launchExpress(
    deployed: DeployedFlow,
    request: ChildRequest,
    input: Json,
    ended: (ok: boolean, value: Json) => void,
    detached: () => void,
  ): RunningChild {
    let forgotten = false
    const { execution: parent, node } = request.parent
    const start = { id: request.id, depth: request.depth, parent: { execution: parent, node }, ...traceOf(request) }
    const child = this.hosts.startExpress(deployed, input, start, ({ flow }) => {
      if (request.wait && !forgotten) tell(ended, flow)
    })
    // its parent first learns that it has been asked for: it may end at once
    queueMicrotask(() => child.begin())
    if (!request.wait) queueMicrotask(() => ended(true, { executionId: request.id }))
    const giveUp = (): void => {
      forgotten = true
      if (child.flow.status === 'running') child.stop()
    }
    const stop = (): void => {
      if (forgotten) return
      giveUp()
      detached()
    }
    return request.wait ? { stop, abandon: giveUp } : NOTHING
  }
}

function traceOf({ traceparent }: ChildRequest): { readonly traceparent?: string } {
  return traceparent === undefined ? {} : { traceparent }
}

/** What a child that is waited for has come to. */
function tell(
  ended: (ok: boolean, value: Json) => void,
  { error, output }: { readonly error: ErrorDocument | null; readonly output: Json },
): void {
  if (error === null) ended(true, output)
  else ended(false, error as unknown as Json)
}

/** @param deployed Null: the child is there. */
function launchDurable(
  opening: Promise<Durable>,
  deployed: DeployedFlow | null,
  request: ChildRequest,
  input: Json,
  ended: (ok: boolean, value: Json) => void,
  detached: () => void,
): RunningChild {
  let stopped = false
  const { execution: parent, node, place } = request.parent
  const begin = async (): Promise<void> => {
    const host = await opening
    const reports = request.wait && place !== undefined
    const start = {
      id: request.id,
      input,
      depth: request.depth,
      ...traceOf(request),
      parent: { execution: parent, node, ...(reports ? { place } : {}) },
    }
    const { existed } = deployed === null ? { existed: true } : await host.start(deployed, start)
    if (stopped && request.wait) host.stop(request.id).catch(() => undefined)
    if (!request.wait) return ended(true, { executionId: request.id })
    if (reports && !existed) return detached()
    if (reports && host.isRunning?.(request.id) === true) return detached()
    tell(ended, await host.outcome(request.id))
  }
  begin().catch((error: unknown) => {
    // a failed store or a closed engine: the parent's state is gone as well, and the recovery asks again
    if (error instanceof EngineError) return
    ended(
      false,
      startError({ status: 500, errorType: 'InternalError', errorMessage: String(error) } satisfies ErrorDocument) as unknown as Json,
    )
  })
  return {
    stop: () => {
      stopped = true
      void opening.then((host) => host.stop(request.id)).catch(() => undefined)
    },
    abandon: () => undefined,
  }
}
