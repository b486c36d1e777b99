import { describe, expect, it } from 'vitest'
import type { SeekTarget } from '../../../connectors/triggers/contract.ts'
import { until } from '../../engine/calls.ts'
import { needServices } from '../../services/need.ts'
import { TestHost } from '../host.ts'
import { Lab, sourceOf, triggerOf } from './lab.ts'
import { count, numbersOf } from './numbers.ts'

const { kafka } = needServices('kafka')
const lab = new Lab(kafka)
const connection = { brokers: [kafka] }

describe('a source', () => {
  it('delivers what is there, in the order of each partition, and commits it', async () => {
    const topic = await lab.topic(2)
    await lab.numbers(topic, 1, 500, 0)
    await lab.numbers(topic, 1, 500, 1)
    const host = new TestHost()
    const trigger = triggerOf({ topics: [topic] })
    const { source, end } = sourceOf(connection, trigger, host)
    await source.start()
    await until(() => host.events.length === 1000, 'all records')
    expect(numbersOf(host)).toEqual({ 0: count(1, 500), 1: count(1, 500) })
    await until(async () => (await lab.committed(trigger.groupId, topic))[1] === 500, 'the commit')
    expect(source.lag).toBe(0)
    await lab.numbers(topic, 501, 510, 0)
    await until(() => host.events.length === 1010, 'more records')
    expect(host.kept.get(`main/${topic}/0`)).toEqual({ next: 510 })
    await end()
    expect(await lab.committed(trigger.groupId, topic)).toEqual({ 0: 510, 1: 500 })
    expect(host.states.at(-1)?.state).toBe('running')
  })

  it('makes the event of the specification', async () => {
    const topic = await lab.topic()
    const headers = {
      kind: 'new',
      twice: ['a', 'b'],
      raw: Buffer.from([0xff]),
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    }
    await lab.write(topic, [
      { key: 'k', value: '{"a":1}', headers, timestamp: '1576737962123' },
      { key: Buffer.from([0xfe]), value: 'plain' },
      { value: Buffer.from([1, 0xff]) },
      { key: 'gone', value: null },
    ])
    const host = new TestHost()
    const { source, end } = sourceOf(connection, triggerOf({ topics: [topic] }), host)
    await source.start()
    await until(() => host.events.length === 4, 'the records')
    await end()
    expect(host.events[0]).toMatchObject({
      key: ['main', topic, '0', '0', '1576737962123'],
      place: `main/${topic}/0/0`,
      traceparent: headers.traceparent,
    })
    // for all that are delivered together
    expect(host.events[3]!.advance).toEqual({ part: `main/${topic}/0`, next: 4 })
    expect(host.events[0]!.event).toEqual({
      event_version: 'v1.0',
      event_time: 1576737962,
      trigger_type: 'KAFKA',
      region: 'local',
      instance_id: 'main',
      records: [
        {
          topic_id: topic,
          partition: 0,
          messages: [{ a: 1 }],
          metadata: [
            {
              offset: 0,
              timestamp: 1576737962123,
              key: 'k',
              headers: { kind: 'new', twice: ['a', 'b'], raw: { value: '/w==', encoding: 'base64' }, traceparent: headers.traceparent },
            },
          ],
        },
      ],
    })
    const rest = host.events.slice(1).map(({ event }) => (event as any).records[0])
    expect(rest.map(({ messages }) => messages[0])).toEqual(['plain', 'Af8=', null])
    expect(rest.map(({ metadata }) => metadata[0])).toMatchObject([
      { key: '/g==', keyEncoding: 'base64' },
      { key: null, encoding: 'base64' },
      { key: 'gone' },
    ])
    expect(rest[1].metadata[0]).not.toHaveProperty('keyEncoding')
    expect(rest[0].metadata[0]).not.toHaveProperty('encoding')
  })
})

describe.concurrent('places', () => {
  it('begin at the first or the next record, for all partitions when it is first enabled', async () => {
    const topic = await lab.topic(3)
    await lab.numbers(topic, 1, 5, 0)
    await lab.numbers(topic, 1, 7, 2)
    const host = new TestHost()
    host.firstEnabledAt = Date.now() + 60_000
    const trigger = triggerOf({ topics: [topic], from: 'latest' })
    const { source, end } = sourceOf(connection, trigger, host)
    await source.start()
    await until(() => host.states.at(-1)?.state === 'running', 'joined')
    expect(Object.fromEntries(host.kept)).toEqual({
      [`main/${topic}`]: { next: 0 },
      [`main/${topic}/0`]: { next: 5 },
      [`main/${topic}/1`]: { next: 0 },
      [`main/${topic}/2`]: { next: 7 },
    })
    await lab.numbers(topic, 8, 8, 2)
    await until(() => host.events.length === 1, 'the new record')
    expect(numbersOf(host)).toEqual({ 2: [8] })
    await end()
  })

  it('count what came between the first enabling and the first connection', async () => {
    const topic = await lab.topic()
    await lab.write(topic, [{ value: '{"n":1}', timestamp: String(Date.now() - 60_000) }])
    await lab.write(topic, [{ value: '{"n":2}' }])
    const host = new TestHost()
    host.firstEnabledAt = Date.now() - 30_000
    const { source, end } = sourceOf(connection, triggerOf({ topics: [topic], from: 'latest' }), host)
    await source.start()
    await until(() => host.events.length === 1, 'the record')
    expect(numbersOf(host)).toEqual({ 0: [2] })
    await end()
  })

  it('are read from the start in partitions that come later', async () => {
    const topic = await lab.topic()
    await lab.numbers(topic, 1, 3)
    const host = new TestHost()
    host.firstEnabledAt = Date.now() + 60_000
    const trigger = triggerOf({ topics: [topic], from: 'latest' })
    const first = sourceOf(connection, trigger, host)
    await first.source.start()
    await until(() => host.states.at(-1)?.state === 'running', 'joined')
    await first.end()
    await (await lab.admin()).createPartitions({ topicPartitions: [{ topic, count: 2 }] })
    const partitions = async () => (await (await lab.admin()).fetchTopicOffsets(topic)).length
    await until(async () => (await partitions().catch(() => 0)) === 2, 'the partition')
    await lab.numbers(topic, 4, 6, 1, true)
    const { source, end } = sourceOf(connection, trigger, host)
    await source.start()
    await until(() => host.events.length === 3, 'the records of the new partition')
    expect(numbersOf(host)).toEqual({ 1: [4, 5, 6] })
    await end()
  })

  it('of the store count, not those of the group, unless a server with another store is ahead', async () => {
    const topic = await lab.topic(2)
    await lab.numbers(topic, 1, 10, 0)
    await lab.numbers(topic, 1, 10, 1)
    const trigger = triggerOf({ topics: [topic] })
    const admin = await lab.admin()
    // somebody else's tool
    await admin.setOffsets({
      groupId: trigger.groupId,
      topic,
      partitions: [
        { partition: 0, offset: '9' },
        { partition: 1, offset: '1' },
      ],
    })
    const host = new TestHost()
    host.kept.set(`main/${topic}/0`, { next: 4 })
    host.kept.set(`main/${topic}/1`, { next: 8 })
    const first = sourceOf(connection, trigger, host)
    await first.source.start()
    await until(() => host.events.length === 8, 'the records')
    expect(numbersOf(host)).toEqual({ 0: [5, 6, 7, 8, 9, 10], 1: [9, 10] })
    await first.end()
    // another store: it goes on where the first has left off
    await lab.numbers(topic, 11, 12, 0)
    const other = new TestHost()
    other.kept.set(`main/${topic}/0`, { next: 2 })
    const second = sourceOf(connection, trigger, other)
    await second.source.start()
    await until(() => other.events.length === 2, 'the rest')
    expect(numbersOf(other)).toEqual({ 0: [11, 12] })
    await second.end()
  })

  it('of a seek count, whatever servers that had not heard of it have committed since', async () => {
    const topic = await lab.topic()
    await lab.numbers(topic, 1, 10)
    const trigger = triggerOf({ topics: [topic] })
    const late = new TestHost()
    const first = sourceOf(connection, trigger, late)
    await first.source.start()
    await until(() => late.events.length === 10, 'all')
    await first.end()
    expect(await lab.committed(trigger.groupId, topic)).toEqual({ 0: 10 })
    // sought, and come as far as 6 when the late one has committed
    const host = new TestHost()
    host.generation = 1
    host.kept.set(`main/${topic}/0`, { next: 6 })
    const second = sourceOf(connection, trigger, host)
    await second.source.start()
    await until(() => host.events.length === 4, 'the replay')
    expect(numbersOf(host)).toEqual({ 0: [7, 8, 9, 10] })
    await second.end()
    // a server with another store, where nobody has sought, goes on behind it
    const other = new TestHost()
    other.kept.set(`main/${topic}/0`, { next: 2 })
    await lab.numbers(topic, 11, 12)
    const third = sourceOf(connection, trigger, other)
    await third.source.start()
    await until(() => other.events.length === 2, 'the rest')
    expect(numbersOf(other)).toEqual({ 0: [11, 12] })
    await third.end()
  })

  it('of another trigger are no place of this one', async () => {
    const topic = await lab.topic()
    await lab.numbers(topic, 1, 4)
    const trigger = triggerOf({ topics: [topic] })
    const before = new TestHost()
    const first = sourceOf(connection, { ...trigger, name: 'former' }, before)
    await first.source.start()
    await until(() => before.events.length === 4, 'all')
    await first.end()
    const host = new TestHost()
    const second = sourceOf(connection, trigger, host)
    await second.source.start()
    await until(() => host.events.length === 4, 'all, again')
    expect(numbersOf(host)).toEqual({ 0: [1, 2, 3, 4] })
    await second.end()
  })

  it('are settled to the end, though a crash has left some out', async () => {
    const topic = await lab.topic(2)
    await lab.numbers(topic, 1, 5, 0)
    await lab.numbers(topic, 1, 5, 1)
    const host = new TestHost()
    host.firstEnabledAt = Date.now() + 60_000
    host.kept.set(`main/${topic}/0`, { next: 3 })
    const { source, end } = sourceOf(connection, triggerOf({ topics: [topic], from: 'latest' }), host)
    await source.start()
    await until(() => host.events.length === 2, 'the records')
    expect(host.kept.get(`main/${topic}/1`)).toEqual({ next: 5 })
    await end()
  })

  it('that the broker no longer has go on at the earliest, and what is lost is counted', async () => {
    const topic = await lab.topic()
    await lab.numbers(topic, 1, 10)
    const admin = await lab.admin()
    // kafkajs knows a leader only of topics that it was asked for
    await admin.fetchTopicOffsets(topic)
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '6' }] })
    const host = new TestHost()
    host.kept.set(`main/${topic}/0`, { next: 2 })
    const { source, end } = sourceOf(connection, triggerOf({ topics: [topic] }), host)
    await source.start()
    await until(() => host.events.length === 4, 'the rest')
    expect(numbersOf(host)).toEqual({ 0: [7, 8, 9, 10] })
    expect(host.counts).toEqual({ lost: 4 })
    await end()
  })

  it('of another topic that had the name go on at the earliest', async () => {
    const topic = await lab.topic()
    await lab.numbers(topic, 1, 2)
    const host = new TestHost()
    host.kept.set(`main/${topic}/0`, { next: 17 })
    const { source, end } = sourceOf(connection, triggerOf({ topics: [topic] }), host)
    await source.start()
    await until(() => host.events.length === 2, 'what is there')
    expect(host.counts).toEqual({ lost: 1 })
    await end()
  })

  it('are sought', async () => {
    const topic = await lab.topic(2)
    const old = Date.now() - 100_000
    await lab.write(
      topic,
      count(1, 10).map((n) => ({ partition: 0, value: `{"n":${n}}`, timestamp: String(old + n * 1000) })),
    )
    await lab.numbers(topic, 1, 3, 1)
    const host = new TestHost()
    const trigger = triggerOf({ topics: [topic] })
    const first = sourceOf(connection, trigger, host)
    await first.source.start()
    await until(() => host.events.length === 13, 'all')
    const { source } = first
    const part = (partition: number) => `main/${topic}/${partition}`
    const sought = (offset: number) => ({ offset, sought: true })
    const resolved = async (to: SeekTarget) => {
      const { [`main/${topic}`]: mark, [part(0)]: zero, [part(1)]: one, ...others } = Object.fromEntries(await source.resolve(to))
      expect([mark, others]).toEqual([0, {}])
      return [zero, one]
    }
    expect(await resolved('earliest')).toEqual([sought(0), sought(0)])
    expect(await resolved('latest')).toEqual([sought(10), sought(3)])
    expect(await resolved({ time: old + 4500 })).toEqual([sought(4), sought(0)])
    // the other stays where it is
    expect(await resolved({ offsets: { [`${topic}/0`]: 8 } })).toEqual([sought(8), 3])
    await expect(source.resolve({ offsets: { [`${topic}/2`]: 8 } })).rejects.toThrow(`there is no partition ${topic}/2`)
    await expect(source.resolve({ offsets: { [`${topic}/0`]: 11 } })).rejects.toThrow(
      'has the offsets 0 to 10, of which 10 is to come next; 11 is none',
    )
    await first.end()
    // as the engine does: another generation, whose ids are others
    const next = new TestHost()
    next.kept = new Map([...host.kept, [part(0), { next: sought(8) }]])
    const second = sourceOf(connection, trigger, next)
    await second.source.start()
    await until(() => next.events.length === 2, 'the replay')
    expect(numbersOf(next)).toEqual({ 0: [9, 10] })
    expect(next.kept.get(part(0))).toEqual({ next: 10 })
    await second.end()
  })
})
