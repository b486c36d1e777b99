/**
 * The slice of kafkajs that is used, and the only files (with `group.ts`, `publisher.ts` and `mend.ts`) that know it: another client would
 * take their place.
 */
import { Kafka, logLevel, type Admin, type Consumer, type Producer, Partitioners } from 'kafkajs'
import type { TlsOptions } from '../wrong-option.ts'
import { sessionMs, type KafkaConnection } from './connection.ts'
import { addCodecs, mendRequestQueue } from './mend.ts'
import { isOfTopic } from './reason.ts'

/** Kafkajs tries some times itself, so that a lost connection is no matter; the long pauses are the source's. */
const RETRY = { initialRetryTime: 100, maxRetryTime: 1000, retries: 3 }
const CONNECT_MS = 10_000
const REQUEST_MS = 30_000
/** A question, with all that kafkajs repeats of it, has its answer in this time: others wait in line. */
const QUESTION_MS = 30_000
/** An answer comes when there are records, or after so long. What is taken up or resumed waits for it. */
const FETCH_WAIT_MS = 250
/** Records are some ten times as large in memory, and what one fetch brings is delivered before the next: more would wait longer, no more. */
const FETCH_BYTES = 256 * 1024
const FETCH_BYTES_OF_ALL = 4 * 1024 * 1024
const DEFAULT_SESSION_MS = 10_000
const DEFAULT_CLIENT_ID = 'fnflow'

/** The offsets of a partition: of the first record that is there, and of the one that is to come next. */
export interface Range {
  readonly partition: number
  readonly low: number
  readonly high: number
}

/** A connection that answers questions, one at a time. */
interface Opened {
  readonly admin: Admin
  /** The end of the line. */
  turn: Promise<unknown>
  isUsed: boolean
  /** A question has failed on it. */
  isOver: boolean
}

export interface Committed {
  readonly offset: number
  readonly metadata: string
}

/** A connection to one cluster. It makes connections when they are needed, and rejects with what kafkajs throws: see `reason.ts`. */
export class Client {
  readonly sessionMs: number
  private readonly kafka: Kafka
  private opening: Promise<Opened> | null = null
  private isClosed = false

  constructor({ brokers, sasl, tls = false, clientId = DEFAULT_CLIENT_ID, sessionTimeout }: KafkaConnection) {
    mendRequestQueue()
    addCodecs()
    this.sessionMs = sessionMs(sessionTimeout) ?? DEFAULT_SESSION_MS
    this.kafka = new Kafka({
      clientId,
      brokers: [...brokers],
      logLevel: logLevel.NOTHING,
      connectionTimeout: CONNECT_MS,
      authenticationTimeout: CONNECT_MS,
      requestTimeout: REQUEST_MS,
      retry: RETRY,
      ...(sasl === undefined ? {} : { sasl: sasl as { mechanism: 'plain'; username: string; password: string } }),
      ...(tls === false ? {} : { ssl: tlsOptions(tls) }),
    })
  }

  /** By partition. */
  async ranges(topic: string): Promise<Range[]> {
    const found = await this.ask(async (admin) => {
      try {
        // else kafkajs would ask for it again and again
        await admin.fetchTopicMetadata({ topics: [topic] })
      } catch (error) {
        // no failure of the connection
        if (isOfTopic(error)) return { error }
        throw error
      }
      return admin.fetchTopicOffsets(topic)
    })
    if ('error' in found) throw found.error
    return found.map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) }))
  }

  /** The offsets of the first records that are no older than a time; of the next to come where there are none. */
  async offsetsAt(topic: string, time: number): Promise<ReadonlyMap<number, number>> {
    const found = await this.ask((admin) => admin.fetchTopicOffsetsByTimestamp(topic, time))
    return new Map(found.map(({ partition, offset }) => [partition, Number(offset)]))
  }

  /** What a group has committed, by topic and partition. */
  async committed(groupId: string, topics: readonly string[]): Promise<ReadonlyMap<string, ReadonlyMap<number, Committed>>> {
    const found = await this.ask((admin) => admin.fetchOffsets({ groupId, topics: [...topics] }))
    return new Map(
      found.map(({ topic, partitions }) => [
        topic,
        new Map(
          partitions.flatMap(({ partition, offset, metadata }) =>
            Number(offset) < 0 ? [] : [[partition, { offset: Number(offset), metadata: metadata ?? '' }]],
          ),
        ),
      ]),
    )
  }

  /** A member of a group to be. */
  consumer(groupId: string): Consumer {
    return this.kafka.consumer({
      groupId,
      sessionTimeout: this.sessionMs,
      heartbeatInterval: Math.floor(this.sessionMs / 4),
      rebalanceTimeout: Math.max(60_000, this.sessionMs),
      maxWaitTimeInMs: FETCH_WAIT_MS,
      maxBytesPerPartition: FETCH_BYTES,
      maxBytes: FETCH_BYTES_OF_ALL,
      allowAutoTopicCreation: false,
      // a member that kafkajs starts again by itself would not be known to the source
      retry: { ...RETRY, restartOnFailure: () => Promise.resolve(false) },
    })
  }

  producer(): Producer {
    return this.kafka.producer({ allowAutoTopicCreation: false, createPartitioner: Partitioners.DefaultPartitioner, retry: RETRY })
  }

  async close(): Promise<void> {
    this.isClosed = true
    const { opening } = this
    this.opening = null
    await opening?.then(
      ({ admin }) => admin.disconnect(),
      () => undefined,
    )
  }

  /**
   * A question that fails costs nobody else his answer, though all share a connection: they wait in line, and the ones behind it get another one. One
   * that has no answer in time has failed, too. A failure may be that of a connection with a past (a broker that is gone, a topic that was deleted): it
   * counts on a new one alone.
   */
  private async ask<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    for (let failures = 0; ;) {
      if (this.isClosed) throw new Error('the connection is closed')
      const opening = (this.opening ??= this.connect())
      const opened = await opening
      const before = opened.turn
      const answer = (async () => {
        await before
        if (opened.isOver) return undefined
        const isNew = !opened.isUsed
        opened.isUsed = true
        try {
          return { is: await inTime(question(opened.admin)) }
        } catch (error) {
          opened.isOver = true
          if (this.opening === opening) this.opening = null
          opened.admin.disconnect().catch(() => undefined)
          if (isNew || this.isClosed || ++failures > 1) throw error
          return undefined
        }
      })()
      opened.turn = answer.catch(() => undefined)
      const found = await answer
      if (found !== undefined) return found.is
    }
  }

  private connect(): Promise<Opened> {
    const opening = this.open()
    opening.catch(() => {
      if (this.opening === opening) this.opening = null
    })
    return opening
  }

  private async open(): Promise<Opened> {
    const admin = this.kafka.admin()
    try {
      await admin.connect()
      return { admin, turn: Promise.resolve(), isUsed: false, isOver: false }
    } catch (error) {
      await admin.disconnect().catch(() => undefined)
      throw error
    }
  }
}

/** Rejects when it takes too long: kafkajs itself could take minutes, where a leader is not to be reached. */
async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the broker has not answered within ${QUESTION_MS / 1000} s`)), QUESTION_MS)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

function tlsOptions(tls: Exclude<TlsOptions, false>) {
  if (tls === true) return true
  const { ca, cert, key, serverName } = tls
  return {
    ...(ca === undefined ? {} : { ca: [ca] }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  }
}
