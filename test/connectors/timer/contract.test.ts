/** What every connector holds, as far as a clock is a source: its events are ticks, ten seconds apart, which are there for whoever is enabled then. */
import { afterEach, beforeEach, vi } from 'vitest'
import { openTimer } from '../../../connectors/timer/index.ts'
import { until } from '../../engine/calls.ts'
import { connectorContract } from '../contract.ts'
import { ManualClock } from './manual-clock.ts'

const BEGIN = Date.parse('2026-11-26T12:00:00Z')
const APART_MS = 10_000
const tickOf = (n: number): number => BEGIN + (n + 1) * APART_MS
let clock: ManualClock

beforeEach(() => {
  // the engine has the time of the test, too
  vi.useFakeTimers({ toFake: ['Date'] })
  clock = new ManualClock(BEGIN + 500, (time) => vi.setSystemTime(time))
})
afterEach(() => {
  vi.useRealTimers()
})

connectorContract({
  kind: 'timer',
  hasOrder: true,
  hasBatches: false,
  canSeek: true,
  keepsEvents: false,
  seams: { kinds: { timer: async () => (services) => openTimer(services, clock) } },
  deployed: () => until(() => clock.waiting > 0, 'a timer at work'),
  numberOf: (event) => (Date.parse((event as { time: string }).time) - BEGIN) / APART_MS - 1,
  stream: async () => ({
    trigger: () => ({ type: 'timer', cron: '*/10 * * * * *', catchUp: '1d' }),
    produce: async (values) => {
      const [first, last] = [values[0]!.n, values.at(-1)!.n]
      if (clock.now() >= tickOf(first) || clock.now() < tickOf(first - 1)) throw new Error(`tick ${first} is not the next`)
      await clock.to(tickOf(last) + 100)
    },
    path: { one: '$' },
    allBut: (n) => `$.time != '${new Date(tickOf(n)).toISOString().replace('.000Z', 'Z')}'`,
  }),
})
