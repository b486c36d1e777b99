/** One membership, with a consumer of the test's own: rebalances when the test wants them. */
import type { Consumer, EachBatchPayload } from 'kafkajs'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Client } from '../../../connectors/kafka/client.ts'
import { Commits } from '../../../connectors/kafka/commits.ts'
import { Group, type Commit, type Fetched } from '../../../connectors/kafka/group.ts'
import { rejection } from '../../engine/calls.ts'

type Partitions = Record<number, string>
type Offsets = Parameters<EachBatchPayload['commitOffsetsIfNecessary']>[0]

class FakeConsumer {
  readonly events = {
    GROUP_JOIN: 'join',
    REBALANCING: 'rebalancing',
    CRASH: 'crash',
    HEARTBEAT: 'heartbeat',
    FETCH: 'fetch',
    START_BATCH_PROCESS: 'start',
  }
  /** As they were asked for. */
  readonly commits: Partitions[] = []
  commit: () => Promise<void> = () => Promise.resolve()
  private readonly listeners = new Map<string, (event: { payload: unknown }) => void>()
  private eachBatch: ((payload: EachBatchPayload) => Promise<void>) | undefined

  on(name: string, listener: (event: { payload: unknown }) => void): void {
    this.listeners.set(name, listener)
  }
  tell(name: string, payload: unknown = {}): void {
    this.listeners.get(name)!({ payload })
  }
  async connect(): Promise<void> {}
  async subscribe(): Promise<void> {}
  async disconnect(): Promise<void> {}
  async run({ eachBatch }: { eachBatch: (payload: EachBatchPayload) => Promise<void> }): Promise<void> {
    this.eachBatch = eachBatch
  }
  pause(): void {}
  resume(): void {}
  seek(): void {}
  /** What kafkajs repeats by itself, under whatever assignment there is then. */
  commitOffsets(): Promise<void> {
    throw new Error('not this one')
  }

  async bring(partition: number, offset: number): Promise<void> {
    const batch = { topic: 't', partition, messages: [{ offset: String(offset) }], highWatermark: '100', lastOffset: () => String(offset) }
    await this.eachBatch!({
      batch,
      resolveOffset: () => undefined,
      heartbeat: async () => undefined,
      isRunning: () => true,
      isStale: () => false,
      commitOffsetsIfNecessary: (given: Offsets) => {
        const { topics } = given!
        this.commits.push(Object.fromEntries(topics.flatMap((one) => one.partitions.map(({ partition: at, offset: next }) => [at, next]))))
        return this.commit()
      },
    } as unknown as EachBatchPayload)
  }
}

describe('a membership', () => {
  let consumer: FakeConsumer
  let group: Group
  /** Of the leases, in order. */
  let all: Commits[]
  let commitFirst: Commit

  /** A commit that fails when the test wants it. */
  function held(): (error: Error) => void {
    let fail!: (error: Error) => void
    consumer.commit = () => new Promise((_, reject) => (fail = reject))
    return (error) => fail(error)
  }

  const joined = (partitions: number[]): void => consumer.tell('join', { memberAssignment: { t: partitions } })

  beforeEach(async () => {
    consumer = new FakeConsumer()
    all = []
    const client = { sessionMs: 10_000, consumer: () => consumer as unknown as Consumer } as unknown as Client
    group = new Group(
      client,
      { groupId: 'g', topics: ['t'], metadata: 'ours' },
      {
        assigned: async (partitions, lease, commit) => {
          if (all.length === 0) commitFirst = commit
          all.push(new Commits(commit, 1000, lease))
          return partitions.map(() => 0)
        },
        records: async ({ topic, partition, last }: Fetched) => {
          all.at(-1)!.handled({ topic, partition }, last + 1, 1)
          return last + 1
        },
        passed: () => undefined,
        ending: () =>
          void all
            .at(-1)
            ?.last()
            .catch(() => undefined),
      },
    )
    const joining = group.join()
    joined([0, 1])
    await joining
  })

  it('commits what is handled', async () => {
    await consumer.bring(0, 4)
    await consumer.bring(1, 7)
    await all[0]!.flush()
    expect(consumer.commits).toEqual([{ 0: '5', 1: '8' }])
    await group.leave(async () => undefined)
  })

  it('commits what is left within the end of the lease, what is on its way included', async () => {
    await consumer.bring(0, 4)
    held()
    const flushing = all[0]!.flush()
    flushing.catch(() => undefined)
    await consumer.bring(1, 7)
    consumer.tell('rebalancing')
    expect(consumer.commits).toEqual([{ 0: '5' }, { 0: '5', 1: '8' }])
    await group.leave(async () => undefined)
  })

  it('does not repeat under the next lease what has failed under the last one: somebody else may be further', async () => {
    await consumer.bring(0, 4)
    const fail = held()
    const flushing = rejection(all[0]!.flush())
    consumer.commit = () => Promise.resolve()
    consumer.tell('rebalancing')
    joined([1])
    await expect.poll(() => all.length).toBe(2)
    const before = consumer.commits.length
    fail(new Error('the group is being assigned anew'))
    await flushing
    // by its timer, or by whatever has ended late
    await rejection(all[0]!.flush())
    all[0]!.handled({ topic: 't', partition: 0 }, 9, 1)
    await rejection(all[0]!.flush())
    await rejection(commitFirst([{ topic: 't', partition: 0, offset: 9 }]))
    expect(consumer.commits.length).toBe(before)
    await consumer.bring(1, 8)
    await all[1]!.flush()
    expect(consumer.commits.slice(before)).toEqual([{ 1: '9' }])
    await group.leave(async () => undefined)
  })

  it('commits nothing of the last lease when it has joined again without a word: the group was assigned meanwhile', async () => {
    await consumer.bring(0, 4)
    joined([0, 1])
    await expect.poll(() => all.length).toBe(2)
    await rejection(all[0]!.flush())
    expect(consumer.commits).toEqual([])
    await consumer.bring(0, 8)
    await all[1]!.flush()
    expect(consumer.commits).toEqual([{ 0: '9' }])
    await group.leave(async () => undefined)
  })

  it('that is given up takes no partitions any more, and commits what ends until then', async () => {
    await consumer.bring(0, 4)
    let leave!: () => void
    const leaving = group.leave(() => new Promise((resolve) => (leave = resolve)))
    all[0]!.handled({ topic: 't', partition: 0 }, 6, 1)
    await all[0]!.flush()
    expect(consumer.commits.at(-1)).toEqual({ 0: '6' })
    joined([0, 1])
    leave()
    await leaving
    expect(all).toHaveLength(1)
    expect(String(await rejection(commitFirst([{ topic: 't', partition: 0, offset: 9 }])))).toContain('assigned anew')
  })
})
