import { afterEach, describe, expect, it, vi } from 'vitest'
import type { TriggerHost } from '../../../connectors/triggers/contract.ts'
import { LocalEngine } from '../../../engine/internal.ts'
import { until } from '../calls.ts'
import { Source as HandedOut } from './source.ts'

/** A broker whose records the test hands out, by their offset. */
class Source extends HandedOut {
  record(offset: number | null, event: object): ReturnType<TriggerHost['deliver']> {
    return this.host.deliver({
      key: offset === null ? null : ['orders', '0', String(offset)],
      event: event as never,
      place: `orders/0/${offset}`,
    })
  }
}

const TRIGGER = { type: 'kafka', name: 'orders', connection: 'main', topics: ['orders'], groupId: 'g', maxInFlight: 2, filter: '$.n > 0' }
const flow = (trigger: object) => ({ flow: 'f', triggers: [trigger], start: 'n', nodes: { n: { type: 'wait', seconds: 3600 } } })

describe('triggers whose events a connector brings', () => {
  let engine: LocalEngine | undefined
  const sources: Source[] = []
  const open = async (): Promise<LocalEngine> => {
    engine = await LocalEngine.open(
      {},
      {
        connectors: {
          kafka: (trigger, host) => {
            const source = new Source(trigger, host)
            sources.push(source)
            return source
          },
        },
      },
    )
    return engine
  }
  const source = async (count: number): Promise<Source> => {
    await until(() => sources[count - 1]?.started === true, `source ${count}`)
    return sources[count - 1]!
  }
  afterEach(async () => {
    await engine?.close()
    sources.length = 0
  })

  it('name connections that are configured, or are told of', async () => {
    engine = await LocalEngine.open({ connections: { main: { kind: 'kafka', brokers: ['localhost:1'] } } })
    expect((await engine.check(flow(TRIGGER))).diagnostics).toEqual([])
    expect((await engine.check(flow({ ...TRIGGER, connection: 'other' }))).diagnostics).toMatchObject([{ rule: 'unknown-connection' }])
  })

  it('start once for each event, while there is room', async () => {
    const { triggers, deploy, list, stop } = bound(await open())
    await deploy(flow(TRIGGER))
    const one = await source(1)
    const changes: boolean[] = []
    one.host.onRoom((hasRoom) => changes.push(hasRoom))
    const first = await one.record(1, { n: 1 })
    expect(first).toEqual({ outcome: 'started', executionId: expect.any(String) })
    expect(await one.record(1, { n: 1 })).toEqual({ ...first, outcome: 'deduplicated' })
    expect(await one.record(2, { n: 0 })).toEqual({ outcome: 'filtered' })
    expect(await one.record(3, { n: 'many' })).toEqual({ outcome: 'skipped' })
    expect(one.host.hasRoom).toBe(true)
    // a repeat has needed room, too, until it was known as one
    changes.length = 0
    expect((await one.record(null, { n: 4 })).outcome).toBe('started')
    one.host.count('withoutId', 1)
    expect([one.host.hasRoom, one.host.room, changes]).toEqual([false, 0, [false]])
    let freed = 0
    const stopListening = one.host.onFreed(() => (freed += 1))
    one.lag = 12
    expect(await triggers.get('f', 'orders')).toMatchObject({
      state: 'running',
      lag: 12,
      inFlight: 2,
      counts: { started: 2, deduplicated: 1, filtered: 1, skipped: 1, withoutId: 1 },
    })
    const { items } = await list({ trigger: 'kafka/orders' })
    await stop(items[0]!.id)
    await until(() => changes.length === 2, 'room')
    expect([changes, one.host.room, freed]).toEqual([[false, true], 1, 1])
    stopListening()
    await stop(items[1]!.id)
    await until(() => one.host.room === 2, 'more room')
    expect(freed).toBe(1)
  })

  it('have had their last event when one came, and not when one was missed', async () => {
    const { triggers, deploy } = bound(await open())
    await deploy(flow(TRIGGER))
    const one = await source(1)
    one.host.count('skipped', 3)
    one.host.count('lost', 5)
    expect(await triggers.get('f', 'orders')).toMatchObject({ lastEventAt: null, counts: { skipped: 3, lost: 5 } })
    await one.record(1, { n: 0 })
    const { lastEventAt } = await triggers.get('f', 'orders')
    expect(lastEventAt).toEqual(expect.any(Number))
    one.host.count('skipped', 1)
    expect(await triggers.get('f', 'orders')).toMatchObject({ lastEventAt, counts: { skipped: 4, filtered: 1 } })
  })

  it('are stopped when they are disabled, changed, deleted, or the engine closes', async () => {
    const opened = await open()
    const { triggers, deploy } = bound(opened)
    await deploy(flow(TRIGGER))
    const one = await source(1)
    expect((await triggers.disable('f', 'orders')).state).toBe('disabled')
    expect(one.stopped).toBe(true)
    expect((await triggers.enable('f', 'orders')).state).toBe('running')
    const two = await source(2)
    await deploy(flow({ ...TRIGGER, groupId: 'other' }))
    const three = await source(3)
    expect([two.stopped, three.trigger.groupId]).toEqual([true, 'other'])
    three.host.tell('reconnecting', 'the broker is away')
    expect(await triggers.get('f', 'orders')).toMatchObject({
      state: 'reconnecting',
      error: { message: 'the broker is away', since: expect.any(Number) },
    })
    await opened.catalogue.remove('f')
    await until(() => three.stopped, 'the end of the deleted one')
    await deploy(flow(TRIGGER))
    const four = await source(4)
    await opened.close()
    expect(four.stopped).toBe(true)
  })

  it('begin and end while the source of another trigger is ending, which is replaced when it has', async () => {
    const { deploy } = bound(await open())
    await deploy(flow(TRIGGER))
    const one = await source(1)
    let end = (): void => undefined
    one.stop = () => new Promise<void>((resolve) => (end = resolve)).then(() => void (one.stopped = true))
    // nobody's patience ends
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    try {
      await deploy(flow({ ...TRIGGER, groupId: 'other' }))
      await deploy({ ...flow({ ...TRIGGER, name: 'more' }), flow: 'g' })
      await turnsUntil(() => sources.some(({ host, started }) => started && host.flow === 'g'), 'the source of g')
      await deploy({ ...flow({ ...TRIGGER, name: 'most' }), flow: 'g' })
      await turnsUntil(() => sources.some(({ host, stopped }) => stopped && host.flow === 'g'), 'the end of it')
      const ofF = () => sources.filter(({ host }) => host.flow === 'f').map(({ trigger }) => trigger.groupId)
      expect([one.stopped, ofF()]).toEqual([false, ['g']])
      end()
      await turnsUntil(() => ofF().length === 2, 'what takes its place')
      expect([one.stopped, ofF()]).toEqual([true, ['g', 'other']])
    } finally {
      vi.useRealTimers()
      end()
    }
  })
})

/** As `until`, without a timer. */
async function turnsUntil(test: () => boolean, what: string): Promise<void> {
  const began = Date.now()
  while (!test()) {
    if (Date.now() - began > 20_000) throw new Error(`never: ${what}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

function bound(engine: LocalEngine) {
  return {
    triggers: engine.triggers,
    deploy: (given: object) => engine.deploy(given),
    list: (options: Parameters<LocalEngine['list']>[0]) => engine.list(options),
    stop: (id: string) => engine.stop(id),
  }
}
