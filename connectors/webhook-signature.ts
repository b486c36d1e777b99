/** Signatures of outgoing events by Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA256 over id, time and body. */
import { createHmac } from 'node:crypto'

const PREFIX = 'whsec_'
/** By that specification. */
const LEAST_BYTES = 24
const MOST_BYTES = 64

/** A secret as it is shared with the receiver: `whsec_` and base64 of 24-64 bytes. */
export class WebhookSecret {
  // not shown when somebody prints the object
  readonly #key: Buffer

  /** Throws RangeError, which does not repeat the secret. */
  constructor(text: string) {
    const base64 = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : ''
    const key = Buffer.from(base64, 'base64')
    const isBase64 = key.toString('base64').replace(/=+$/, '') === base64.replace(/=+$/, '')
    if (!isBase64 || key.length < LEAST_BYTES || key.length > MOST_BYTES)
      throw new RangeError(`the secret of a signature must be ${PREFIX} and ${LEAST_BYTES} to ${MOST_BYTES} bytes in base64`)
    this.#key = key
  }

  /**
   * The headers of one delivery. A repeated delivery keeps its `id`, by which receivers know it, and has a new time. Throws RangeError for an id that no
   * header can hold.
   *
   * @param at Epoch milliseconds.
   * @param body As it is sent, byte by byte.
   */
  sign(id: string, at: number, body: string | Uint8Array): WebhookHeaders {
    if (!/^[\x21-\x7e]+$/.test(id)) throw new RangeError('the id of a signed event must be of visible ASCII characters')
    const timestamp = String(Math.floor(at / 1000))
    const signature = createHmac('sha256', this.#key).update(`${id}.${timestamp}.`).update(body).digest('base64')
    return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
  }
}

export interface WebhookHeaders {
  readonly 'webhook-id': string
  readonly 'webhook-timestamp': string
  readonly 'webhook-signature': string
}
