import { describe, it } from 'vitest'
import { PAYLOAD_LIMIT } from '../../../dsl/json-copy.ts'
import { until } from '../../engine/calls.ts'
import { needServices } from '../../services/need.ts'
import { TestHost } from '../host.ts'
import { Lab, sourceOf, triggerOf } from './lab.ts'
import { batchesOf, count, numbersOf } from './numbers.ts'

const { kafka } = needServices('kafka')
const lab = new Lab(kafka)
const connection = { brokers: [kafka] }
/** Nobody waits for it. */
const NEVER_MS = 3_600_000

describe.concurrent('batches', () => {
  it('are of one partition, full, or ended by the window', async ({ expect }) => {
    const topic = await lab.topic(2)
    await lab.numbers(topic, 1, 25, 0)
    await lab.numbers(topic, 1, 5, 1)
    const host = new TestHost()
    const { source, end } = sourceOf(connection, triggerOf({ topics: [topic], batch: { size: 10, windowMs: 500 } }), host)
    await source.start()
    await until(() => host.events.length === 4, 'the batches')
    expect(
      batchesOf(host)
        .filter(({ partition }) => partition === 0)
        .map(({ numbers }) => numbers.length),
    ).toEqual([10, 10, 5])
    expect(numbersOf(host)).toEqual({ 0: count(1, 25), 1: count(1, 5) })
    const [first] = host.events.filter(({ place }) => place.startsWith(`main/${topic}/0`))
    const { timestamp } = (first!.event as any).records[0].metadata[0]
    expect(first).toMatchObject({
      key: ['main', topic, '0', '0', String(timestamp), '9'],
      place: `main/${topic}/0/0-9`,
      advance: { part: `main/${topic}/0`, next: 10, bounds: { first: 0, last: 9, timestamp: String(timestamp) } },
    })
    await end()
  })

  it('hold nothing back for good: what was not started is read again', async ({ expect }) => {
    const topic = await lab.topic()
    await lab.numbers(topic, 1, 15)
    const host = new TestHost()
    const trigger = triggerOf({ topics: [topic], batch: { size: 10, windowMs: NEVER_MS } })
    const first = sourceOf(connection, trigger, host)
    await first.source.start()
    await until(() => host.events.length === 1 && first.source.lag === 5, 'the first batch')
    await first.end()
    expect(await lab.committed(trigger.groupId, topic)).toEqual({ 0: 10 })
    await lab.numbers(topic, 16, 20)
    const second = sourceOf(connection, trigger, host)
    await second.source.start()
    await until(() => host.events.length === 2, 'the second batch')
    expect(batchesOf(host)[1]!.numbers).toEqual(count(11, 20))
    await second.end()
  })

  it('that were begun come again with the same records and the same key, whatever has come since', async ({ expect }) => {
    const topic = await lab.topic()
    await lab.numbers(topic, 1, 30)
    const host = new TestHost()
    const part = `main/${topic}/0`
    host.kept.set(part, { next: 3, unfinished: { first: 3, last: 9, timestamp: '17' } })
    const { source, end } = sourceOf(connection, triggerOf({ topics: [topic], batch: { size: 10, windowMs: 200 } }), host)
    await source.start()
    await until(() => host.events.length === 3, 'the batches')
    expect(batchesOf(host).map(({ numbers }) => numbers)).toEqual([count(4, 10), count(11, 20), count(21, 30)])
    expect(host.events[0]).toMatchObject({
      key: ['main', topic, '0', '3', '17', '9'],
      advance: { next: 10, bounds: { first: 3, last: 9 } },
    })
    await end()
  })

  it('that were begun and that the broker no longer has are left', async ({ expect }) => {
    const topic = await lab.topic()
    await lab.numbers(topic, 1, 12)
    const admin = await lab.admin()
    await admin.fetchTopicOffsets(topic)
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '10' }] })
    const host = new TestHost()
    host.kept.set(`main/${topic}/0`, { next: 3, unfinished: { first: 3, last: 9, timestamp: '17' } })
    const { source, end } = sourceOf(connection, triggerOf({ topics: [topic], batch: { size: 2, windowMs: NEVER_MS } }), host)
    await source.start()
    await until(() => host.events.length === 1, 'the rest')
    expect(numbersOf(host)).toEqual({ 0: [11, 12] })
    expect(host.counts).toEqual({ lost: 7 })
    await end()
  })

  it('are cut where the event would pass 6 MiB, and by what is no event', async ({ expect }) => {
    const topic = await lab.topic()
    // 2.5 MiB each: two of them fit
    const large = (n: number) => ({ value: JSON.stringify({ n, text: 'x'.repeat(2.5 * 1024 * 1024) }) })
    for (const n of [1, 2, 3]) await lab.write(topic, [large(n)])
    await lab.write(topic, [{ value: '{"n":4}' }, { value: 'no JSON' }, { value: '{"n":5}' }])
    const host = new TestHost()
    const trigger = triggerOf({ topics: [topic], format: 'json', batch: { size: 100, windowMs: 1000 } })
    const { source, end } = sourceOf(connection, trigger, host)
    await source.start()
    await until(() => host.events.length === 4, 'the batches')
    expect(batchesOf(host).map(({ numbers }) => numbers)).toEqual([[1, 2], [3, 4], [5]])
    for (const { event } of host.events) expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThanOrEqual(PAYLOAD_LIMIT)
    const [poison] = host.events.filter((one) => one.poison !== undefined)
    expect(poison).toMatchObject({ event: null, place: `main/${topic}/0/4`, advance: { next: 5 } })
    expect(Buffer.from(poison!.original!.bytes).toString()).toBe('no JSON')
    expect(host.events.indexOf(poison!)).toBe(2)
    await end()
  })
})
