import type { Engine, EngineOptions } from '../../../engine/api.ts'

/** An engine as the contract tests it, and where it may differ from others. */
export interface Subject {
  /** Makes an engine. What is kept is kept at a place: an engine made later with the same one finds it. */
  open(place: string, options: EngineOptions): Promise<Engine>
  /** Makes an engine at a place where one is open; it starts flows and looks on, and runs nothing. Absent: one process owns a place. */
  alsoOpen?(place: string, options: EngineOptions): Promise<Engine>
  /** Ends an engine as hard as can be done from within its process. */
  interrupt(engine: Engine): Promise<void>
  /** Times so many seconds is what a function may need to be called on a busy machine. */
  readonly slack: number
  /**
   * A flow may compute for seconds before it does anything. On Temporal a task of its workflow must end within 3 s: where the machine is so
   * busy that it does not, it begins anew, for good.
   */
  readonly computesLong: boolean
  /** Whether tests may run side by side: where they wait for others more than they work. */
  readonly concurrent: boolean
  /** Lists and logs show what was acknowledged. On Temporal both are written in groups, a moment later. */
  readonly showsAtOnce: boolean
  /** When a stop is acknowledged running functions know of it. On Temporal a worker learns of it with its next heartbeat, every second. */
  readonly abortsAtOnce: boolean
  /** Calls that are made in one turn take effect in their order. On Temporal they are requests of their own. */
  readonly startsInOrder: boolean
  /** Functions that answer at once are taken in the order in which they were called. Workers answer as it happens. */
  readonly answersInOrder: boolean
  /** A list names the node of the parent of what still runs. Temporal's visibility knows the parent's id. */
  readonly listsWithNodes: boolean
  /** The next engine tells the listeners of callbacks that wait. On Temporal they wait in no process: only the worker that begins one tells. */
  readonly announcesAgain: boolean
}
