/** How far triggers are, in PostgreSQL (engine/triggers/progress.ts, L2 and L3). */
import { createHash } from 'node:crypto'
import type { Place } from '../../../connectors/triggers/contract.ts'
import type { Json } from '../../../dsl/json.ts'
import {
  MessagesKnown,
  PlaceMoved,
  type LedgerOutcome,
  type PendingStart,
  type ProgressStore,
  type Step,
  type TriggerKey,
} from '../../triggers/progress.ts'
import type { Database, Transaction } from './database.ts'
import { decodeJson, encodeJson } from './encoding.ts'
import { MoveQueue } from './trigger-moves.ts'

/** Deleted by one statement. */
const BATCH = 1000
const OUTCOME: Readonly<Record<LedgerOutcome, number>> = { started: 1, filtered: 2, deadLettered: 3, skipped: 4 }
/** Places go with the trigger's row: of a flow that was deleted meanwhile nothing is written. */
const THERE = 'EXISTS (SELECT 1 FROM fnflow.triggers WHERE scope = $1 AND flow = $2 AND name = $3)'
const RECORD = `INSERT INTO fnflow.trigger_messages (scope, key, until, outcome, execution)
  SELECT $1, m.key, $3, $4, $5 FROM unnest($2::bytea[]) AS m (key) ON CONFLICT (scope, key) DO NOTHING`

export class ProgressRows implements ProgressStore {
  readonly id: string
  private readonly db: Database
  private readonly scope: number
  private readonly moves: MoveQueue

  /** @param id Of this scope of the database: see ProgressStore. */
  constructor(db: Database, scope: number, id: string) {
    this.id = id
    this.db = db
    this.scope = scope
    this.moves = new MoveQueue(db, scope)
  }

  async places({ flow, name, generation }: TriggerKey): Promise<ReadonlyMap<string, Place>> {
    await this.moves.flush()
    const sql = `SELECT part, next, unfinished FROM fnflow.trigger_places
      WHERE scope = $1 AND flow = $2 AND name = $3 AND generation = $4`
    const rows = await this.db.rows<{ part: string; next: string; unfinished: string | null }>(sql, [this.scope, flow, name, generation])
    return new Map(
      rows.map(({ part, next, unfinished }) => {
        const place: Place = { next: JSON.parse(next) as Json }
        return [part, unfinished === null ? place : { ...place, unfinished: JSON.parse(unfinished) as Json }]
      }),
    )
  }

  async note({ flow, name, generation }: TriggerKey, part: string, next: Json, expected: Json | undefined): Promise<boolean> {
    await this.moves.flush()
    const values = [this.scope, flow, name, generation, part, JSON.stringify(next), positionOf(next)]
    if (expected === undefined) {
      const sql = `INSERT INTO fnflow.trigger_places (scope, flow, name, generation, part, next, position)
        SELECT $1, $2, $3, $4, $5, $6, $7 WHERE ${THERE} ON CONFLICT DO NOTHING`
      return (await this.db.change(sql, values)) > 0 || (await this.is(values))
    }
    const sql = `UPDATE fnflow.trigger_places SET next = $6, position = $7, unfinished = NULL
      WHERE scope = $1 AND flow = $2 AND name = $3 AND generation = $4 AND part = $5 AND next = $8`
    return (await this.db.change(sql, [...values, JSON.stringify(expected)])) > 0 || (await this.is(values))
  }

  async known(trigger: TriggerKey, keys: readonly string[]): Promise<ReadonlySet<string>> {
    const byHash = new Map(keys.map((key) => [hashOf(trigger, key).toString('hex'), key]))
    const hashes = keys.map((key) => hashOf(trigger, key))
    const sql = 'SELECT key FROM fnflow.trigger_messages WHERE scope = $1 AND key = ANY ($2::bytea[])'
    const rows = await this.db.rows<{ key: Buffer }>(sql, [this.scope, hashes], { name: 'known-messages' })
    return new Set(rows.map(({ key }) => byHash.get(key.toString('hex'))!))
  }

  async write({ trigger, move, messages }: Step, { outcome, executionId = null }: { outcome: LedgerOutcome; executionId?: string | null }) {
    if (messages !== undefined && messages.keys.length > 0)
      await this.db.change(RECORD, [this.scope, hashesOf(trigger, messages.keys), messages.until, OUTCOME[outcome], executionId])
    if (move !== undefined) await this.moves.add(trigger, move)
  }

  async begin(step: Step, expected: Json | undefined, start: PendingStart): Promise<void> {
    const { move, messages } = step
    if (move?.bounds !== undefined) await this.beginBounds(step.trigger, move.part, move.bounds, expected)
    if (messages === undefined) return
    const data = await encodeJson(start as unknown as Json)
    let known: MessagesKnown | undefined
    try {
      await this.db.transaction(async (transaction) => {
        known = undefined
        if (await this.beginMessages(transaction, step, start.id, data)) return
        // undoes what was written
        throw (known = new MessagesKnown(step.trigger))
      })
    } catch (error) {
      throw known ?? error
    }
  }

  async left(olderThanMs: number, limit: number): Promise<readonly PendingStart[]> {
    const sql = `UPDATE fnflow.trigger_starts SET begun_at = $4 WHERE scope = $1 AND id IN (
      SELECT id FROM fnflow.trigger_starts WHERE scope = $1 AND begun_at <= $2 ORDER BY begun_at LIMIT $3 FOR UPDATE SKIP LOCKED) RETURNING start`
    const now = Date.now()
    const rows = await this.db.rows<{ start: Buffer }>(sql, [this.scope, now - olderThanMs, limit, now])
    return Promise.all(rows.map(async ({ start }) => (await decodeJson(start)) as unknown as PendingStart))
  }

  async finish(id: string): Promise<void> {
    await this.db.change('DELETE FROM fnflow.trigger_starts WHERE scope = $1 AND id = $2', [this.scope, id])
  }

  async undo(id: string, flow: string): Promise<boolean> {
    // all that there will be: they were written with the start. It may take a while to find them, and nothing is locked meanwhile
    const sql = 'SELECT key FROM fnflow.trigger_messages WHERE scope = $1 AND execution = $2'
    const keys = (await this.db.rows<{ key: Buffer }>(sql, [this.scope, id])).map(({ key }) => key).sort(Buffer.compare)
    return this.db.transaction(async (transaction) => {
      // no flow comes in between: its source would take these messages for handled
      await transaction.change('LOCK TABLE fnflow.flows IN SHARE MODE', [])
      const isThere = 'SELECT 1 AS found FROM fnflow.flows WHERE scope = $1 AND name = $2'
      if ((await transaction.row(isThere, [this.scope, flow])) !== undefined) return false
      await transaction.change('DELETE FROM fnflow.trigger_starts WHERE scope = $1 AND id = $2', [this.scope, id])
      const forget = 'DELETE FROM fnflow.trigger_messages WHERE scope = $1 AND key = ANY ($2::bytea[]) AND execution = $3'
      await transaction.change(forget, [this.scope, keys, id])
      return true
    })
  }

  flush(): Promise<void> {
    return this.moves.flush()
  }

  async halt(flow: string, name: string, ms: number): Promise<void> {
    const sql = `UPDATE fnflow.triggers SET halted_until = clock_timestamp() + $4::float8 * interval '1 millisecond'
      WHERE scope = $1 AND flow = $2 AND name = $3`
    await this.db.change(sql, [this.scope, flow, name, ms])
  }

  async seek(flow: string, name: string, places: ReadonlyMap<string, Json>): Promise<number> {
    return this.db.transaction(async (transaction) => {
      const raise =
        'UPDATE fnflow.triggers SET generation = generation + 1, halted_until = NULL WHERE scope = $1 AND flow = $2 AND name = $3 RETURNING generation'
      const { generation = 0 } = (await transaction.row<{ generation: number }>(raise, [this.scope, flow, name])) ?? {}
      const of = 'scope = $1 AND flow = $2 AND name = $3'
      await transaction.change(`DELETE FROM fnflow.trigger_places WHERE ${of} AND generation <> $4`, [this.scope, flow, name, generation])
      const sql = `INSERT INTO fnflow.trigger_places (scope, flow, name, generation, part, next, position)
        SELECT $1, $2, $3, $4, p.* FROM unnest($5::text[], $6::text[], $7::float8[]) AS p WHERE ${THERE}`
      const nexts = [...places.values()]
      const columns = [[...places.keys()], nexts.map((next) => JSON.stringify(next)), nexts.map(positionOf)]
      if (places.size > 0) await transaction.change(sql, [this.scope, flow, name, generation, ...columns])
      return generation
    })
  }

  async prune(now: number): Promise<number> {
    const sql = `DELETE FROM fnflow.trigger_messages WHERE scope = $1 AND key IN (
      SELECT key FROM fnflow.trigger_messages WHERE scope = $1 AND until <= $2 ORDER BY until LIMIT $3 FOR UPDATE SKIP LOCKED)`
    return this.db.change(sql, [this.scope, now, BATCH])
  }

  /** The bounds are those of the first that comes, and only from the place that it believes it is at. */
  private async beginBounds(trigger: TriggerKey, part: string, bounds: Json, expected: Json | undefined): Promise<void> {
    const { flow, name, generation } = trigger
    // what this process has moved before must be there
    await this.moves.flush()
    const sql = `INSERT INTO fnflow.trigger_places AS p (scope, flow, name, generation, part, next, position, unfinished)
      SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE ${THERE}
      ON CONFLICT (scope, flow, name, generation, part) DO UPDATE SET unfinished = excluded.unfinished
      WHERE p.unfinished = excluded.unfinished OR (p.unfinished IS NULL AND p.next = excluded.next)`
    const next = expected ?? null
    const values = [this.scope, flow, name, generation, part, JSON.stringify(next), positionOf(next), JSON.stringify(bounds)]
    if ((await this.db.change(sql, values)) === 0) throw new PlaceMoved(trigger, part)
  }

  /** False where one of them is of another start. */
  private async beginMessages(transaction: Transaction, step: Step, id: string, data: Buffer): Promise<boolean> {
    const { trigger, messages } = step
    const hashes = hashesOf(trigger, messages?.keys ?? [])
    const added = await transaction.change(RECORD, [this.scope, hashes, messages?.until ?? 0, OUTCOME.started, id])
    if (added < hashes.length) {
      const sql = `SELECT count(*) AS count FROM fnflow.trigger_messages WHERE scope = $1 AND key = ANY ($2::bytea[]) AND execution = $3`
      const { count } = (await transaction.row<{ count: number }>(sql, [this.scope, hashes, id])) ?? { count: 0 }
      if (count < hashes.length) return false
    }
    const sql = 'INSERT INTO fnflow.trigger_starts (scope, id, begun_at, start) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING'
    await transaction.change(sql, [this.scope, id, Date.now(), data])
    return true
  }

  /** Whether the place is what it was to be: a statement that was repeated finds what it has done. */
  private async is(values: readonly unknown[]): Promise<boolean> {
    const sql = `SELECT 1 AS found FROM fnflow.trigger_places
      WHERE scope = $1 AND flow = $2 AND name = $3 AND generation = $4 AND part = $5 AND next = $6`
    return (await this.db.row(sql, values.slice(0, 6))) !== undefined
  }
}

function positionOf(next: Json): number | null {
  return typeof next === 'number' ? next : null
}

/** Of a message: its key may be long. */
function hashOf({ flow, name }: TriggerKey, key: string): Buffer {
  return createHash('sha256').update(`${flow}/${name}/${key}`).digest().subarray(0, 20)
}

/** Sorted, so that two processes do not wait for each other. */
function hashesOf(trigger: TriggerKey, keys: readonly string[]): Buffer[] {
  return keys.map((key) => hashOf(trigger, key)).sort(Buffer.compare)
}
