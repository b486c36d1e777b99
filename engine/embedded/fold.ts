import { begin, createFlow, step, type CoreEvent } from '../../dsl/core/machine.ts'
import type { PreparedPlan } from '../../dsl/core/prepare.ts'
import type { Carried, Flow, FlowStart, Recorder } from '../../dsl/core/state.ts'
import type { ErrorDocument } from '../../dsl/errors.ts'
import type { Json } from '../../dsl/json.ts'
import { EVENT } from './schema.ts'
import type { EventRow } from './store.ts'

/** Folds a journal as it comes, row by row: a recovery, a view and a live stream are the same fold with another recorder. */
export class Folder {
  readonly flow: Flow
  seq = 0
  private begun = false

  constructor(prepared: PreparedPlan, start: FlowStart, recorder: Recorder | null) {
    this.flow = createFlow(prepared, start, recorder)
  }

  /** Takes one row. The commands that follow were given when it was live; here they are dropped. */
  take(row: EventRow): void {
    this.seq = row.seq
    if (!this.begun && row.kind !== EVENT.carry && row.kind !== EVENT.replace) this.begin()
    const event = eventOf(row)
    if (event !== null) step(this.flow, event)
  }

  /** Takes the start, if no row has done so. */
  begin(): void {
    if (this.begun) return
    this.begun = true
    begin(this.flow)
  }
}

/** Folds all rows. */
export function fold(prepared: PreparedPlan, start: FlowStart, rows: Iterable<EventRow>, recorder: Recorder | null = null): Folder {
  const folder = new Folder(prepared, start, recorder)
  for (const row of rows) folder.take(row)
  folder.begin()
  return folder
}

function eventOf(row: EventRow): CoreEvent | null {
  const { kind, place, time } = row
  const data = (): unknown => JSON.parse(row.data ?? 'null')
  switch (kind) {
    case EVENT.ok:
      return { kind: 'ok', place, data: data() as Json, time }
    case EVENT.error:
      return { kind: 'error', place, data: data() as ErrorDocument, time }
    case EVENT.timer:
      return { kind: 'timer', place, purpose: data() as string, time }
    case EVENT.called:
      return { kind: 'called', place, data: data() as Json, time }
    case EVENT.refused:
      return { kind: 'refused', place, data: data() as ErrorDocument, time }
    case EVENT.stop:
      return { kind: 'stop', time }
    case EVENT.carry:
      return { kind: 'carry', lineage: place, data: data() as Carried, time }
    case EVENT.replace:
      return { kind: 'replace', lineage: place, data: data() as Json, time }
    default:
      return null
  }
}
