import type { Json } from '../../dsl/json.ts'
import type { EventFormat } from '../../dsl/plan.ts'
import { NotInFormat } from '../format.ts'
import { keyOf, ledgerKeyOf, readMessage, type Reading } from './event.ts'
import type { BrokerMessage } from './port.ts'

/** A message that has come and is not settled yet. What is made of it is made once. */
export class Arrival {
  readonly message: BrokerMessage
  /** Names it for good, whenever it comes again; undefined: nothing does. */
  readonly key: readonly string[] | undefined
  /** The same, for the ledger. */
  readonly ledgerKey: string | undefined
  /** Of `performance.now()`. */
  readonly at = performance.now()
  private readonly format: EventFormat
  private read: Reading | NotInFormat | undefined
  private bytes: number | undefined

  constructor(message: BrokerMessage, queue: string, format: EventFormat) {
    this.message = message
    this.key = keyOf(queue, message)
    this.ledgerKey = this.key === undefined ? undefined : ledgerKeyOf(this.key)
    this.format = format
  }

  get reading(): Reading | NotInFormat {
    return (this.read ??= this.made())
  }

  /** Of its part in a batch's event. */
  get jsonBytes(): number {
    const { reading } = this
    return (this.bytes ??= reading instanceof NotInFormat ? 0 : sizeOf(reading.message) + sizeOf(reading.metadata) + 2)
  }

  /** For people, and dead letters. */
  placeIn(queue: string): string {
    const { messageId, tag } = this.message
    return `${queue}/${messageId ?? `without id, delivery ${tag}`}`
  }

  private made(): Reading | NotInFormat {
    try {
      return readMessage(this.message, this.format)
    } catch (error) {
      if (error instanceof NotInFormat) return error
      throw error
    }
  }
}

function sizeOf(value: Json): number {
  return Buffer.byteLength(JSON.stringify(value))
}
