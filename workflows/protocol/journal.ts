/** The journal of a Temporal execution: the core's events, in their order, with the numbers that the embedded engine's store has for them. */
import type { CoreEvent } from '../../dsl/core/machine.ts'
import type { Carried } from '../../dsl/core/state.ts'
import type { ErrorDocument } from '../../dsl/errors.ts'
import type { JournalRow } from './shapes.ts'

/** Numbers of the kinds (docs/design/journal.md). */
export const EVENT = { ok: 1, error: 2, timer: 3, called: 4, refused: 5, stop: 6, carry: 7, replace: 8 } as const

/** The core's event that a row is. */
export function eventOf([kind, place, time, data]: JournalRow): CoreEvent {
  switch (kind) {
    case EVENT.ok:
      return { kind: 'ok', place, data, time }
    case EVENT.error:
      return { kind: 'error', place, data: data as unknown as ErrorDocument, time }
    case EVENT.timer:
      return { kind: 'timer', place, purpose: data as string, time }
    case EVENT.called:
      return { kind: 'called', place, data, time }
    case EVENT.refused:
      return { kind: 'refused', place, data: data as unknown as ErrorDocument, time }
    case EVENT.stop:
      return { kind: 'stop', time }
    case EVENT.carry:
      return { kind: 'carry', lineage: place, data: data as unknown as Carried, time }
    case EVENT.replace:
      return { kind: 'replace', lineage: place, data, time }
    default:
      throw new Error(`a journal has no events of kind ${kind}`)
  }
}

/** True for what comes before the start. */
export function isPrelude([kind]: JournalRow): boolean {
  return kind === EVENT.carry || kind === EVENT.replace
}
