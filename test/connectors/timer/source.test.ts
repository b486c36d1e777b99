import { afterEach, describe, expect, test } from 'vitest'
import { CannotSeek } from '../../../connectors/triggers/contract.ts'
import type { PlanTimerTrigger } from '../../../dsl/plan.ts'
import { settled } from './manual-clock.ts'
import { TimerLab } from './lab.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const NOON = '2026-11-26T12:00:00Z'

let lab: TimerLab
async function started(
  trigger: Partial<PlanTimerTrigger>,
  options: { readonly room?: number; readonly timezone?: string } = {},
): Promise<TimerLab> {
  lab = new TimerLab(NOON, trigger, options)
  await lab.start()
  return lab
}
afterEach(() => lab.stop())

/** The times of that day. */
function times(): string[] {
  return lab.ticks.map((tick) => tick.replace('2026-11-26T', '').replace('Z', ''))
}

describe('each tick', () => {
  test('starts one execution, with the event of the guide', async () => {
    const { clock, host } = await started({ cron: '0 30 12 * * *' })
    await clock.pass(29 * MINUTE)
    expect(host.events).toEqual([])
    await clock.to('2026-11-28T12:00:00Z')
    expect(lab.ticks).toEqual(['2026-11-26T12:30:00Z', '2026-11-27T12:30:00Z'])
    expect(host.events[0]).toMatchObject({
      key: ['2026-11-26T12:30:00Z'],
      place: '2026-11-26T12:30:00Z',
      event: {
        version: 'v1.0',
        time: '2026-11-26T12:30:00Z',
        trigger_type: 'TIMER',
        trigger_name: 'nightly',
        user_event: { input: 3 },
      },
      advance: { part: '' },
    })
    expect(lab.state).toBe('running')
    expect(lab.skipped).toBe(0)
  })

  test("is in the engine's zone unless the expression names one", async () => {
    const { clock } = await started({ cron: '0 0 22 * * *' }, { timezone: 'Asia/Tokyo' })
    await clock.pass(3 * HOUR)
    expect(times()).toEqual(['13:00:00'])
    await lab.stop()
    await started({ cron: 'CRON_TZ=Europe/Berlin 0 0 15 * * *' }, { timezone: 'Asia/Tokyo' })
    await lab.clock.pass(3 * HOUR)
    expect(times()).toEqual(['14:00:00'])
  })

  test('comes twice where the clock shows its time twice', async () => {
    lab = new TimerLab('2026-10-24T12:00:00Z', { cron: '0 30 2 * * *' }, { timezone: 'Europe/Berlin' })
    await lab.start()
    await lab.clock.to('2026-10-26T12:00:00Z')
    expect(lab.ticks).toEqual(['2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z', '2026-10-26T01:30:00Z'])
  })

  test('of @every has the phase of the first enabling, through restarts', async () => {
    lab = new TimerLab('2026-11-26T12:00:07.900Z', { cron: '@every 20s' })
    await lab.start()
    await lab.clock.pass(45 * SECOND)
    await lab.restart(33 * SECOND)
    await lab.clock.pass(30 * SECOND)
    expect(times()).toEqual(['12:00:27', '12:00:47', '12:01:07', '12:01:27', '12:01:47'])
  })

  test('of a timer that was first enabled by a clock that was ahead does not wait for that time', async () => {
    lab = new TimerLab(NOON, { cron: '@every 20s' })
    lab.host.firstEnabledAt = lab.host.enabledAt = Date.parse('2027-11-26T12:00:05Z')
    await lab.start()
    await lab.clock.pass(50 * SECOND)
    expect(times()).toEqual(['12:00:05', '12:00:25', '12:00:45'])
  })

  test('there are none of an expression that never fires', async () => {
    const { clock, host } = await started({ cron: '0 0 0 31 2 ?' })
    await clock.to('2031-01-01T00:00:00Z')
    expect([host.events, clock.waiting, lab.state, lab.source?.lag]).toEqual([[], 0, 'running', 0])
  })

  test('that is refused for now is delivered again, before those behind it', async () => {
    const { clock, host } = await started({ cron: '@every 10s' })
    let refusals = 3
    host.fate = () => {
      if (refusals-- > 0) throw new Error('the store is away')
      return 'started'
    }
    await clock.pass(35 * SECOND)
    await expect.poll(() => times(), { timeout: 10_000 }).toEqual(['12:00:10', '12:00:20', '12:00:30'])
    expect(refusals).toBeLessThan(0)
  })

  test.each(['filtered', 'skipped', 'deadLettered'] as const)('that is %s is handled', async (outcome) => {
    const { clock, host } = await started({ cron: '@every 10s' })
    host.fate = () => outcome
    await clock.pass(35 * SECOND)
    await lab.restart(SECOND)
    expect(times()).toEqual(['12:00:10', '12:00:20', '12:00:30'])
    expect(lab.skipped).toBe(0)
  })
})

describe('what was missed', () => {
  test('fires once on return, in order, if it is younger than catchUp', async () => {
    const { clock } = await started({ cron: '@every 10s' })
    await clock.pass(25 * SECOND)
    // 12:00:25 to 12:02:00: what is exactly a minute old is too old
    await lab.restart(95 * SECOND)
    expect(times()).toEqual(['12:00:10', '12:00:20', '12:01:10', '12:01:20', '12:01:30', '12:01:40', '12:01:50', '12:02:00'])
    expect(lab.skipped).toBe(4)
    await lab.restart(0)
    await clock.pass(11 * SECOND)
    expect(times().slice(-2)).toEqual(['12:02:00', '12:02:10'])
    expect(lab.skipped).toBe(4)
  })

  test('is all skipped where catchUp is 0, and what comes in time is not', async () => {
    const { clock } = await started({ cron: '@every 10s', catchUpMs: 0 })
    await clock.pass(25 * SECOND)
    await lab.restart(20 * SECOND)
    await clock.pass(10 * SECOND)
    expect(times()).toEqual(['12:00:10', '12:00:20', '12:00:50'])
    expect(lab.skipped).toBe(2)
  })

  test('fires also where nothing was ever kept', async () => {
    lab = new TimerLab(NOON, { cron: '@every 10s' })
    await lab.clock.pass(25 * SECOND)
    await lab.start()
    expect(times()).toEqual(['12:00:10', '12:00:20'])
  })

  test('does not fire for time in which the trigger was disabled, and does not count', async () => {
    const { clock } = await started({ cron: '@every 10s', catchUpMs: HOUR })
    await clock.pass(15 * SECOND)
    await lab.disableFor(20 * SECOND)
    await clock.pass(10 * SECOND)
    expect(times()).toEqual(['12:00:10', '12:00:40'])
    expect(lab.skipped).toBe(0)
  })

  test('does not fire for another expression', async () => {
    const { clock } = await started({ cron: '@every 10s', catchUpMs: HOUR })
    await clock.pass(15 * SECOND)
    await lab.stop()
    await clock.pass(20 * SECOND)
    await lab.start({ cron: '0/5 * * * * *' })
    await lab.restart(6 * SECOND)
    expect(times()).toEqual(['12:00:10', '12:00:40'])
    expect(lab.skipped).toBe(0)
  })

  test('in a year of seconds is left out at once', async () => {
    const { clock } = await started({ cron: '* * * * * *' })
    await clock.pass(1500)
    await lab.restart(365 * 24 * HOUR)
    expect(lab.ticks).toHaveLength(1 + 60)
    // so many are counted, and no more
    expect(lab.skipped).toBe(100_000)
  })
})

describe('while maxInFlight executions run', () => {
  test('ticks wait, and come in order', async () => {
    const { clock, host } = await started({ cron: '@every 10s' }, { room: 2 })
    await clock.pass(45 * SECOND)
    expect([times(), lab.state, lab.source?.lag]).toEqual([['12:00:10', '12:00:20'], 'paused', 2])
    host.end()
    await settled()
    expect([times().at(-1), lab.state, lab.source?.lag]).toEqual(['12:00:30', 'paused', 1])
    host.end(5)
    await clock.pass(10 * SECOND)
    expect(times()).toEqual(['12:00:10', '12:00:20', '12:00:30', '12:00:40', '12:00:50'])
    expect([lab.state, lab.source?.lag, lab.skipped]).toEqual(['running', 0, 0])
  })

  test('those that wait outlive a restart, however old they grow', async () => {
    const { clock } = await started({ cron: '@every 10s' }, { room: 1 })
    await clock.pass(35 * SECOND)
    await lab.restart(2 * HOUR, 1)
    lab.host.end(100)
    await settled()
    // those of the last minute before it came back, behind those that waited
    expect(times()).toEqual([
      ...['12:00:10', '12:00:20', '12:00:30'],
      ...['13:59:40', '13:59:50', '14:00:00', '14:00:10', '14:00:20', '14:00:30'],
    ])
    expect(lab.skipped).toBe(2 * 360 - 6)
  })

  test('with overlap: skip they are skipped', async () => {
    const { clock, host } = await started({ cron: '@every 10s', overlap: 'skip' }, { room: 1 })
    await clock.pass(35 * SECOND)
    expect([times(), lab.skipped, lab.source?.lag, lab.state]).toEqual([['12:00:10'], 2, 0, 'running'])
    host.end()
    await clock.pass(10 * SECOND)
    expect(times()).toEqual(['12:00:10', '12:00:40'])
    await lab.restart(SECOND)
    expect(lab.skipped).toBe(2)
  })
})

describe('a clock that is set', () => {
  test('forward: what was passed over is as if missed', async () => {
    const { clock } = await started({ cron: '@every 10s' })
    await clock.pass(15 * SECOND)
    await clock.set('2026-11-26T12:10:05Z')
    expect(times()).toEqual(['12:00:10', '12:09:10', '12:09:20', '12:09:30', '12:09:40', '12:09:50', '12:10:00'])
    expect(lab.skipped).toBe(53)
  })

  test('back a little: nothing comes twice', async () => {
    const { clock } = await started({ cron: '@every 10s' })
    await clock.pass(45 * SECOND)
    await clock.set('2026-11-26T12:00:15Z')
    await clock.pass(40 * SECOND)
    expect(times()).toEqual(['12:00:10', '12:00:20', '12:00:30', '12:00:40', '12:00:50'])
  })

  test('back by a year: it goes on with the time that is shown, and what has fired is known by its id', async () => {
    const { clock, host } = await started({ cron: '@hourly' })
    await clock.pass(2 * HOUR)
    await clock.set('2027-11-26T12:30:00Z')
    await clock.set('2026-11-26T12:30:00Z')
    await clock.pass(3 * HOUR)
    expect(times()).toEqual(['13:00:00', '14:00:00', '15:00:00'])
    expect(host.events).toHaveLength(3)
  })

  test('while the engine was down: it does not wait for what it had seen', async () => {
    const { clock } = await started({ cron: '@hourly' })
    await clock.set('2027-11-26T12:30:00Z')
    await lab.restart(-365 * 24 * HOUR)
    await clock.pass(HOUR)
    expect(times()).toEqual(['13:00:00'])
  })
})

describe('a source', () => {
  test('that is stopped delivers no more, and can be started again', async () => {
    const { clock } = await started({ cron: '@every 10s' })
    await clock.pass(15 * SECOND)
    await lab.source?.pause()
    expect(clock.waiting).toBe(0)
    await clock.pass(20 * SECOND)
    expect(times()).toEqual(['12:00:10'])
    await lab.source?.start()
    await settled()
    expect(times()).toEqual(['12:00:10', '12:00:20', '12:00:30'])
  })

  test('that is stopped waits for what is delivered', async () => {
    const { clock, host } = await started({ cron: '@every 10s' })
    let answer: () => void = () => undefined
    host.fate = () => new Promise((resolve) => (answer = () => resolve('started')))
    await clock.pass(15 * SECOND)
    let isStopped = false
    const stopping = lab.stop().then(() => (isStopped = true))
    await settled()
    expect(isStopped).toBe(false)
    answer()
    await stopping
    expect(times()).toEqual(['12:00:10'])
  })

  test('asks for its place until the store is there', async () => {
    lab = new TimerLab(NOON, { cron: '@every 10s' })
    const { read } = lab.host.places
    let refusals = 3
    lab.host.places.read = async () => {
      if (refusals-- > 0) throw new Error('the store is away')
      return read()
    }
    await lab.start()
    expect(lab.host.states[0]).toEqual({ state: 'connecting', error: 'the store is away' })
    await expect.poll(() => lab.clock.waiting, { timeout: 10_000 }).toBe(1)
    await lab.clock.pass(11 * SECOND)
    expect(times()).toEqual(['12:00:10'])
    expect(lab.host.states.at(-1)).toEqual({ state: 'running', error: undefined })
  })

  test('with a place of which it understands nothing begins now', async () => {
    lab = new TimerLab(NOON, { cron: '@every 10s' })
    lab.host.kept.set('', { next: { schedule: '@every 10s', seen: 'long ago' } })
    await lab.clock.pass(25 * SECOND)
    await lab.start()
    await lab.clock.pass(10 * SECOND)
    expect(times()).toEqual(['12:00:30'])
  })

  test('goes where it is sought', async () => {
    const { clock } = await started({ cron: '@every 10s' }, { room: 0 })
    await clock.pass(35 * SECOND)
    const seek = async (to: Parameters<NonNullable<NonNullable<typeof lab.source>['resolve']>>[0]): Promise<number> => {
      const places = await lab.source!.resolve!(to)
      await lab.stop()
      lab.host.kept = new Map([...places].map(([part, next]) => [part, { next }]))
      await lab.restart(0, 0)
      return lab.source!.lag!
    }
    expect(await seek('latest')).toBe(0)
    expect(await seek('earliest')).toBe(3)
    expect(await seek({ time: Date.parse('2026-11-26T12:00:20Z') })).toBe(1)
    const source = lab.source!
    await expect(source.resolve!({ offsets: { '': 1 } })).rejects.toThrow(CannotSeek)
    await expect(source.resolve!({ time: clock.now() + 1 })).rejects.toThrow(CannotSeek)
    await expect(source.resolve!({ time: 0 })).resolves.toBeDefined()
    await lab.stop()
    await started({ cron: '* * * * * *' })
    await expect(lab.source!.resolve!({ time: 0 })).rejects.toThrow(/100000 ticks/)
  })
})
