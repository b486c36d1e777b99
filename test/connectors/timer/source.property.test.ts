import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { openTimer } from '../../../connectors/timer/index.ts'
import { Backoff } from '../../../connectors/triggers/backoff.ts'
import { scheduleOf } from '../../../dsl/cron/schedule.ts'
import { TestHost } from '../host.ts'
import { TimerLab, TRIGGER } from './lab.ts'
import { ManualClock } from './manual-clock.ts'

const START = Date.parse('2026-10-25T00:00:00.500Z')
const SECOND = 1000

type Move =
  | { readonly what: 'pass' | 'restart' | 'disable' | 'jump'; readonly ms: number }
  | { readonly what: 'end'; readonly executions: number }
  | { readonly what: 'refuse' }

const ms = fc.oneof(fc.integer({ min: 0, max: 120 * SECOND }), fc.integer({ min: 0, max: 5 * SECOND }))
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constant('pass' as const), ms }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('restart' as const), ms }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('disable' as const), ms }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('jump' as const), ms }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('end' as const), executions: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 1, arbitrary: fc.constant({ what: 'refuse' as const }) },
)

describe('whatever happens', () => {
  let lab: TimerLab | undefined
  afterEach(() => lab?.stop())

  test('each tick of time in which the trigger was enabled has one fate: it has started something, was skipped, or waits', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('@every 7s', '0/10 * * * * *', '* * * * * *', '30 * * * * *', '@every 1m'),
        fc.constantFrom(0, 5 * SECOND, 60 * SECOND, 3600 * SECOND),
        fc.constantFrom('queue' as const, 'skip' as const),
        fc.integer({ min: 1, max: 4 }),
        fc.array(move, { minLength: 1, maxLength: 25 }),
        async (cron, catchUpMs, overlap, room, moves) => {
          lab = new TimerLab(START, { cron, catchUpMs, overlap }, { room })
          const { clock } = lab
          const schedule = scheduleOf(cron, { zone: 'UTC', origin: START })
          await lab.start()
          let disabled = 0
          for (const each of moves) {
            if (each.what === 'pass') await clock.pass(each.ms)
            else if (each.what === 'restart') await lab.restart(each.ms, room)
            else if (each.what === 'jump') await clock.set(clock.now() + each.ms)
            else if (each.what === 'end') lab.host.end(each.executions)
            else if (each.what === 'refuse') refuseOnce(lab.host)
            else {
              const from = clock.now()
              await lab.disableFor(each.ms)
              disabled += schedule.count(from, clock.now(), Infinity)
            }
          }
          await expect.poll(() => isQuiet(lab as TimerLab), { timeout: 30_000 }).toBe(true)
          const source = lab.source!
          await lab.stop()
          const all = schedule.count(START, clock.now(), Infinity)
          const { ticks, skipped } = lab
          expect(ticks.length + skipped + source.lag!).toBe(all - disabled)
          expect(new Set(ticks).size).toBe(ticks.length)
          expect([...ticks].sort()).toEqual(ticks)
        },
      ),
      { numRuns: 60 },
    )
  }, 120_000)
})

/** The next delivery is rejected. */
function refuseOnce(host: TestHost): void {
  const { fate } = host
  host.fate = (event) => {
    host.fate = fate
    throw new Error(`not now: ${event.place}`)
  }
}

/** Nothing more follows as long as the clock stands. */
function isQuiet({ host, source, clock }: TimerLab): boolean {
  return (source!.lag === 0 || !host.hasRoom) && clock.waiting === 1
}

test('thousands of timers wait and fire side by side', async () => {
  const clock = new ManualClock('2026-11-26T12:00:00.500Z')
  const kind = openTimer({ timezone: 'Europe/Berlin', backoff: () => new Backoff() }, clock)
  const hosts = Array.from({ length: 3000 }, () => new TestHost())
  const sources = hosts.map((host, index) => {
    host.firstEnabledAt = host.enabledAt = clock.now()
    return kind.source({ ...TRIGGER, cron: index % 2 === 0 ? '@hourly' : `0 ${index % 60} * * * *` }, host)
  })
  for (const source of sources) await source.start()
  await clock.pass(3600 * SECOND)
  expect(hosts.map(({ events }) => events.length)).toEqual(hosts.map(() => 1))
  await Promise.all(sources.map((source) => source.stop()))
  expect(clock.waiting).toBe(0)
}, 120_000)
