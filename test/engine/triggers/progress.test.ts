import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EngineOptions } from '../../../engine/api.ts'
import { LocalEngine } from '../../../engine/internal.ts'
import { NotInFormat } from '../../../connectors/format.ts'
import { CannotSeek } from '../../../connectors/triggers/contract.ts'
import { pause, rejection, until } from '../calls.ts'
import { batchOf, messages, record, Sources, type Source } from './source.ts'

const PART = 'main/orders/0'
const TRIGGER = { type: 'kafka', name: 'orders', connection: 'main', topics: ['orders'], groupId: 'g', maxInFlight: 1000 }
const flow = (trigger: object = {}, more: object = {}) => ({
  flow: 'f',
  triggers: [{ ...TRIGGER, ...trigger }],
  start: 'n',
  nodes: { n: { type: 'pass' } },
  ...more,
})

describe.each(['standard', 'express'])('the place of a trigger of a %s flow', (mode) => {
  let folder: string
  let engine: LocalEngine
  let sources: Sources
  let options: EngineOptions

  const open = async (more: EngineOptions = {}): Promise<void> => {
    sources = new Sources()
    options = { ...options, ...more }
    engine = await LocalEngine.open({ store: join(folder, 'store'), ...options }, { connectors: sources.connectors })
  }
  const crash = async (): Promise<void> => {
    await engine.abandon()
    await open()
  }
  const source = async (): Promise<Source> => {
    await until(() => sources.current !== undefined, 'a source')
    return sources.current!
  }
  const deploy = (trigger: object = {}) => engine.deploy(flow(trigger, { mode }))

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'fnflow-progress-'))
    options = {}
    await open()
  })
  afterEach(async () => {
    await engine.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('is safe when an event is handled, whatever has become of it', async () => {
    await deploy({ filter: '$.n != 2' })
    const { host } = await source()
    expect(await host.places.read()).toEqual(new Map())
    host.places.note(PART, 1)
    await host.places.flush()
    expect((await host.deliver(record(1))).outcome).toBe('started')
    await crash()
    const again = await source()
    expect(await again.host.places.read()).toEqual(new Map([[PART, { next: 2 }]]))
    expect(await again.host.deliver(record(2))).toEqual({ outcome: 'filtered' })
    await crash()
    const third = await source()
    expect(await third.host.places.read()).toEqual(new Map([[PART, { next: 3 }]]))
    expect(await third.host.deliver(record(3, { n: { deep: 1 } }))).toEqual({ outcome: 'started', executionId: expect.any(String) })
    expect(await third.host.deliver({ ...record(4), poison: new NotInFormat('no JSON') })).toEqual({
      outcome: 'skipped',
    })
    expect(await third.host.deliver(batchOf(5, 9))).toMatchObject({ outcome: 'started' })
    await crash()
    expect(await (await source()).host.places.read()).toEqual(new Map([[PART, { next: 10 }]]))
  })

  it('goes forward only, and a late note of a place that was moved is refused', async () => {
    await deploy()
    const { host } = await source()
    await host.deliver(record(7))
    await host.deliver(record(3))
    expect(await host.places.read()).toEqual(new Map([[PART, { next: 8 }]]))
    // back, on purpose
    host.places.note(PART, 5)
    await host.places.flush()
    expect(await host.places.read()).toEqual(new Map([[PART, { next: 5 }]]))
  })

  it('moves for events of one turn in one transaction, in order, up to what cannot be handled now', async () => {
    await engine.close()
    await open({ limits: { executions: 60 } })
    await engine.deploy({ ...flow({}, { mode }), nodes: { n: { type: 'wait', seconds: 200 } } })
    const { host } = await source()
    let commits = 0
    const quiet = () => undefined
    const stop = engine.observe({
      executionStarted: quiet,
      executionEnded: quiet,
      nodeEnded: quiet,
      invocationEnded: quiet,
      committed: () => (commits += 1),
    })
    const { handled, failure } = await host.deliverAll(Array.from({ length: 100 }, (_, n) => record(n)))
    stop()
    expect(handled.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 60 }, () => 'started'))
    expect(failure).toMatchObject({ code: 'too-many-executions' })
    // timers may write, too
    expect(commits).toBeLessThan(10)
    expect(await host.places.read()).toEqual(new Map([[PART, { next: 60 }]]))
    expect((await engine.triggers.get('f', 'orders')).error?.message).toContain('60')
    const [first] = handled
    await engine.stop((first as { executionId: string }).executionId)
    await until(async () => (await host.deliverAll([record(60), record(61)])).handled.length === 1, 'another one')
    expect(await host.places.read()).toEqual(new Map([[PART, { next: 61 }]]))
  })

  it('stays when the trigger is disabled, changed, or for a time not there', async () => {
    await deploy()
    const { host } = await source()
    await host.deliver(record(1))
    await engine.triggers.disable('f', 'orders')
    await engine.triggers.enable('f', 'orders')
    const enabled = await source()
    expect(enabled.host).not.toBe(host)
    expect(enabled.host.firstEnabledAt).toBe(host.firstEnabledAt)
    expect(enabled.host.enabledAt).toBeGreaterThanOrEqual(host.enabledAt)
    expect(await enabled.host.places.read()).toEqual(new Map([[PART, { next: 2 }]]))
    await engine.deploy({ ...flow({}, { mode }), triggers: [] })
    await until(() => sources.current === undefined, 'the end')
    await deploy({ groupId: 'other' })
    expect(await (await source()).host.places.read()).toEqual(new Map([[PART, { next: 2 }]]))
  })

  it('is another one where it is sought: what is read again starts executions of its own', async () => {
    await deploy()
    const one = await source()
    const first = await one.host.deliver(record(1))
    await one.host.deliver(record(2))
    sources.resolve = (to) => {
      if (to !== 'earliest') throw new CannotSeek('there is earliest alone')
      return new Map([[PART, 1]])
    }
    expect(await rejection(engine.triggers.seek('f', 'orders', 'latest'))).toMatchObject({ code: 'bad-input' })
    sources.resolve = () => {
      throw new Error('the broker is away')
    }
    expect(await rejection(engine.triggers.seek('f', 'orders', 'earliest'))).toMatchObject({ code: 'connection-unavailable' })
    // nothing has changed but that another source goes on
    expect((await source()).host.generation).toBe(0)
    expect((await engine.triggers.get('f', 'orders')).state).toBe('running')
    sources.resolve = () => new Map([[PART, 1]])
    expect(await engine.triggers.seek('f', 'orders', 'earliest')).toMatchObject({ enabled: true, counts: { started: 2 } })
    const two = await source()
    expect([one.stopped, two.host.generation]).toEqual([true, 1])
    expect(await two.host.places.read()).toEqual(new Map([[PART, { next: 1 }]]))
    // late news of the source before move nothing
    await one.host.deliver(record(8))
    expect(await two.host.places.read()).toEqual(new Map([[PART, { next: 1 }]]))
    const again = await two.host.deliver(record(1))
    expect(again.outcome).toBe('started')
    expect(again).not.toEqual(first)
    await crash()
    expect((await source()).host.generation).toBe(1)
  })

  it('is sought while nobody reads: what comes meanwhile starts once', async () => {
    await deploy()
    /** Of the topic; each source reads on, from its place, until it is stopped. */
    let last = 0
    const read = async (reader: Source): Promise<void> => {
      const { next = 0 } = (await reader.host.places.read()).get(PART) ?? {}
      for (let n = next as number; !reader.stopped; n++) {
        await reader.host.deliver(record(n))
        last = Math.max(last, n)
        await pause(1)
      }
    }
    const one = await source()
    const reading = read(one)
    await until(() => last > 10, 'events')
    sources.resolve = async () => {
      const place = last + 1
      // whoever still reads goes on meanwhile
      await pause(100)
      return new Map([[PART, place]])
    }
    await engine.triggers.seek('f', 'orders', 'latest')
    await reading
    const two = await source()
    const readingAgain = read(two)
    const sought = last
    await until(() => last > sought + 10, 'more events')
    expect(two.host.generation).toBe(1)
    await engine.triggers.disable('f', 'orders')
    await readingAgain
    expect((await engine.triggers.get('f', 'orders')).counts.started).toBe(last + 1)
  })

  it('outlives executions: messages are known when theirs were deleted', async () => {
    await deploy()
    const { host } = await source()
    const one = await host.deliver(messages('a'))
    const two = await host.deliver(messages('b', 'c'))
    const ids = [one, two].map((delivery) => ('executionId' in delivery ? delivery.executionId : ''))
    for (const id of ids) {
      await engine.result(id)
      await engine.delete(id)
    }
    await crash()
    const again = await source()
    expect(await again.host.known(['a', 'b', 'c', 'd'])).toEqual(new Set(['a', 'b', 'c']))
    expect(await rejection(again.host.deliver(messages('c', 'd')))).toMatchObject({ name: 'MessagesKnown' })
    expect((await again.host.deliver(messages('d', 'e'))).outcome).toBe('started')
    await again.host.deliver({ ...messages('x'), messages: { keys: ['x'], keepMs: -1 } })
    const { triggers } = await engine.durableHost()
    expect(await triggers.progress.prune(Date.now())).toBe(1)
    expect(await again.host.known(['x', 'a'])).toEqual(new Set(['a']))
  })

  it('goes with the flow', async () => {
    await deploy()
    await (await source()).host.deliver(record(1))
    await engine.catalogue.remove('f')
    await until(() => sources.current === undefined, 'the end')
    await deploy()
    expect(await (await source()).host.places.read()).toEqual(new Map())
  })
})
