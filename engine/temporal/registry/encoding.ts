import { promisify } from 'node:util'
import { constants, createDeflate, deflate, inflate } from 'node:zlib'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { Json } from '../../../dsl/json.ts'

/**
 * How values of users are stored: the JSON as UTF-8, or a zlib stream of it when that is large. The first byte tells them apart, since no
 * JSON begins with `x`, as every zlib stream of 32 KiB windows does.
 */
const ZLIB_BYTE = 0x78
/** Below this PostgreSQL keeps a row in its page, and a stream costs more than it saves. */
const DEFLATE_BYTES = 2048
/** Level 1: three quarters of what the default saves at a third of the time. */
const OPTIONS = { level: constants.Z_BEST_SPEED } as const
/** Of a journal's text per piece handed to zlib: a journal may be larger than a string can be. */
const PIECE_CHARS = 1024 * 1024

const deflateAsync = promisify(deflate) as (data: Uint8Array, options: object) => Promise<Buffer>
const inflateAsync = promisify(inflate) as (data: Uint8Array) => Promise<Buffer>

export function encodeText(text: string): Promise<Buffer> {
  return compact(Buffer.from(text))
}

export async function decodeText(data: Uint8Array): Promise<string> {
  return Buffer.from(await expanded(data)).toString()
}

/** `JSON.stringify` escapes U+0000 and lone surrogates, so that every value comes back as it was. */
export function encodeJson(value: Json): Promise<Buffer> {
  return encodeText(JSON.stringify(value))
}

/** Throws SyntaxError, or zlib's error, when the data is damaged. */
export async function decodeJson(data: Uint8Array): Promise<Json> {
  return JSON.parse(await decodeText(data)) as Json
}

/** A journal is a line of JSON per event. */
export function encodeJournal(journal: readonly unknown[]): Promise<Buffer> {
  const pieces = [...piecesOf(journal)]
  if (pieces.length > 1) return buffer(Readable.from(pieces).pipe(createDeflate(OPTIONS)))
  return compact(pieces[0] ?? Buffer.alloc(0))
}

export async function decodeJournal(data: Uint8Array): Promise<readonly unknown[]> {
  const text = await expanded(data)
  const events: unknown[] = []
  for (let from = 0; from < text.length;) {
    const end = text.indexOf(0x0a, from)
    const to = end === -1 ? text.length : end
    events.push(JSON.parse(text.toString('utf8', from, to)))
    from = to + 1
  }
  return events
}

function* piecesOf(journal: readonly unknown[]): Generator<Buffer, void, undefined> {
  let text = ''
  for (const event of journal) {
    text += `${JSON.stringify(event)}\n`
    if (text.length < PIECE_CHARS) continue
    yield Buffer.from(text)
    text = ''
  }
  if (text !== '') yield Buffer.from(text)
}

async function compact(text: Buffer): Promise<Buffer> {
  return text.length < DEFLATE_BYTES ? text : await deflateAsync(text, OPTIONS)
}

async function expanded(data: Uint8Array): Promise<Buffer> {
  return data[0] === ZLIB_BYTE ? await inflateAsync(data) : Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}
