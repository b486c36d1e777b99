import { CORE_VERSION, outstanding, prepare } from '../../dsl/core/machine.ts'
import { placeOf } from '../../dsl/core/place.ts'
import { NodeRun, type FlowStart } from '../../dsl/core/state.ts'
import type { Json } from '../../dsl/json.ts'
import type { Plan } from '../../dsl/plan.ts'
import type { NodeRecord } from '../../engine/api.ts'
import { fold, type Folder } from '../../engine/embedded/fold.ts'
import { refreshView } from '../../engine/embedded/reader.ts'
import type { EventRow } from '../../engine/embedded/store.ts'
import { NodeView } from '../../engine/view.ts'

/** A recorded journal: what the store holds of an execution, and what folding it gives. */
export interface JournalFile {
  readonly core: number
  readonly plan: Plan
  readonly start: { readonly id: string; readonly input: Json; readonly startedAt: number; readonly version: string }
  readonly rows: readonly EventRow[]
  readonly expected: Expected
}

export interface Expected {
  readonly status: string
  readonly output: Json
  readonly error: Json
  readonly records: readonly NodeRecord[]
  /** Records inside each loop, by its place. */
  readonly inside: Readonly<Record<string, readonly NodeRecord[]>>
  /** What a recovery would issue again. */
  readonly outstanding: readonly string[]
}

export const CORE = CORE_VERSION

/** The start as the core takes it. */
export function startOf({ id, input, startedAt, version }: JournalFile['start']): FlowStart {
  const callbackAt = (place: string): { token: string; url: string } => ({ token: `token of ${place}`, url: `http://localhost/${place}` })
  return { id, input, startedAt, version, trigger: undefined, callbackAt }
}

/** Folds a recorded journal as the engine would, and looks at what comes of it. */
export function foldFile({ plan, start, rows }: Omit<JournalFile, 'expected' | 'core'>): Expected {
  const folded = (view: NodeView): Folder => {
    const folder = fold(prepare(plan), startOf(start), rows, view)
    refreshView(view, folder)
    return folder
  }
  const view = new NodeView()
  const { flow } = folded(view)
  const inside: Record<string, NodeRecord[]> = {}
  for (const { type, place } of view.list()) {
    if (type !== 'loop') continue
    const inner = new NodeView({ inside: { loop: place, from: 0, to: 1000 } })
    folded(inner)
    inside[place] = inner.list()
  }
  return plain({
    status: flow.status,
    output: flow.output,
    error: flow.error as unknown as Json,
    records: view.list(),
    inside,
    outstanding: outstanding(flow).map((command) => {
      if (command instanceof NodeRun) return `${command.kind} ${placeOf(command)}`
      if (command.kind !== 'timer') return command.kind
      return `timer ${command.purpose} ${command.run === null ? '' : placeOf(command.run)} at ${command.due}`
    }),
  })
}

function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}
