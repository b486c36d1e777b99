import { promisify } from 'node:util'
import { constants, deflate, inflate } from 'node:zlib'
import { EngineError } from '../../errors.ts'
import type { Database } from './database.ts'
import type { PayloadBackend } from './payloads.ts'

/** The driver reads bytes as hexadecimal text, which must fit a string; so large ones come in pieces. */
const PIECE_BYTES = 16 * 1024 * 1024
/** Smaller than this it is not worth a try. */
const DEFLATE_BYTES = 1024
/** Of large ones this much is tried first: images and archives become no smaller. */
const SAMPLE_BYTES = 64 * 1024
/** What does not become smaller by a tenth stays as it is. */
const WORTH = 0.9
const MAX_BYTES = 512 * 1024 * 1024

const OPTIONS = { level: constants.Z_BEST_SPEED } as const

const deflateAsync = promisify(deflate) as (data: Uint8Array, options: object) => Promise<Buffer>
const inflateAsync = promisify(inflate) as (data: Uint8Array) => Promise<Buffer>

/** Payloads in table `payloads`. */
export class PostgresPayloads implements PayloadBackend {
  readonly where = 'the registry'
  readonly askBytes = 64 * 1024
  private readonly db: Database

  constructor(db: Database) {
    this.db = db
  }

  async has(owner: string, hash: string): Promise<boolean> {
    const sql = 'SELECT 1 AS one FROM fnflow.payloads WHERE owner = $1 AND hash = $2'
    return (await this.db.row(sql, [owner, Buffer.from(hash, 'hex')], { name: 'has-payload' })) !== undefined
  }

  async write(owner: string, hash: string, data: Uint8Array): Promise<void> {
    if (data.length > MAX_BYTES)
      throw new EngineError(
        'payload-too-large',
        `a payload of ${data.length} bytes does not fit PostgreSQL; at most ${MAX_BYTES}, or a payload folder`,
      )
    const smaller = await deflatedOf(data)
    await this.db.change(
      'INSERT INTO fnflow.payloads (owner, hash, deflated, data) VALUES ($1, $2, $3, $4) ON CONFLICT (owner, hash) DO NOTHING',
      [owner, Buffer.from(hash, 'hex'), smaller !== undefined, smaller ?? Buffer.from(data.buffer, data.byteOffset, data.byteLength)],
      { name: 'put-payload' },
    )
  }

  async read(owner: string, hash: string): Promise<Uint8Array | undefined> {
    const key = [owner, Buffer.from(hash, 'hex')]
    const first = await this.db.row<{ deflated: boolean; size: number; piece: Buffer }>(
      `SELECT deflated, length(data) AS size, substring(data FROM 1 FOR ${PIECE_BYTES}) AS piece
       FROM fnflow.payloads WHERE owner = $1 AND hash = $2`,
      key,
      { name: 'get-payload' },
    )
    if (first === undefined) return undefined
    const pieces = [first.piece]
    for (let from = PIECE_BYTES; from < first.size; from += PIECE_BYTES) {
      const next = await this.db.row<{ piece: Buffer }>(
        `SELECT substring(data FROM $3::integer FOR ${PIECE_BYTES}) AS piece FROM fnflow.payloads WHERE owner = $1 AND hash = $2`,
        [...key, from + 1],
      )
      if (next === undefined) return undefined
      pieces.push(next.piece)
    }
    const data = pieces.length === 1 ? first.piece : Buffer.concat(pieces)
    if (!first.deflated) return data
    // what is damaged is found by its hash
    return inflateAsync(data).catch(() => data)
  }

  async deleteOwners(owners: readonly string[]): Promise<void> {
    await this.db.change('DELETE FROM fnflow.payloads WHERE owner = ANY ($1::text[])', [owners])
  }
}

/** Undefined where it is not worth it. */
async function deflatedOf(data: Uint8Array): Promise<Buffer | undefined> {
  if (data.length < DEFLATE_BYTES) return undefined
  if (data.length > 4 * SAMPLE_BYTES) {
    const middle = Math.floor((data.length - SAMPLE_BYTES) / 2)
    const sample = await deflateAsync(data.subarray(middle, middle + SAMPLE_BYTES), OPTIONS)
    if (sample.length > SAMPLE_BYTES * WORTH) return undefined
  }
  const smaller = await deflateAsync(data, OPTIONS)
  return smaller.length < data.length * WORTH ? smaller : undefined
}
