/** Where partitions begin: the places of a trigger, what `from` and a seek stand for, and what the broker no longer has. */
import type { Json } from '../../dsl/json.ts'
import type { PlanKafkaTrigger } from '../../dsl/plan.ts'
import { CannotSeek, type Place, type Places, type SeekTarget } from '../triggers/contract.ts'
import type { Client, Committed, Range } from './client.ts'
import { isOwnCommit, type Committer } from './commit-metadata.ts'
import { isUnknownTopic, UnknownTopic } from './reason.ts'
import type { Bounds } from './reader.ts'

/**
 * A place as it is stored: the offset that is to be read next. One that was sought counts whatever the group has committed; else the group's
 * commit does where it is ahead, since then a server with another store has been there.
 */
type StoredPlace = number | { readonly offset: number; readonly sought: true }

export interface Begin {
  readonly next: number
  readonly unfinished: Bounds | null
  /** Records that the broker no longer has. */
  readonly lost: number
  /** The group must be told: its commit may be ahead of what was sought. */
  readonly isSought: boolean
}

/** The name of a partition's place. */
export function partOf(connection: string, topic: string, partition: number): string {
  return `${connection}/${topic}/${partition}`
}

/**
 * Its place tells that a topic was taken up: what `from` stands for is stored for all of the partitions that it had then, none at all if it was not
 * there; those that come later are read from their start.
 */
function topicPart(connection: string, topic: string): string {
  return `${connection}/${topic}`
}

/** Resolves `from` for topics that were never taken up, and stores it. Rejects where a topic is unknown. */
export async function settle(
  client: Client,
  { connection, topics, from }: PlanKafkaTrigger,
  places: Places,
  firstEnabledAt: number,
): Promise<void> {
  const known = await places.read()
  const isNew = ![...known.keys()].some((part) => !part.includes('/', part.indexOf('/') + 1))
  let unknown: UnknownTopic | undefined
  for (const topic of topics) {
    const mark = topicPart(connection, topic)
    try {
      const ranges = await client.ranges(topic)
      if (known.has(mark)) continue
      // what came between the first enabling and this moment counts
      const since = from === 'latest' && isNew ? await client.offsetsAt(topic, firstEnabledAt) : null
      for (const { partition, low, high } of ranges) {
        const part = partOf(connection, topic, partition)
        const next = from === 'earliest' ? low : Math.max(low, Math.min(high, since?.get(partition) ?? high))
        if (!known.has(part)) places.note(part, next)
      }
    } catch (error) {
      if (!isUnknownTopic(error)) throw error
      unknown = new UnknownTopic(topic)
    }
    if (known.has(mark)) continue
    // last, so that a crash in between leaves no partition out
    await places.flush()
    places.note(mark, 0)
  }
  await places.flush()
  if (unknown !== undefined) throw unknown
}

/** Where a partition begins. */
export function beginOf(place: Place | undefined, { low, high }: Range, committed: Committed | undefined, committer: Committer): Begin {
  const unfinished = boundsOf(place?.unfinished)
  if (unfinished !== null) return { ...within(unfinished.first, low, high), unfinished, isSought: false }
  const stored = storedOf(place?.next)
  const isSought = stored !== null && typeof stored === 'object'
  const ours = stored === null ? null : typeof stored === 'object' ? stored.offset : stored
  const group = committed !== undefined && isOwnCommit(committed.metadata, committer) && !isSought ? committed.offset : null
  const next = ours === null && group === null ? low : Math.max(ours ?? 0, group ?? 0)
  return { ...within(next, low, high), unfinished: null, isSought }
}

/** An offset that is not there, or not yet: another topic has its name by now, or records are gone. */
function within(next: number, low: number, high: number): { readonly next: number; readonly lost: number } {
  if (next > high) return { next: low, lost: 1 }
  return next < low ? { next: low, lost: low - next } : { next, lost: 0 }
}

function storedOf(next: Json | undefined): StoredPlace | null {
  if (typeof next === 'number') return next
  const { offset } = (next ?? {}) as { readonly offset?: unknown }
  return typeof offset === 'number' ? { offset, sought: true } : null
}

function boundsOf(unfinished: Json | undefined): Bounds | null {
  const { first, last, timestamp } = (unfinished ?? {}) as {
    readonly first?: unknown
    readonly last?: unknown
    readonly timestamp?: unknown
  }
  return typeof first === 'number' && typeof last === 'number' && typeof timestamp === 'string' ? { first, last, timestamp } : null
}

/** The places that a target stands for; what it says nothing of stays as it is. Offsets are named `topic/partition`. Throws CannotSeek. */
export async function resolveTarget(
  client: Client,
  { connection, topics }: PlanKafkaTrigger,
  to: SeekTarget,
  now: ReadonlyMap<string, Place>,
): Promise<ReadonlyMap<string, Json>> {
  const places = new Map<string, Json>([...now].map(([part, { next }]) => [part, next]))
  const wanted = typeof to === 'object' && 'offsets' in to ? new Map(Object.entries(to.offsets)) : null
  for (const topic of topics) {
    const ranges = await client.ranges(topic)
    places.set(topicPart(connection, topic), 0)
    const at = typeof to === 'object' && 'time' in to ? await client.offsetsAt(topic, to.time) : null
    for (const { partition, low, high } of ranges) {
      const name = `${topic}/${partition}`
      if (wanted !== null && !wanted.has(name)) continue
      const offset =
        wanted === null ? (at?.get(partition) ?? (to === 'earliest' ? low : high)) : wantedOffset(name, wanted.get(name)!, low, high)
      wanted?.delete(name)
      places.set(partOf(connection, topic, partition), { offset: Math.min(Math.max(offset, low), high), sought: true })
    }
  }
  const [unknown] = wanted?.keys() ?? []
  if (unknown !== undefined) throw new CannotSeek(`there is no partition ${unknown}; offsets are named topic/partition: ${topics[0]}/0`)
  return places
}

function wantedOffset(name: string, offset: Json, low: number, high: number): number {
  if (typeof offset === 'number' && Number.isSafeInteger(offset) && offset >= low && offset <= high) return offset
  throw new CannotSeek(
    `partition ${name} has the offsets ${low} to ${high}, of which ${high} is to come next; ${JSON.stringify(offset)} is none of them`,
  )
}
