import { EngineError } from '../../errors.ts'
import type { Database, Transaction } from './database.ts'

/** The driver writes bytes as hexadecimal text; a statement has some seconds. */
const PIECE_BYTES = 4 * 1024 * 1024
/** Longer than an upload takes, and than a process needs to see that a function has other code. */
const KEPT_MS = 3_600_000

/** Archives of functions in PostgreSQL, in pieces, by their hashes. */
export class FunctionCode {
  private readonly db: Database
  private readonly scope: number

  constructor(db: Database, scope: number) {
    this.db = db
    this.scope = scope
  }

  /** Resolves when it is safe; does nothing where it is there whole. What a process that has died has left of it is made whole. */
  async save(hash: string, archive: Uint8Array): Promise<void> {
    const pieces = Math.max(1, Math.ceil(archive.byteLength / PIECE_BYTES))
    const row = await this.db.row<{ complete: boolean }>(
      `INSERT INTO fnflow.function_code AS c (scope, hash, pieces, used_at) VALUES ($1, $2, $3, $4)
       ON CONFLICT (scope, hash) DO UPDATE SET used_at = greatest(c.used_at, excluded.used_at) RETURNING complete`,
      [this.scope, hash, pieces, Date.now()],
    )
    if (row?.complete === true) return
    for (let at = 0; at < pieces; at++) {
      const data = Buffer.from(
        archive.buffer,
        archive.byteOffset + at * PIECE_BYTES,
        Math.min(PIECE_BYTES, archive.byteLength - at * PIECE_BYTES),
      )
      await this.db.change(
        'INSERT INTO fnflow.function_code_pieces (scope, hash, at, data) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
        [this.scope, hash, at, data],
      )
    }
    const whole = `UPDATE fnflow.function_code SET complete = true WHERE scope = $1 AND hash = $2
      AND pieces = (SELECT count(*) FROM fnflow.function_code_pieces WHERE scope = $1 AND hash = $2)`
    if ((await this.db.change(whole, [this.scope, hash])) === 0)
      throw new EngineError('store-failed', 'the code was removed while it was stored; put the function again')
  }

  async read(hash: string): Promise<Uint8Array | undefined> {
    const row = await this.db.row<{ pieces: number }>(
      'SELECT pieces FROM fnflow.function_code WHERE scope = $1 AND hash = $2 AND complete',
      [this.scope, hash],
    )
    if (row === undefined) return undefined
    const read: Buffer[] = []
    for (let at = 0; at < row.pieces; at++) {
      const sql = 'SELECT data FROM fnflow.function_code_pieces WHERE scope = $1 AND hash = $2 AND at = $3'
      const piece = await this.db.row<{ data: Buffer }>(sql, [this.scope, hash, at])
      if (piece === undefined) return undefined
      read.push(piece.data)
    }
    return Buffer.concat(read)
  }

  /** Notes that code is, or was until now, in use. False where `code` is not here whole. */
  async use(tx: Transaction, code: string | null, replaced: string | null): Promise<boolean> {
    const sql = 'UPDATE fnflow.function_code SET used_at = greatest(used_at, $3) WHERE scope = $1 AND hash = $2 AND complete'
    if (replaced !== null && replaced !== code) await tx.change(sql, [this.scope, replaced, Date.now()])
    return code === null || (await tx.change(sql, [this.scope, code, Date.now()])) > 0
  }

  /** Deletes what no function has had for some time, uploads that came to nothing included. */
  async sweep(tx: Transaction): Promise<void> {
    await tx.change(
      `DELETE FROM fnflow.function_code AS c WHERE scope = $1 AND used_at < $2
       AND NOT EXISTS (SELECT 1 FROM fnflow.put_functions AS f WHERE f.scope = $1 AND f.code = c.hash)`,
      [this.scope, Date.now() - KEPT_MS],
    )
  }
}
