import { hash, randomBytes } from 'node:crypto'

let lastTime = 0
let counter = 0

/** Random bytes taken from the system in one go: a call of it per id is a tenth of a durable start. */
const POOL_BYTES = 4096
/** In hexadecimal. */
let pool = ''
let poolAt = 0

function randomHex(digits: number): string {
  if (poolAt + digits > pool.length) {
    pool = randomBytes(POOL_BYTES).toString('hex')
    poolAt = 0
  }
  poolAt += digits
  return pool.slice(poolAt - digits, poolAt)
}

/** The first digits of the ids of a millisecond, with their version. */
let prefix = ''
let prefixTime = -1
const VARIANT = ['8', '9', 'a', 'b'] as const

/** A UUID of version 7 (RFC 9562): ordered by time, and within one process by a counter, so that an index over them grows at its end. */
export function newId(now: number = Date.now()): string {
  if (now > lastTime) {
    lastTime = now
    counter = Number.parseInt(randomHex(4), 16) & 0x3ff
  } else {
    counter += 1
    if (counter > 0xfff) {
      lastTime += 1
      counter = 0
    }
  }
  if (prefixTime !== lastTime) {
    const time = lastTime.toString(16).padStart(12, '0')
    prefix = `${time.slice(0, 8)}-${time.slice(8)}-7`
    prefixTime = lastTime
  }
  const random = randomHex(16)
  const variant = VARIANT[Number.parseInt(random.charAt(0), 16) & 0x3] as string
  return `${prefix}${(counter + 0x1000).toString(16).slice(1)}-${variant}${random.slice(1, 4)}-${random.slice(4)}`
}

/** An id that follows from others (docs/design/journal.md), in the form of a UUID of version 8. */
export function derivedId(...parts: readonly string[]): string {
  return formatted(hash('sha256', parts.join('\0'), 'hex'))
}

/**
 * As {@link derivedId}, beginning with a time (epoch ms), so that an index over ids of events that come one after the other grows at its end: of ids
 * without an order each is a page of its own to write. 74 bits of the hash are left. A time that is none is left out.
 */
export function derivedIdAt(time: number, ...parts: readonly string[]): string {
  if (!(time >= 0 && time < 2 ** 48)) return derivedId(...parts)
  return formatted(Math.floor(time).toString(16).padStart(12, '0') + hash('sha256', parts.join('\0'), 'hex'))
}

function formatted(hex: string): string {
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** The callback token of a node's attempt: 256 bits that only the holder of the secret can derive. */
export function callbackToken(secret: Uint8Array, execution: string, place: string): string {
  return hmac(secret, `callback\0${execution}\0${place}`)
}

/** Names the store of a secret, and one application in it, to other stores; the secret does not follow from it. */
export function storeId(secret: Uint8Array, scope = ''): string {
  return hmac(secret, `store\0${scope}`).slice(0, 12)
}

/** How tokens are stored. */
export function tokenHash(token: string): string {
  return hash('sha256', token, 'base64url')
}

/** Bytes of a block of SHA-256. */
const BLOCK = 64
interface Pads {
  readonly inner: Uint8Array
  readonly outer: Uint8Array
}
const padsOfSecret = new WeakMap<Uint8Array, Pads>()

function padsOf(secret: Uint8Array): Pads {
  let pads = padsOfSecret.get(secret)
  if (pads === undefined) {
    if (secret.length > BLOCK) throw new Error(`a secret has ${BLOCK} bytes at most`)
    const key = new Uint8Array(BLOCK)
    key.set(secret)
    pads = { inner: key.map((byte) => byte ^ 0x36), outer: key.map((byte) => byte ^ 0x5c) }
    padsOfSecret.set(secret, pads)
  }
  return pads
}

/**
 * HMAC-SHA-256 (RFC 2104) of a text, as base64url. By hashes in one call each: `createHmac` makes an object outside of the heap, and of a hundred
 * thousand tokens these are the largest part of a server's memory until they are collected.
 */
function hmac(secret: Uint8Array, text: string): string {
  const { inner, outer } = padsOf(secret)
  const digest = hash('sha256', Buffer.concat([inner, Buffer.from(text)]), 'buffer')
  return hash('sha256', Buffer.concat([outer, digest]), 'base64url')
}
