/** Publishes to one cluster: what is published while something is on its way goes together next. */
import type { Message, Producer } from 'kafkajs'
import { pause } from '../triggers/backoff.ts'
import type { Client } from './client.ts'
import { isOfMessages, isOfSomeMessage } from './reason.ts'

/** Of one request. */
const MOST_MESSAGES = 500
const MOST_BYTES = 1024 * 1024
const ALL_REPLICAS = -1
/** A request, and the connection for it, have their answer in this time; kafkajs itself could take minutes. */
const ATTEMPT_MS = 30_000
/** So long an engine that closes waits for answers. */
const CLOSE_MS = 5000
const DISCONNECT_MS = 2000
/** Of those that were not sent, named in the log. */
const FEW = 5

export interface Publication {
  /** Names it to people. */
  readonly id: string
  readonly topic: string
  readonly key: string | null
  readonly value: Buffer
  readonly headers: Readonly<Record<string, string>>
}

export interface PublisherOptions {
  /** The engine closes: what has no answer then gets a little time, and is given up. */
  readonly closed: AbortSignal
  /** Tells people what was given up. */
  log(text: string): void
  readonly attemptMs?: number
  readonly closeMs?: number
}

interface Waiting {
  readonly publication: Publication
  readonly timer: NodeJS.Timeout
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

interface Attempt {
  isConnected: boolean
}

/**
 * One request at a time, for all who wait.
 *
 * - P1. Where there is no connection to the cluster, that is the answer for everything that waits: nobody finds it out once more by himself. Behind a
 *   connection it is that of one topic, whose leader may be away alone.
 * - P2. What fails is looked for by topics, and what the broker refuses then by halves: the others go through. Those that had been taken come twice, as the
 *   same event.
 * - P3. Everything has its answer in the time that it was given, and soon after the end of the engine.
 */
export class Publisher {
  private readonly client: Client
  private readonly options: PublisherOptions
  private producer: Promise<Producer> | null = null
  /** In order. */
  private readonly waiting = new Set<Waiting>()
  private readonly underWay = new Set<Waiting>()
  private sending: Promise<void> | null = null
  private ending: Promise<void> | null = null
  private isClosed = false
  /** Ends the attempt that is under way. */
  private cut: ((error: Error) => void) | null = null

  constructor(client: Client, options: PublisherOptions) {
    this.client = client
    this.options = options
    options.closed.addEventListener('abort', () => void this.end(), { once: true })
  }

  /** Resolves when all replicas that are in sync have it. Rejects with what kafkajs throws, or when the time is over. */
  publish(publication: Publication, withinMs: number): Promise<void> {
    if (this.isClosed) return Promise.reject(new Error('the connection is closed'))
    return new Promise((resolve, reject) => {
      const late = (): void => this.settle(waiting, new Error(`the broker has not answered within ${seconds(withinMs)}`))
      const waiting: Waiting = { publication, resolve, reject, timer: setTimeout(late, withinMs) }
      this.waiting.add(waiting)
      this.sending ??= this.sendAll()
    })
  }

  /** Takes nothing more. Resolves when what is under way has its answer, or is given up: soon. */
  async close(): Promise<void> {
    this.isClosed = true
    await Promise.race([this.sending, this.end()])
    await Promise.race([this.retire(), pause(DISCONNECT_MS, NEVER)])
  }

  /** Resolves when the time of what is left is over. */
  private end(): Promise<void> {
    return (this.ending ??= pause(this.options.closeMs ?? CLOSE_MS, NEVER).then(() => this.giveUp()))
  }

  private giveUp(): void {
    this.isClosed = true
    const left = [...this.underWay, ...this.waiting]
    if (left.length === 0) return
    this.options.log(`closed before the broker has answered: ${described(left.map(({ publication }) => publication))}`)
    const error = new Error('the connection was closed before the broker has answered')
    for (const one of left) this.settle(one, error)
    this.cut?.(error)
  }

  private settle(one: Waiting, error?: unknown): void {
    clearTimeout(one.timer)
    this.waiting.delete(one)
    this.underWay.delete(one)
    if (error === undefined) one.resolve()
    else one.reject(error)
  }

  private async sendAll(): Promise<void> {
    // what is published in the same turn goes with the first
    await new Promise((resolve) => setImmediate(resolve))
    while (this.waiting.size > 0) await this.send(this.next())
    this.sending = null
  }

  private next(): Waiting[] {
    let bytes = 0
    const all: Waiting[] = []
    for (const one of this.waiting) {
      if (all.length >= MOST_MESSAGES || bytes >= MOST_BYTES) break
      bytes += one.publication.value.byteLength
      all.push(one)
    }
    for (const one of all) {
      this.waiting.delete(one)
      this.underWay.add(one)
    }
    return all
  }

  private async send(whole: readonly Waiting[]): Promise<void> {
    const parts = [whole]
    for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
      // given up meanwhile
      const all = part.filter((one) => this.underWay.has(one))
      const [first] = all
      if (first === undefined) continue
      const attempt: Attempt = { isConnected: false }
      try {
        await this.attempt(all, attempt)
        for (const one of all) this.settle(one)
      } catch (error) {
        if (!attempt.isConnected) return this.refuseAll(error)
        const smaller = partsOf(all, error)
        if (smaller.length > 1) parts.unshift(...smaller)
        else if (!isOfMessages(error)) this.refuseAll(error, first.publication.topic)
        else for (const one of all) this.settle(one, error)
      }
    }
  }

  /** P1. */
  private refuseAll(error: unknown, topic?: string): void {
    for (const one of [...this.underWay, ...this.waiting])
      if (topic === undefined || one.publication.topic === topic) this.settle(one, error)
  }

  /** Rejects with what kafkajs throws, or when it takes too long: then what becomes of it is not known. */
  private async attempt(all: readonly Waiting[], attempt: Attempt): Promise<void> {
    const { attemptMs = ATTEMPT_MS } = this.options
    const over = new Promise<never>((_, reject) => (this.cut = reject))
    const late = (): void => this.cut?.(new Error(`the broker has not answered within ${seconds(attemptMs)}`))
    const timer = setTimeout(late, attemptMs)
    try {
      await Promise.race([this.request(all, attempt), over])
    } catch (error) {
      // the next one has a producer of its own: this one may be beyond mending, or know a topic that is gone
      if (!isOfSomeMessage(error)) void this.retire()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  private async request(all: readonly Waiting[], attempt: Attempt): Promise<void> {
    const producer = await (this.producer ??= this.connect())
    attempt.isConnected = true
    const topics = Map.groupBy(all, ({ publication }) => publication.topic)
    const topicMessages = [...topics].map(([topic, some]) => ({ topic, messages: some.map(({ publication }) => messageOf(publication)) }))
    await producer.sendBatch({ acks: ALL_REPLICAS, topicMessages })
  }

  private async connect(): Promise<Producer> {
    const producer = this.client.producer()
    try {
      await producer.connect()
      return producer
    } catch (error) {
      producer.disconnect().catch(() => undefined)
      throw error
    }
  }

  private async retire(): Promise<void> {
    const { producer } = this
    this.producer = null
    await producer?.then((one) => one.disconnect()).catch(() => undefined)
  }
}

const NEVER = new AbortController().signal

/** P2. One part: it is not to be divided. */
function partsOf(all: readonly Waiting[], error: unknown): (readonly Waiting[])[] {
  const topics = Map.groupBy(all, ({ publication }) => publication.topic)
  if (topics.size > 1) return [...topics.values()]
  if (all.length === 1 || !isOfSomeMessage(error)) return [all]
  const middle = Math.ceil(all.length / 2)
  return [all.slice(0, middle), all.slice(middle)]
}

function messageOf({ key, value, headers }: Publication): Message {
  return { key, value, headers: { ...headers } }
}

function described(all: readonly Publication[]): string {
  const topics = [...Map.groupBy(all, ({ topic }) => topic)]
  const each = topics.map(([topic, some]) => {
    const named = some.slice(0, FEW).map(({ id }) => id)
    return `${some.length} for topic ${topic} (${named.join(', ')}${some.length > FEW ? ', …' : ''})`
  })
  return each.join('; ')
}

function seconds(ms: number): string {
  return `${Math.ceil(ms / 100) / 10} s`
}
