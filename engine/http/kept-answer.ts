/** How an answer is kept with its key (idempotency.ts): a line of JSON with status and headers, then the body; deflated when it is large. */
import { promisify } from 'node:util'
import { constants, deflate, inflate } from 'node:zlib'

export interface KeptAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, number | string | string[]>>
  readonly body: Buffer
}

/** No line of JSON begins with it, and every zlib stream does. */
const ZLIB_BYTE = 0x78
const DEFLATE_BYTES = 2048
const NEWLINE = 0x0a

const deflateAsync = promisify(deflate) as (data: Uint8Array, options: object) => Promise<Buffer>
const inflateAsync = promisify(inflate) as (data: Uint8Array) => Promise<Buffer>

export async function encodeAnswer({ status, headers, body }: KeptAnswer): Promise<Buffer> {
  const whole = Buffer.concat([Buffer.from(`${JSON.stringify([status, headers])}\n`), body])
  return whole.length < DEFLATE_BYTES ? whole : deflateAsync(whole, { level: constants.Z_BEST_SPEED })
}

export async function decodeAnswer(data: Uint8Array): Promise<KeptAnswer> {
  const whole = data[0] === ZLIB_BYTE ? await inflateAsync(data) : Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  const end = whole.indexOf(NEWLINE)
  const [status, headers] = JSON.parse(whole.toString('utf8', 0, end)) as [KeptAnswer['status'], KeptAnswer['headers']]
  return { status, headers, body: whole.subarray(end + 1) }
}
