import { createHash } from 'node:crypto'
import { EventTooLarge, type Channel, type CloudEvent } from '../connectors/channels/contract.ts'
import { httpChannel } from '../connectors/channels/http.ts'
import { logChannel } from '../connectors/channels/log.ts'
import { checkBrokerChannel } from '../connectors/channels/broker-options.ts'
import { lazyChannel } from '../connectors/channels/lazy.ts'
import { CHANNEL_KINDS, type BrokerChannelOptions, type ChannelOptions, type OwnChannelOptions } from '../connectors/channels/options.ts'
import { topicChannel } from '../connectors/channels/topic.ts'
import type { ConnectionOptions } from '../connectors/connections.ts'
import { WrongOption } from '../connectors/wrong-option.ts'
import type { TopicMessage } from '../connectors/topic/event.ts'
import type { NodeRun } from '../dsl/core/state.ts'
import { ENGINE_ERRORS, NodeError, type ErrorDocument } from '../dsl/errors.ts'
import { cloudEventOf } from '../dsl/nodes/event.ts'
import type { Json, JsonObject } from '../dsl/json.ts'
import type { Plan, PlanEventNode, PlanNode } from '../dsl/plan.ts'
import { checkUrl, type Outbound } from '../executors/outbound/outbound.ts'
import { OutboundRefused } from '../executors/outbound/refused.ts'
import { EngineError } from './errors.ts'
import type { DeadLetter } from './triggers/delivery.ts'

const TOPIC = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/
/** As node:http has them, which is not loaded for it. */
const HEADER = /^[\w!#$%&'*+.^`|~-]+$/
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const KEYS: Readonly<Record<OwnChannelOptions['kind'], readonly string[]>> = {
  log: ['kind'],
  http: ['kind', 'url', 'mode', 'secret', 'headers'],
  topic: ['kind', 'topic'],
}

/** What channels need of the engine around them. */
export interface ChannelServices {
  log(text: string): void
  readonly outbound: Outbound
  /** Publishes to a topic of this engine; the same id is the same message. */
  publish(topic: string, id: string, message: TopicMessage, sees?: readonly string[]): Promise<unknown>
  readonly closed: AbortSignal
  readonly connections: Readonly<Record<string, ConnectionOptions>>
  /** A channel over a connection; its driver is loaded for it. */
  broker(name: string, options: BrokerChannelOptions): Promise<Channel>
}

/** The outcome of an `event` node. */
export interface Sent {
  readonly ok: boolean
  readonly value: Json
  /** It has failed since this engine closes: somebody else is to send it. */
  readonly isClosing?: true
}

/** The event channels of an engine, by name. */
export class Channels {
  private readonly channels = new Map<string, Channel>()
  private readonly topics = new Map<string, string>()
  private readonly closed: AbortSignal

  /** Throws EngineError `bad-option`. */
  constructor(configured: Readonly<Record<string, ChannelOptions>>, services: ChannelServices) {
    this.closed = services.closed
    for (const [name, options] of Object.entries(configured)) {
      this.channels.set(name, channelOf(name, options, services))
      if ('kind' in options && options.kind === 'topic') this.topics.set(name, options.topic)
    }
  }

  has(name: string): boolean {
    return this.channels.has(name)
  }

  /** The topics to which a flow publishes: by its event nodes, and by its triggers' dead letters. */
  topicsOf(plan: Plan): ReadonlySet<string> {
    const topics = new Set<string>()
    for (const name of channelsOf(plan)) {
      const topic = this.topics.get(name)
      if (topic !== undefined) topics.add(topic)
    }
    return topics
  }

  /** Sends an event that could not start its flow, with what is known of it. Rejects while the channel takes nothing. */
  async deadLetter(name: string, { id, source, data, bytes, sees }: DeadLetter): Promise<void> {
    const channel = this.channels.get(name)
    if (channel === undefined) throw new Error(this.unknown(name))
    const event = (more: JsonObject): CloudEvent => ({
      specversion: '1.0',
      id,
      source,
      type: 'fnflow.dead-letter',
      time: new Date().toISOString(),
      datacontenttype: 'application/json',
      data: { ...data, ...more },
    })
    try {
      await channel.publish(event({ data_base64: Buffer.from(bytes).toString('base64') }), sees)
    } catch (error) {
      if (!isTooLarge(error)) throw error
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      await channel.publish(event({ left_out: { length: bytes.length, sha256 } }), sees)
    }
  }

  /**
   * Publishes the event of an `event` node; `ended` gets the node's outcome, never synchronously. Of an event that was not sent when the engine closes there
   * is none: whoever opens the store again sends it.
   */
  publish(run: NodeRun, executionId: string, ended: (ok: boolean, value: Json) => void): void {
    let event: CloudEvent
    try {
      event = cloudEventOf(run, executionId)
    } catch (error) {
      queueMicrotask(() =>
        ended(false, error instanceof NodeError ? (error.document as unknown as Json) : channelError('InternalError', String(error))),
      )
      return
    }
    const { channel, sees } = run.node.plan as PlanEventNode
    void this.send(channel, event, sees).then(({ ok, value, isClosing }) => {
      if (isClosing !== true) ended(ok, value)
    })
  }

  /** Sends an event; resolves to the outcome of its node, and never rejects. */
  async send(name: string, event: CloudEvent, sees?: readonly string[]): Promise<Sent> {
    const channel = this.channels.get(name)
    if (channel === undefined) {
      return { ok: false, value: channelError('ChannelNotFound', this.unknown(name)) }
    }
    try {
      await channel.publish(event, sees)
      return { ok: true, value: { eventId: event.id } }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      const value = channelError('PublishFailed', `channel ${name}: ${reason}`)
      return { ok: false, value, ...(this.closed.aborted ? { isClosing: true } : {}) }
    }
  }

  private unknown(name: string): string {
    return `no channel ${name} is configured; known: ${[...this.channels.keys()].join(', ') || 'none'}`
  }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof EventTooLarge || (error instanceof EngineError && error.code === 'payload-too-large')
}

function* channelsOf({ nodes, triggers = [] }: Plan): Generator<string, void, undefined> {
  yield* channelsOfNodes(nodes)
  for (const { deadLetter } of triggers) if (deadLetter !== undefined) yield deadLetter
}

function* channelsOfNodes(nodes: Readonly<Record<string, PlanNode>>): Generator<string, void, undefined> {
  for (const node of Object.values(nodes)) {
    if (node.type === 'event') yield node.channel
    if ('nodes' in node) yield* channelsOfNodes(node.nodes)
  }
}

/** Throws EngineError `bad-option`. */
function channelOf(name: string, options: ChannelOptions, services: ChannelServices): Channel {
  if ('connection' in options) return brokerChannel(name, options, services)
  const { outbound, closed } = services
  const known = Object.hasOwn(KEYS, options.kind) ? KEYS[options.kind] : undefined
  if (known === undefined) throw wrong(name, `kind ${String(options.kind)} is not known; known: ${CHANNEL_KINDS.join(', ')}`)
  for (const key of Object.keys(options))
    if (!known.includes(key)) throw wrong(name, `a channel of kind ${options.kind} has no ${key}; it has ${known.join(', ')}`)
  switch (options.kind) {
    case 'log':
      return logChannel(name, (text) => services.log(text))
    case 'topic':
      if (typeof options.topic !== 'string' || !TOPIC.test(options.topic)) throw wrong(name, 'topic must be the name of a topic')
      return topicChannel((id, message, sees) => services.publish(options.topic, id, message, sees))
    case 'http':
      checkHttp(name, options)
      try {
        return httpChannel(options, {
          fetch: (url, init) => outbound.fetch(url, init),
          isFinal: (error) => error instanceof OutboundRefused,
          closed,
        })
      } catch (error) {
        throw wrong(name, (error as Error).message)
      }
  }
}

/** Throws EngineError `bad-option`. */
function brokerChannel(name: string, options: BrokerChannelOptions, { connections, broker }: ChannelServices): Channel {
  const connection = Object.hasOwn(connections, options.connection) ? connections[options.connection] : undefined
  if (connection === undefined) throw wrong(name, `there is no connection ${String(options.connection)}; configure it first`)
  try {
    const checked = checkBrokerChannel(connection.kind, options)
    return lazyChannel(() => broker(name, checked))
  } catch (error) {
    if (error instanceof WrongOption) throw wrong(name, [...error.at, error.message].join(': '))
    throw error
  }
}

/** Throws EngineError `bad-option`; the message repeats no header, which may be a secret. */
function checkHttp(name: string, { url, mode, secret, headers = {} }: Extract<ChannelOptions, { kind: 'http' }>): void {
  try {
    checkUrl(url)
  } catch (error) {
    throw wrong(name, `url: ${(error as Error).message}`)
  }
  if (mode !== undefined && mode !== 'binary' && mode !== 'structured') throw wrong(name, 'mode must be binary or structured')
  if (secret !== undefined && typeof secret !== 'string') throw wrong(name, 'secret must be a text that begins with whsec_')
  if (typeof headers !== 'object' || headers === null) throw wrong(name, 'headers must be an object of texts')
  for (const [header, value] of Object.entries(headers)) {
    if (!HEADER.test(header) || typeof value !== 'string' || !HEADER_VALUE.test(value))
      throw wrong(name, `header ${JSON.stringify(header.slice(0, 100))} cannot be sent`)
  }
}

function wrong(name: string, reason: string): EngineError {
  return new EngineError('bad-option', `channel ${name}: ${reason}`)
}

function channelError(errorType: string, errorMessage: string): Json {
  const status = errorType === 'ChannelNotFound' ? ENGINE_ERRORS.ChannelNotFound : 500
  return { status, errorType, errorMessage } satisfies ErrorDocument as unknown as Json
}
