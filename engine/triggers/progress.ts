/**
 * How far triggers are, and what became of messages: what makes an event start exactly one execution, whenever a process dies.
 *
 * - L1. Embedded, what an event leaves behind is written in the transaction of its start ({@link Along}).
 * - L2. Elsewhere it is written behind the start, whose id follows from the event: until then the event comes again, and finds its execution.
 * - L3. A batch's id follows from which events are in it, and a redelivery may cut elsewhere. So elsewhere a batch is noted before its start: its
 *   bounds in the place of its part, or, where there is no order, all of it, with the keys of its messages.
 * - L4. A place is of a generation: a source of an earlier one moves nothing that counts.
 */
import type { Place } from '../../connectors/triggers/contract.ts'
import type { Json } from '../../dsl/json.ts'
import type { PlanTrigger } from '../../dsl/plan.ts'

export interface TriggerKey {
  readonly flow: string
  readonly name: string
  readonly generation: number
}

/** How a place is moved. Numbers go forward only: whoever comes late with an older one moves nothing. */
export interface Move {
  readonly part: string
  readonly next: Json
  /** Of a batch: where it is the one that the place has as begun, it is so no longer. */
  readonly bounds?: Json
  /** The batch was noted for this start (L3): where the place has another one by now, somebody else has finished it, and nothing is moved. */
  readonly isBegun?: boolean
}

/** What an event leaves behind. */
export interface Step {
  readonly trigger: TriggerKey
  readonly move?: Move
  readonly messages?: { readonly keys: readonly string[]; readonly until: number }
}

export type LedgerOutcome = 'started' | 'filtered' | 'deadLettered' | 'skipped'

/** What has become of an event. */
export interface Fate {
  readonly outcome: LedgerOutcome
  readonly executionId?: string
}

/** What is written in the transaction of a start, or of finding that it was made before. */
export interface Along {
  /** Throws {@link MessagesKnown}. Called right before `write`, in the same turn of the event loop. */
  check(): void
  /** Within a transaction. */
  write(): void
  /** Whether it is: then it is safe if and only if the start is. */
  readonly written: boolean
  /** In place of `write` where the start is in no transaction: in one of its own, begun at once. Resolves when it is safe. */
  commit(): Promise<void>
}

/** A batch whose start is under way. */
export interface PendingStart {
  readonly id: string
  readonly flow: string
  readonly trigger: PlanTrigger
  readonly event: Json
  readonly place: string
  readonly traceparent?: string
  /** For a dead letter. */
  readonly original?: { readonly base64: string; readonly contentType?: string }
}

/** Rejects with EngineError as all of the store does. */
export interface ProgressStore {
  /** Of this store, or of this application's part of it: generations are counted within it. No other has it. */
  readonly id: string
  places(trigger: TriggerKey): Promise<ReadonlyMap<string, Place>>
  /** Sets a place that is still as `expected`; undefined: is not there. False, with nothing done, where it is another by now. */
  note(trigger: TriggerKey, part: string, next: Json, expected: Json | undefined): Promise<boolean>
  /** Of the keys, those of messages of which it is recorded what became of them. */
  known(trigger: TriggerKey, keys: readonly string[]): Promise<ReadonlySet<string>>
  /** Writes what an event leaves behind, outside of its start. Within this turn of the event loop, where `along` is there. Resolves when it is safe. */
  write(step: Step, fate: Fate): Promise<void>
  /** L1. */
  along?(step: Step, executionId: string): Along
  /** L3: notes a batch. Rejects with {@link PlaceMoved} or {@link MessagesKnown}. A batch that is noted already is noted. */
  begin?(step: Step, expected: Json | undefined, start: PendingStart): Promise<void>
  /**
   * L3: batches without an order that were noted so long ago that whoever did is gone, the oldest first. They count as noted now: whoever asks next, this
   * process or another, gets others first.
   */
  left?(olderThanMs: number, limit: number): Promise<readonly PendingStart[]>
  /** L3: of such a batch. */
  finish?(id: string): Promise<void>
  /**
   * L3: of such a batch that was never started, and whose flow is gone: forgets it with its messages, which are new where they come again. False, with
   * nothing done, where the flow is there by now.
   */
  undo?(id: string, flow: string): Promise<boolean>
  /** Resolves when all that was written is safe, what was to be written soon, too. */
  flush(): Promise<void>
  /**
   * Where others read for the trigger, too: marks it as halted for a while, so that they stop (`TriggerState.isHalted`); 0: no longer. A server
   * that dies leaves no more than the rest of that while.
   */
  halt?(flow: string, name: string, ms: number): Promise<void>
  /** The places of the next generation, which begins with it, and ends the halt; resolves to its number. */
  seek(flow: string, name: string, places: ReadonlyMap<string, Json>): Promise<number>
  /** Forgets messages whose time is over, some of them; resolves to how many. */
  prune(now: number): Promise<number>
}

/** Thrown where another process has moved the place by now: the source begins anew, with the places as they are. */
export class PlaceMoved extends Error {
  constructor({ flow, name }: TriggerKey, part: string) {
    super(`trigger ${flow}/${name}: another process has gone on with ${part === '' ? 'it' : part}`)
    this.name = 'PlaceMoved'
  }
}

/** Thrown where messages of a batch have become something in between: it is to be made without them. */
export class MessagesKnown extends Error {
  constructor({ flow, name }: TriggerKey) {
    super(`trigger ${flow}/${name}: messages of this batch were handled by somebody else meanwhile`)
    this.name = 'MessagesKnown'
  }
}

/** Whether a place goes on from one to another. */
export function isForward(from: Json | undefined, to: Json): boolean {
  return typeof from !== 'number' || typeof to !== 'number' || to >= from
}
