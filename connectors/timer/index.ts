import type { ConnectorKind, KindServices } from '../kind.ts'
import { SystemClock, type Clock } from './clock.ts'
import { TimerSource } from './source.ts'

/** Timers: no broker, but a clock. */
export function openTimer(
  { timezone, backoff }: Pick<KindServices, 'timezone' | 'backoff'>,
  clock: Clock = new SystemClock(),
): ConnectorKind<'timer'> {
  return { source: (trigger, host) => new TimerSource(trigger, host, { clock, timezone, backoff }) }
}
