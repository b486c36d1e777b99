/** Against an admin of the test's own: questions that have no answer, for those who wait behind them. */
import { Kafka, type Admin } from 'kafkajs'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Client } from '../../../connectors/kafka/client.ts'
import { rejection } from '../../engine/calls.ts'
import { TestHost } from '../host.ts'
import { sourceOf, triggerOf } from './lab.ts'

let connections = 0
let disconnections = 0
/** Of each question, its topic. */
let asked: string[] = []
let offsets: (topic: string) => Promise<{ partition: number; low: string; high: string }[]>
const never = (): Promise<never> => new Promise(() => undefined)

beforeEach(() => {
  connections = 0
  disconnections = 0
  asked = []
  vi.useFakeTimers()
  vi.spyOn(Kafka.prototype, 'admin').mockImplementation(
    () =>
      ({
        connect: async () => void (connections += 1),
        disconnect: async () => void (disconnections += 1),
        fetchTopicMetadata: async () => ({ topics: [] }),
        fetchTopicOffsets: (topic: string) => {
          asked.push(topic)
          return offsets(topic)
        },
      }) as unknown as Admin,
  )
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

it('a question that has no answer fails, and the next one has a connection of its own', async () => {
  const client = new Client({ kind: 'kafka', brokers: ['127.0.0.1:1'] })
  offsets = (topic) => (topic === 'far' ? never() : Promise.resolve([{ partition: 0, low: '1', high: '7' }]))
  const far = rejection(client.ranges('far'))
  const near = client.ranges('near')
  await vi.advanceTimersByTimeAsync(31_000)
  expect(String(await far)).toContain('the broker has not answered within 30 s')
  expect(await near).toEqual([{ partition: 0, low: 1, high: 7 }])
  expect([connections, disconnections]).toEqual([2, 1])
  // it counts on a new connection alone
  const again = rejection(client.ranges('far'))
  await vi.advanceTimersByTimeAsync(61_000)
  expect(String(await again)).toContain('has not answered')
  expect(asked).toEqual(['far', 'near', 'far', 'far'])
  await client.close()
})

it('a source has one question for its lag in line, however long that takes', async () => {
  const fail: (() => void)[] = []
  offsets = () => new Promise((_, reject) => fail.push(() => reject(new Error('far away'))))
  const trigger = triggerOf({ topics: ['far'] })
  const host = new TestHost()
  const { source, client, end } = sourceOf({ brokers: ['127.0.0.1:1'] }, trigger, host)
  const ranges = vi.spyOn(client, 'ranges')
  await source.start()
  await vi.advanceTimersByTimeAsync(29_000)
  // where its partitions begin, and the lag
  expect(ranges).toHaveBeenCalledTimes(2)
  const ending = end()
  for (const one of fail) one()
  await vi.advanceTimersByTimeAsync(120_000)
  await ending
})
