import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest'
import { openTimer } from '../../../connectors/timer/index.ts'
import { createEngine } from '../../../engine/create-engine.ts'
import type { Engine, EngineOptions } from '../../../engine/api.ts'
import { LocalEngine } from '../../../engine/internal.ts'
import { nextFiresOf } from '../../../engine/triggers/next-fires.ts'
import { ManualClock } from '../../connectors/timer/manual-clock.ts'
import { until } from '../calls.ts'

const SECOND = 1000
const TRIGGER = { type: 'timer', name: 'tick', cron: '@every 10s', input: { input: 3 } }
const ECHO = { n: { type: 'pass', params: { input: '$', trigger: '$$.trigger' } } }
const flow = (trigger: object = {}, more: object = {}) => ({
  flow: 'f',
  triggers: [{ ...TRIGGER, ...trigger }],
  start: 'n',
  nodes: ECHO,
  ...more,
})

/** Does nothing but wait for two ticks. */
const PROGRAM = `
import { createEngine } from ${JSON.stringify(new URL('../../../dist/engine/index.js', import.meta.url).href)}
let ticks = 0
const tick = () => {
  console.log('tick')
  if (++ticks === 2) void engine.close()
}
const engine = await createEngine({ functions: { tick } })
await engine.deploy(${JSON.stringify({ ...flow({ cron: '@every 1s' }), nodes: { n: { type: 'function', function: 'tick' } } })})
`

/** The instants of all executions that the timer has started, in order. */
async function ticksOf(engine: Engine): Promise<number[]> {
  const { items } = await engine.list({ trigger: 'timer/tick', limit: 200 })
  const outputs = await Promise.all(items.map(({ id }) => engine.result(id)))
  return outputs.map((output: any) => Date.parse(output.trigger.event.time)).sort((a, b) => a - b)
}

describe('timers of an engine', () => {
  let folder: string
  let engine: LocalEngine
  let clock: ManualClock

  const open = async (options: EngineOptions = {}): Promise<void> => {
    engine = await LocalEngine.open(
      { store: join(folder, 'store'), ...options },
      { kinds: { timer: async () => (services) => openTimer(services, clock) } },
    )
  }
  const atWork = (): Promise<void> => until(() => clock.waiting > 0, 'a timer at work')
  const counted = async (count: number): Promise<number[]> => {
    await until(async () => (await ticksOf(engine)).length >= count, `${count} ticks`)
    return ticksOf(engine)
  }

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'fnflow-timers-'))
    // the engine has the time of the test, too
    vi.useFakeTimers({ toFake: ['Date'] })
    clock = new ManualClock('2026-11-26T12:00:00.500Z', (time) => vi.setSystemTime(time))
    await open()
  })
  afterEach(async () => {
    await engine.close()
    vi.useRealTimers()
    rmSync(folder, { recursive: true, force: true })
  })

  it('start executions with the input of the definition; the event is that of the tick', async () => {
    await engine.deploy(flow())
    await atWork()
    await clock.pass(15 * SECOND)
    const [tick] = await counted(1)
    const { items } = await engine.list()
    expect(items).toMatchObject([{ flow: 'f', trigger: { type: 'timer', name: 'tick' } }])
    const time = new Date(tick!).toISOString().replace('.000', '')
    expect(await engine.result(items[0]!.id)).toEqual({
      input: { input: 3 },
      trigger: {
        type: 'timer',
        name: 'tick',
        event: { version: 'v1.0', time, trigger_type: 'TIMER', trigger_name: 'tick', user_event: { input: 3 } },
      },
    })
    await until(async () => (await engine.triggers.get('f', 'tick')).counts.started === 1, 'its count')
    expect(await engine.triggers.get('f', 'tick')).toMatchObject({ type: 'timer', enabled: true, state: 'running', lag: 0 })
  })

  it.each(['standard', 'express'])('of a %s flow go on after a crash where they were', async (mode) => {
    await engine.deploy(flow({}, { mode }))
    await atWork()
    await clock.pass(35 * SECOND)
    const count = async (): Promise<number> => (await engine.triggers.get('f', 'tick')).counts.started
    await until(async () => (await count()) === 3, 'three starts')
    await engine.abandon()
    await clock.set(clock.now() + 30 * SECOND)
    await open()
    if (mode === 'express') await engine.deploy(flow({}, { mode }))
    await until(async () => (await count()) === 6, 'what was missed')
    await atWork()
    await clock.pass(10 * SECOND)
    await until(async () => (await count()) === 7, 'the next one')
    // those of express flows are in no list
    const ticks = (await ticksOf(engine)).map((tick) => (tick - Date.parse('2026-11-26T12:00:00Z')) / (10 * SECOND))
    expect(ticks).toEqual(mode === 'express' ? [] : [1, 2, 3, 4, 5, 6, 7])
    expect((await engine.triggers.get('f', 'tick')).counts).toMatchObject({ deduplicated: 0, skipped: 0 })
  })

  it('keep to maxInFlight', async () => {
    const nodes = { n: { type: 'wait', seconds: 1000 } }
    await engine.deploy(flow({ maxInFlight: 2, overlap: 'skip' }, { nodes }))
    await engine.deploy({ ...flow({ maxInFlight: 1 }, { nodes }), flow: 'g' })
    await until(() => clock.waiting === 2, 'both at work')
    await clock.pass(55 * SECOND)
    await until(async () => (await engine.list()).items.length === 3, 'three starts')
    await until(async () => (await engine.triggers.get('f', 'tick')).counts.skipped === 3, 'what is skipped')
    expect(await engine.triggers.get('f', 'tick')).toMatchObject({ inFlight: 2, lag: 0, state: 'running' })
    expect(await engine.triggers.get('g', 'tick')).toMatchObject({ inFlight: 1, lag: 4, state: 'paused', counts: { skipped: 0 } })
    const [waiting] = (await engine.list({ flow: 'g' })).items
    await engine.stop(waiting!.id)
    await until(async () => (await engine.triggers.get('g', 'tick')).lag === 3, 'the next one')
  })

  it('are sought: ticks start executions of their own again', async () => {
    await engine.deploy(flow())
    await atWork()
    const start = clock.now()
    await clock.pass(25 * SECOND)
    const ticks = await counted(2)
    await engine.triggers.seek('f', 'tick', { time: start + 15 * SECOND })
    expect(await counted(3)).toEqual([ticks[0], ticks[1], ticks[1]])
    await atWork()
    await clock.pass(10 * SECOND)
    expect(await counted(4)).toEqual([ticks[0], ticks[1], ticks[1], ticks[1]! + 10 * SECOND])
  })

  it('have none of time in which they are disabled', async () => {
    await engine.deploy(flow({ catchUp: '1h' }))
    await atWork()
    await clock.pass(15 * SECOND)
    const [first] = await counted(1)
    await engine.triggers.disable('f', 'tick')
    await clock.pass(60 * SECOND)
    await engine.triggers.enable('f', 'tick')
    await atWork()
    await clock.pass(10 * SECOND)
    expect(await counted(2)).toEqual([first, first! + 70 * SECOND])
    expect((await engine.triggers.get('f', 'tick')).counts.skipped).toBe(0)
  })

  it('tell when they fire next', async () => {
    await engine.close()
    await open({ timezone: 'Asia/Tokyo' })
    const at = async (cron: string): Promise<string[]> => {
      await engine.deploy(flow({ cron }))
      const { nextFires } = await engine.triggers.get('f', 'tick')
      return nextFires!.map((time) => new Date(time).toISOString().slice(11))
    }
    expect(await at('0 30 9 * * *')).toEqual(Array.from({ length: 5 }, () => '00:30:00.000Z'))
    expect(await at('CRON_TZ=UTC 0 30 9 * * *')).toEqual(Array.from({ length: 5 }, () => '09:30:00.000Z'))
    expect(await at('0 0 0 31 2 ?')).toEqual([])
    const { nextFires = [] } = (await engine.deploy(flow({ cron: '@every 1h' })), await engine.triggers.get('f', 'tick'))
    const now = Date.now()
    expect(nextFires.map((time) => (time - now + 500) / (3600 * SECOND))).toEqual([1, 2, 3, 4, 5])
    expect((await engine.triggers.list())[0]).toMatchObject({ nextFires })
    expect((await engine.triggers.disable('f', 'tick')).nextFires).toEqual([])
    await engine.deploy({ flow: 'g', triggers: [{ type: 'topic', name: 't', topic: 't' }], start: 'n', nodes: ECHO })
    expect(await engine.triggers.get('g', 't')).not.toHaveProperty('nextFires')
  })
})

test('a timer of a zone that is not here does not keep others from being shown', () => {
  const trigger = { ...TRIGGER, type: 'timer', catchUpMs: 0, overlap: 'queue', maxInFlight: 1, cron: 'TZ=Moon/Tycho @daily' } as const
  expect(nextFiresOf(trigger, { enabled: true, firstEnabledAt: null }, 'UTC')).toEqual({ nextFires: [] })
})

describe('timers by the clock of the system', () => {
  it.each(['embedded', 'express'] as const)('tick by default, each instant once, on the %s engine', async (kind) => {
    const engine = await createEngine({ engine: kind })
    try {
      const mode = kind === 'express' ? 'express' : 'standard'
      await engine.deploy(flow({ cron: '* * * * * *' }, { mode }))
      await until(async () => (await ticksOf(engine)).length >= 3, 'three ticks')
      const ticks = await ticksOf(engine)
      expect(ticks).toEqual(ticks.map((_, index) => ticks[0]! + index * SECOND))
    } finally {
      await engine.close()
    }
  })

  it('keep their process alive, until the engine is closed', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', PROGRAM])
    expect(stdout).toBe('tick\ntick\n')
  })

  it('have none of time in which they are disabled', async () => {
    const engine = await createEngine()
    try {
      await engine.deploy(flow({ cron: '@every 1s', catchUp: '1h' }))
      await until(async () => (await ticksOf(engine)).length >= 1, 'a tick')
      await engine.triggers.disable('f', 'tick')
      const from = Date.now()
      await new Promise((resolve) => setTimeout(resolve, 2500))
      const to = Date.now()
      await engine.triggers.enable('f', 'tick')
      await until(async () => (await ticksOf(engine)).some((tick) => tick > to), 'a tick behind it')
      expect((await ticksOf(engine)).filter((tick) => tick > from && tick < to)).toEqual([])
      expect((await engine.triggers.get('f', 'tick')).counts.skipped).toBe(0)
    } finally {
      await engine.close()
    }
  })
})
