/** What the connector needs of an AMQP 0-9-1 client. `amqp.ts` implements it with amqplib; nothing else knows that library. */

/** A message as the broker hands it out. */
export interface BrokerMessage {
  /** Counts up within its channel. */
  readonly tag: number
  readonly redelivered: boolean
  readonly exchange: string
  readonly routingKey: string
  readonly messageId: string | undefined
  readonly contentType: string | undefined
  /** As AMQP's field table decodes: texts, numbers, booleans, null, Buffers, lists, tables, and `{ '!': type, value }` for what JSON has not. */
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Buffer
}

/** Thrown for what the broker, or the way to it, refuses. The message has no secret in it. */
export class BrokerError extends Error {
  /** Of AMQP (404, 406 …); undefined where no broker has said anything. */
  readonly code: number | undefined
  constructor(message: string, code?: number) {
    super(message)
    this.name = 'BrokerError'
    this.code = code
  }

  /** What is configured cannot work until somebody changes it, here or at the broker. Trying again may help then, and does no harm. */
  get isRefusal(): boolean {
    return this.code !== undefined && REFUSALS.has(this.code)
  }
}

/** A message came back: no queue takes it. */
export const NO_ROUTE = 312

/** Not found, access refused, locked, declared otherwise, no such virtual host. */
const REFUSALS: ReadonlySet<number> = new Set([403, 404, 405, 406, 530])

/** One connection. It ends once, and is not opened again. */
export interface Broker {
  /** Resolves, never rejects, with why it has ended. */
  readonly ended: Promise<BrokerError>
  readonly isOpen: boolean
  /** Why the broker takes no messages of this connection's for now: it runs out of memory or of disk. */
  readonly blocked: string | undefined
  channel(): Promise<BrokerChannel>
  confirmChannel(): Promise<ConfirmChannel>
  /** Resolves when it has ended, in good order or, after a while, by cutting it. */
  close(): Promise<void>
}

export interface QueueState {
  /** That wait for a consumer. */
  readonly ready: number
}

/** All of it rejects with {@link BrokerError}; the broker closes the channel with most of its errors. */
export interface BrokerChannel {
  readonly ended: Promise<BrokerError>
  readonly isOpen: boolean
  /** Of consumers that begin after it: so many messages may be unacknowledged at one time. */
  prefetch(count: number): Promise<void>
  /** Makes a durable queue; one that is declared otherwise is 406. */
  declareQueue(queue: string, args: object): Promise<QueueState>
  /** 404 where there is none. */
  checkQueue(queue: string): Promise<QueueState>
  declareExchange(exchange: string, type: string): Promise<void>
  checkExchange(exchange: string): Promise<void>
  bindQueue(queue: string, exchange: string, routingKey: string, args: object): Promise<void>
  /** Resolves to the consumer's name. `cancelled`: by the broker, because the queue is gone or moves. */
  consume(queue: string, received: (message: BrokerMessage) => void, cancelled: () => void): Promise<string>
  /** No message comes after it has resolved. */
  cancel(consumer: string): Promise<void>
  /** `through`: and all before it that are not acknowledged. Does nothing where the channel has ended. */
  ack(tag: number, through: boolean): void
  /** Puts it back into the queue, where it was. Does nothing where the channel has ended. */
  requeue(tag: number): void
  close(): Promise<void>
}

export interface Publication {
  readonly exchange: string
  readonly routingKey: string
  readonly messageId: string
  readonly contentType: string
  readonly type?: string
  /** Epoch ms. */
  readonly time: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export interface ConfirmChannel {
  readonly ended: Promise<BrokerError>
  readonly isOpen: boolean
  /** Resolves when the broker has the message safe, and rejects with BrokerError: 312 where no queue takes it, 541 where the broker fails to keep it. */
  publish(publication: Publication): Promise<void>
  close(): Promise<void>
}
