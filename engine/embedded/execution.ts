import type { Command, Flow, FlowStart, NodeRun } from '../../dsl/core/state.ts'
import { copyData } from '../../dsl/json-copy.ts'
import type { ErrorDocument } from '../../dsl/errors.ts'
import type { Json } from '../../dsl/json.ts'
import type { LogLine } from '../../executors/contract.ts'
import type { ExecutionRecord } from '../api.ts'
import { EngineError } from '../errors.ts'
import { callbackToken } from '../ids.ts'
import type { InvocationOwner } from '../invoker.ts'
import type { DeployedFlow } from '../execution-info.ts'
import type { DurableStart } from './contract.ts'
import type { EmbeddedHost } from './embedded-host.ts'
import type { AfterCommit } from './journal.ts'
import type { EventRow, ExecutionRow } from './store.ts'

/** What an execution's row says about it, for the core. */
export class StoredStart implements FlowStart {
  readonly id: string
  readonly input: Json
  readonly startedAt: number
  readonly version: string
  readonly trigger: FlowStart['trigger']
  readonly traceparent: string | undefined
  private readonly secret: Uint8Array
  private readonly callbackUrl: (token: string) => string

  constructor(
    start: {
      readonly id: string
      readonly input: Json
      readonly startedAt: number
      readonly version: string
      readonly trigger: FlowStart['trigger']
      readonly traceparent: string | undefined
    },
    secret: Uint8Array,
    callbackUrl: (token: string) => string,
  ) {
    this.id = start.id
    this.input = start.input
    this.startedAt = start.startedAt
    this.version = start.version
    this.trigger = start.trigger
    this.traceparent = start.traceparent
    this.secret = secret
    this.callbackUrl = callbackUrl
  }

  callbackAt(place: string): { readonly token: string; readonly url: string } {
    const token = callbackToken(this.secret, this.id, place)
    return { token, url: this.callbackUrl(token) }
  }
}

/** What an execution's row says beside what the core takes. */
export type Origin = Pick<DurableStart, 'name' | 'parent' | 'retryOf'>

/** Most have none of it, and many executions wait. */
const NO_ORIGIN: Origin = {}

export function originOf({ name, parent, retryOf }: DurableStart): Origin {
  if (name === undefined && parent === undefined && retryOf === undefined) return NO_ORIGIN
  return {
    ...(name === undefined ? {} : { name }),
    ...(parent === undefined ? {} : { parent }),
    ...(retryOf === undefined ? {} : { retryOf }),
  }
}

export function originOfRow({ name, parent, parent_node: node, retry_of: retryOf }: ExecutionRow): Origin {
  if (name === null && parent === null && retryOf === null) return NO_ORIGIN
  return {
    ...(name === null ? {} : { name }),
    ...(parent === null ? {} : { parent: { execution: parent, node: node ?? '' } }),
    ...(retryOf === null ? {} : { retryOf }),
  }
}

/** A durable execution in memory: its state, and what it has under way. Thrown away and folded again at need. */
export class EmbeddedExecution implements InvocationOwner {
  readonly host: EmbeddedHost
  readonly key: number
  readonly start: StoredStart
  readonly deployed: DeployedFlow
  readonly depth: number
  readonly parent: { readonly execution: string; readonly place: string } | null
  readonly flow: Flow
  /** Of the last event that was written. */
  seq: number
  /** Invocations, publications and express children under way: it must stay in memory. */
  underWay = 0
  /** Events written and not yet released. */
  pending = 0
  /** Thrown away: what still comes in for it is void. */
  discarded = false
  /** Its start is committed. */
  safe = false
  /** What the core need not know of its start. */
  private readonly origin: Origin

  constructor(
    host: EmbeddedHost,
    key: number,
    start: StoredStart,
    deployed: DeployedFlow,
    depth: number,
    parent: { readonly execution: string; readonly place: string } | null,
    flow: Flow,
    seq: number,
    origin: Origin,
  ) {
    this.host = host
    this.key = key
    this.start = start
    this.deployed = deployed
    this.depth = depth
    this.parent = parent
    this.flow = flow
    this.seq = seq
    this.origin = origin
  }

  /** Its public record, without a look at the store. Of what is safe: who asks makes sure of it. */
  record(withData: boolean): ExecutionRecord {
    const { start, deployed, flow } = this
    const { status, output, error } = flow
    const { name, parent, retryOf } = this.origin
    const { trigger } = start
    return {
      id: start.id,
      flow: deployed.name,
      version: deployed.version,
      revision: deployed.hash,
      mode: 'standard',
      ...(name === undefined ? {} : { name }),
      status,
      startedAt: start.startedAt,
      ...(status === 'running' ? {} : { endedAt: flow.now }),
      // the caller's own: ours must stay as it is
      ...(withData ? { input: copyData(start.input) } : {}),
      ...(withData && status === 'succeeded' ? { output: copyData(output) } : {}),
      ...(error === null ? {} : { error: copyData(error as unknown as Json) as unknown as ErrorDocument }),
      ...(parent === undefined ? {} : { parent: { execution: parent.execution, node: parent.node } }),
      ...(retryOf === undefined ? {} : { retryOf }),
      ...(trigger === undefined ? {} : { trigger: shownTrigger(trigger) }),
    }
  }

  get executionId(): string {
    return this.start.id
  }

  get traceparent(): string | undefined {
    return this.start.traceparent
  }

  callbackAt(place: string): { readonly token: string; readonly url: string } {
    return this.start.callbackAt(place)
  }

  log(line: LogLine, node: string | undefined, attempt: number): void {
    this.host.log(this, line, node, attempt)
  }

  ended(run: NodeRun, ok: boolean, value: Json): void {
    this.host.effectEnded(this, run, ok, value)
  }
}

/** One event on its way to the disk: what follows from it, to be released when it is safe. */
export class Release implements AfterCommit {
  private readonly execution: EmbeddedExecution
  commands: Command[] = []
  row: EventRow | null = null
  /** A callback node that began to wait. */
  waiting: NodeRun | null = null

  constructor(execution: EmbeddedExecution) {
    this.execution = execution
  }

  committed(): void {
    const { execution, row } = this
    execution.pending -= 1
    if (execution.host.afterEvent?.() === true || execution.discarded) return
    if (row !== null) execution.host.observed(execution, row, this.waiting)
    execution.host.release(execution, this.commands)
  }
}

/** The public record of a row. */
export function recordOf(row: ExecutionRow, withData: boolean): ExecutionRecord {
  const trigger = row.trigger === null ? undefined : (parsed(row, row.trigger, { type: 'unreadable' }) as { type: string; name?: string })
  return {
    id: row.id,
    flow: row.flow,
    version: row.version,
    revision: row.plan,
    mode: 'standard',
    ...(row.name === null ? {} : { name: row.name }),
    status: row.status,
    startedAt: row.started_at,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    ...(withData ? { input: parsed(row, row.input) as Json } : {}),
    ...(withData && row.output !== null ? { output: parsed(row, row.output) as Json } : {}),
    ...(row.error === null ? {} : { error: parsed(row, row.error, UNREADABLE_ERROR) as NonNullable<ExecutionRecord['error']> }),
    ...(row.parent === null ? {} : { parent: { execution: row.parent, node: row.parent_node ?? '' } }),
    ...(row.retry_of === null ? {} : { retryOf: row.retry_of }),
    ...(trigger === undefined ? {} : { trigger: shownTrigger(trigger) }),
  }
}

function shownTrigger({ type, name }: { readonly type: string; readonly name?: string }): NonNullable<ExecutionRecord['trigger']> {
  return name === undefined ? { type } : { type, name }
}

const UNREADABLE_ERROR: ErrorDocument = {
  status: 500,
  errorType: 'Unreadable',
  errorMessage: 'the error of this execution is damaged in the store',
}

/** A column's JSON. A damaged one is `instead`, so that lists show the others; without it an EngineError `store-unusable`. */
function parsed(row: ExecutionRow, text: string, instead?: unknown): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    if (instead !== undefined) return instead
    throw new EngineError('store-unusable', `execution ${row.id} is damaged in the store; restore the folder from a backup, or delete it`, {
      cause,
    })
  }
}
