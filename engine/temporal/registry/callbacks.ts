import { randomUUID } from 'node:crypto'
import type { Json } from '../../../dsl/json.ts'
import type { Database } from './database.ts'
import { decodeJson, encodeJson } from './encoding.ts'
import type { CallbackAnswer, CallbackBinding, CallbackState, StoredCallback, UndeliveredAnswer } from './types.ts'

interface CallbackRow {
  readonly hash: string
  readonly execution: string
  readonly node_run: string
  readonly attempt: number
  readonly state: CallbackState
  readonly expires_at: number
  readonly answer: Buffer | null
}

const COLUMNS = 'hash, execution, node_run, attempt, state, expires_at, answer'

/**
 * The tokens of callback nodes, by hash, and the answers to them. An answer counts when it is stored here: that uses the token up. The signal to
 * the workflow comes after it and is repeated until {@link markDelivered}.
 *
 * 1. A token is used once: `open` -> `answered` in one statement.
 * 2. Of the attempts of one run of a node only the newest can be answered, whatever the order in which they are bound: binding ends the earlier ones,
 *    and the answer looks for later ones, which two bindings at once do not see of each other.
 * 3. What has ended, or expired by the clock of the process that asks, can't be answered.
 */
export class Callbacks {
  private readonly db: Database
  private readonly scope: number

  constructor(db: Database, scope: number) {
    this.db = db
    this.scope = scope
  }

  async bind({ hash, execution, place, expiresAt }: CallbackBinding): Promise<void> {
    const { run, attempt } = partsOf(place)
    await this.db.change(
      `WITH earlier AS (
         UPDATE fnflow.callbacks SET state = 'gone'
         WHERE scope = $1 AND execution = $3 AND node_run = $4 AND attempt < $5 AND state = 'open'
       )
       INSERT INTO fnflow.callbacks (scope, hash, execution, node_run, attempt, expires_at, state)
       SELECT $1, $2, $3, $4, $5, $6, CASE WHEN EXISTS (
         SELECT 1 FROM fnflow.callbacks WHERE scope = $1 AND execution = $3 AND node_run = $4 AND attempt > $5
       ) THEN 'gone' ELSE 'open' END
       ON CONFLICT (scope, hash) DO NOTHING`,
      [this.scope, hash, execution, run, attempt, expiresAt],
      { name: 'bind-callback' },
    )
  }

  async retire(hash: string): Promise<void> {
    const sql = "UPDATE fnflow.callbacks SET state = 'gone' WHERE scope = $1 AND hash = $2 AND state = 'open'"
    await this.db.change(sql, [this.scope, hash], { name: 'retire-callback' })
  }

  async find(hash: string): Promise<StoredCallback | undefined> {
    const sql = `SELECT ${COLUMNS} FROM fnflow.callbacks WHERE scope = $1 AND hash = $2`
    const row = await this.db.row<CallbackRow>(sql, [this.scope, hash], { name: 'callback' })
    if (row === undefined) return undefined
    return {
      hash,
      execution: row.execution,
      place: placeOf(row),
      state: row.state,
      expiresAt: row.expires_at,
      ...(row.answer === null ? {} : { answer: await answerOf(row.answer) }),
    }
  }

  /** Places of those of an execution that are open. */
  async openOf(execution: string): Promise<string[]> {
    const sql = `SELECT node_run, attempt FROM fnflow.callbacks
      WHERE scope = $1 AND execution = $2 AND state = 'open' AND expires_at > $3 ORDER BY node_run, attempt`
    return (await this.db.rows<Pick<CallbackRow, 'node_run' | 'attempt'>>(sql, [this.scope, execution, Date.now()])).map(placeOf)
  }

  async wasAnsweredBy(execution: string, call: string): Promise<boolean> {
    const sql = 'SELECT 1 AS found FROM fnflow.callbacks WHERE scope = $1 AND execution = $2 AND answered_by = $3'
    return (await this.db.row(sql, [this.scope, execution, call])) !== undefined
  }

  /** See the invariants: `gone` is whatever is not open any more. */
  async answer(hash: string, answer: CallbackAnswer, call: string = randomUUID()): Promise<'taken' | 'already' | 'gone' | 'unknown'> {
    const value = await encodeJson({ ok: answer.ok, value: answer.value })
    const taken = await this.db.change(
      `UPDATE fnflow.callbacks AS c SET state = 'answered', answer = $3, answered_at = $4, answered_by = $5
       WHERE scope = $1 AND hash = $2 AND (answered_by = $5 OR state = 'open' AND expires_at > $4
         AND NOT EXISTS (
           SELECT 1 FROM fnflow.callbacks AS later
           WHERE later.scope = $1 AND later.execution = c.execution AND later.node_run = c.node_run AND later.attempt > c.attempt
         )
         AND NOT EXISTS (SELECT 1 FROM fnflow.executions AS ended WHERE ended.scope = $1 AND ended.id = c.execution))`,
      [this.scope, hash, value, Date.now(), call],
      { name: 'answer-callback' },
    )
    if (taken > 0) return 'taken'
    const sql = 'SELECT state FROM fnflow.callbacks WHERE scope = $1 AND hash = $2'
    const row = await this.db.row<{ state: CallbackState }>(sql, [this.scope, hash])
    if (row === undefined) return 'unknown'
    return row.state === 'answered' ? 'already' : 'gone'
  }

  /** Answers of at least that age in ms, oldest first. */
  async undelivered(olderThanMs: number, limit: number): Promise<UndeliveredAnswer[]> {
    const rows = await this.db.rows<CallbackRow>(
      `SELECT ${COLUMNS} FROM fnflow.callbacks WHERE scope = $1 AND state = 'answered' AND NOT delivered AND answered_at <= $2
       ORDER BY answered_at LIMIT $3`,
      [this.scope, Date.now() - olderThanMs, limit],
    )
    return Promise.all(
      rows.map(async (row) => ({
        hash: row.hash,
        execution: row.execution,
        place: placeOf(row),
        answer: await answerOf(row.answer ?? Buffer.from('null')),
      })),
    )
  }

  async markDelivered(hash: string): Promise<void> {
    const sql = 'UPDATE fnflow.callbacks SET delivered = true WHERE scope = $1 AND hash = $2 AND NOT delivered'
    await this.db.change(sql, [this.scope, hash], { name: 'callback-delivered' })
  }
}

/** A place ends in `#attempt` (docs/design/journal.md). */
function partsOf(place: string): { readonly run: string; readonly attempt: number } {
  const at = place.lastIndexOf('#')
  const attempt = Number(place.slice(at + 1))
  if (at < 0 || !Number.isInteger(attempt)) throw new Error(`a place ends in #attempt, not ${place}`)
  return { run: place.slice(0, at), attempt }
}

function placeOf({ node_run, attempt }: Pick<CallbackRow, 'node_run' | 'attempt'>): string {
  return `${node_run}#${attempt}`
}

async function answerOf(data: Buffer): Promise<CallbackAnswer> {
  const { ok, value } = (await decodeJson(data)) as unknown as { ok: boolean; value: Json }
  return { ok, value }
}
