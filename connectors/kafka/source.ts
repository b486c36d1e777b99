/**
 * A trigger's consumer: joins its group, begins each partition where the store says, and joins again for ever when something breaks.
 *
 * What is handled is committed to the group after the store has it; see `commits.ts` for why it is committed at all.
 */
import type { Json } from '../../dsl/json.ts'
import type { PlanKafkaTrigger } from '../../dsl/plan.ts'
import type { Backoff } from '../triggers/backoff.ts'
import type { SeekTarget, TriggerHost, TriggerSource } from '../triggers/contract.ts'
import { BatchReader } from './batch-reader.ts'
import { beginOf, partOf, resolveTarget, settle } from './beginnings.ts'
import type { Client } from './client.ts'
import { commitMetadata, type Committer } from './commit-metadata.ts'
import type { KafkaConnection } from './connection.ts'
import { Commits } from './commits.ts'
import { Group, type Commit, type Fetched, type TopicPartition } from './group.ts'
import type { Reader, ReaderScope } from './reader.ts'
import type { GroupUser, Groups } from './groups.ts'
import { isRefusal, reasonOf } from './reason.ts'
import { SingleReader } from './single-reader.ts'

/** So often it is asked how much waits, while records come or not. */
const LAG_MS = 5000

/** What a source needs of its kind. */
export interface SourceServices {
  /** Undefined where no connection of kind kafka has the trigger's name for it. */
  readonly client: Client | undefined
  readonly options: KafkaConnection | undefined
  /** Of all connections. */
  readonly groups: Groups
  log(text: string): void
  backoff(): Backoff
  /** What is known of the connection: undefined where it works. */
  tell(trouble: unknown): void
  /** The engine closes: what waits for the broker gives up. */
  readonly closed: AbortSignal
}

export class KafkaSource implements TriggerSource {
  private readonly trigger: PlanKafkaTrigger
  private readonly host: TriggerHost
  private readonly services: SourceServices
  private readonly backoff: Backoff
  private stopping: AbortController | null = null
  private running: Promise<void> = Promise.resolve()
  private readers = new Map<string, Reader>()
  private group: Group | null = null
  private commits: Commits | null = null
  private hasJoined = false
  private isAsking = false

  constructor(trigger: PlanKafkaTrigger, host: TriggerHost, services: SourceServices) {
    this.trigger = trigger
    this.host = host
    this.services = services
    this.backoff = services.backoff()
  }

  get lag(): number {
    return [...this.readers.values()].reduce((sum, { lag }) => sum + lag, 0)
  }

  start(): Promise<void> {
    if (this.stopping !== null) return Promise.resolve()
    const { client } = this.services
    const { connection } = this.trigger
    if (client === undefined) {
      this.host.tell('failed', `there is no connection ${connection} of kind kafka; name one in the configuration`)
      return Promise.resolve()
    }
    this.stopping = new AbortController()
    const signal = AbortSignal.any([this.stopping.signal, this.services.closed])
    this.running = this.run(client, signal)
    return Promise.resolve()
  }

  async pause(): Promise<void> {
    this.stopping?.abort()
    this.stopping = null
    await this.running
  }

  stop(): Promise<void> {
    return this.pause()
  }

  async resolve(to: SeekTarget): Promise<ReadonlyMap<string, Json>> {
    const { client } = this.services
    if (client === undefined) throw new Error(`there is no connection ${this.trigger.connection} of kind kafka`)
    return resolveTarget(client, this.trigger, to, await this.host.places.read())
  }

  private async run(client: Client, signal: AbortSignal): Promise<void> {
    const stopTelling = this.host.onRoom((hasRoom) => {
      if (this.group !== null && this.hasJoined) this.host.tell(hasRoom ? 'running' : 'paused')
    })
    const { turn, leave } = this.enterGroup()
    while (!signal.aborted) {
      const isMine = await turn(signal)
      if (signal.aborted) break
      const reason = await this.member(client, AbortSignal.any([signal, isMine]))
      if (signal.aborted) break
      if (isMine.aborted) continue
      this.services.tell(reason)
      this.host.tell(isRefusal(reason) ? 'failed' : this.hasJoined ? 'reconnecting' : 'connecting', reasonOf(reason))
      await this.backoff.wait(signal)
    }
    leave()
    stopTelling()
    this.readers.clear()
  }

  /** `turn` resolves when no other trigger of this engine has the group, to a signal that is aborted when one has. */
  private enterGroup(): { turn(signal: AbortSignal): Promise<AbortSignal>; leave(): void } {
    const { host, trigger, services } = this
    const { groupId, connection } = trigger
    let current = new AbortController()
    let changed = (): void => undefined
    const user: GroupUser = {
      ...{ flow: host.flow, trigger: trigger.name, groupId, connection: services.options!, firstEnabledAt: host.firstEnabledAt },
      changed: () => {
        if (services.groups.before(user) !== undefined) current.abort()
        changed()
      },
    }
    const leave = services.groups.enter(user)
    const turn = async (signal: AbortSignal): Promise<AbortSignal> => {
      for (;;) {
        const other = services.groups.before(user)
        if (other === undefined || signal.aborted) return (current = new AbortController()).signal
        const remedy = 'give each trigger a groupId of its own, or disable one of them'
        // whose the other one is, is not for everybody who sees this one
        host.tell(
          'failed',
          `another trigger of this engine reads as group ${groupId}, connection ${connection}: nothing is read; ${remedy}`,
        )
        const names = `${host.flow}/${trigger.name} and ${other.flow}/${other.trigger}`
        services.log(`triggers ${names} both read as group ${groupId}: the first is idle; ${remedy}`)
        await new Promise<void>((resolve) => {
          changed = resolve
          signal.addEventListener('abort', () => resolve(), { once: true })
        })
      }
    }
    return { turn, leave }
  }

  /** One membership; resolves to why it has ended. */
  private async member(client: Client, signal: AbortSignal): Promise<unknown> {
    const { groupId, topics } = this.trigger
    const lag = setInterval(() => void this.ask(client), LAG_MS).unref()
    try {
      await settle(client, this.trigger, this.host.places, this.host.firstEnabledAt)
      if (signal.aborted) return undefined
      const group = new Group(
        client,
        { groupId, topics, metadata: commitMetadata(this.committer) },
        {
          assigned: (partitions, lease, commit) => this.assigned(client, partitions, lease, commit),
          records: (fetched, lease) => this.take(fetched, lease),
          passed: ({ topic, partition }, next) => this.readers.get(partOf(this.trigger.connection, topic, partition))?.pass(next),
          ending: () => void this.commits?.last().catch(() => undefined),
        },
      )
      this.group = group
      const asked = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      await Promise.race([group.join(), asked])
      return await Promise.race([group.ended, asked])
    } catch (error) {
      return error
    } finally {
      clearInterval(lag)
      await this.group?.leave(() => this.settled())
      this.group = null
    }
  }

  /** All that is under way has its answer, and the group and the store know it. */
  private async settled(): Promise<void> {
    await Promise.all([...this.readers.values()].map((reader) => reader.idle()))
    await Promise.allSettled([this.commits?.flush(), this.host.places.flush()])
  }

  private get committer(): Committer {
    const { flow, generation, store } = this.host
    return { flow, trigger: this.trigger.name, generation, store }
  }

  private async assigned(
    client: Client,
    partitions: readonly TopicPartition[],
    lease: AbortSignal,
    commit: Commit,
  ): Promise<readonly number[]> {
    await Promise.all([...this.readers.values()].map((reader) => reader.idle()))
    const { host, trigger } = this
    const [places, committed, ranges] = await Promise.all([
      host.places.read(),
      client.committed(trigger.groupId, trigger.topics),
      this.ranges(client),
    ])
    if (lease.aborted) return []
    const commits = new Commits(commit, trigger.maxInFlight, lease)
    const scope: ReaderScope = { trigger, host, commits, lease, backoff: () => this.services.backoff() }
    const readers = new Map<string, Reader>()
    const begins = partitions.map((one) => {
      const { topic, partition } = one
      const part = partOf(trigger.connection, topic, partition)
      const range = ranges.get(part) ?? { partition, low: 0, high: 0 }
      const told = committed.get(topic)?.get(partition)
      const begin = beginOf(places.get(part), range, told, this.committer)
      if (begin.lost > 0) host.count('lost', begin.lost)
      if (begin.lost > 0) host.places.note(part, begin.next)
      // what ended behind the last lease was not committed under it
      if (begin.unfinished === null && told?.offset !== begin.next) commits.handled(one, begin.next, 0)
      const beginning = { ...one, ...begin, part, high: range.high }
      readers.set(part, trigger.batch === undefined ? new SingleReader(scope, beginning) : new BatchReader(scope, beginning, trigger.batch))
      return begin.next
    })
    this.readers = readers
    this.commits = commits
    this.hasJoined = true
    this.backoff.reset()
    this.services.tell(undefined)
    host.tell(host.hasRoom ? 'running' : 'paused')
    return begins
  }

  private async take(fetched: Fetched, lease: AbortSignal): Promise<number | null> {
    const reader = this.readers.get(partOf(this.trigger.connection, fetched.topic, fetched.partition))
    const { client } = this.services
    if (reader === undefined || client === undefined) return null
    const first = Number(fetched.messages[0]?.offset ?? reader.next)
    if (first > reader.next && reader.lag > 0) await this.countLost(client, reader)
    return lease.aborted ? null : reader.take(fetched)
  }

  /** A gap may be one of compaction, or of transactions; or the broker has removed what was not read yet. */
  private async countLost(client: Client, reader: Reader): Promise<void> {
    const ranges = await client.ranges(reader.topic).catch(() => [])
    const low = ranges.find(({ partition }) => partition === reader.partition)?.low ?? 0
    if (low > reader.next) this.host.count('lost', low - reader.next)
  }

  private async ranges(
    client: Client,
  ): Promise<ReadonlyMap<string, { readonly partition: number; readonly low: number; readonly high: number }>> {
    const { connection, topics } = this.trigger
    const all = await Promise.all(topics.map(async (topic) => (await client.ranges(topic)).map((range) => [topic, range] as const)))
    return new Map(all.flat().map(([topic, range]) => [partOf(connection, topic, range.partition), range]))
  }

  /** While a trigger waits for room, or no record comes, nothing else tells how much waits. */
  private async ask(client: Client): Promise<void> {
    // others wait in the same line
    if (this.isAsking) return
    this.isAsking = true
    try {
      for (const [part, { high }] of await this.ranges(client)) {
        const reader = this.readers.get(part)
        if (reader !== undefined) reader.high = Math.max(reader.high, high)
      }
    } catch {
      // the membership notices for itself
    } finally {
      this.isAsking = false
    }
  }
}
