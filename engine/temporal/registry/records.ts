import type { ErrorDocument } from '../../../dsl/errors.ts'
import type { FlowMode } from '../../../dsl/plan.ts'
import type { ExecutionRecord } from '../../api.ts'
import { EngineError } from '../../errors.ts'
import type { StatisticsRange, StatisticsRow } from '../../statistics.ts'
import type { Database } from './database.ts'
import { RegistryError } from './database-errors.ts'
import { decodeJournal, decodeJson, encodeJournal, encodeJson } from './encoding.ts'
import { originOfParent, originOfTrigger } from './origin.ts'
import type { EndedRecord, RecordedEnd, StoredRecord } from './types.ts'

/** Per statement: PostgreSQL reads an array of bytes from its text of twice the size, and many at once would fill it. */
const STATEMENT_BYTES = 8 * 1024 * 1024

/** What lists read. */
export const LIST_COLUMNS =
  'id, flow, version, hash, mode, name, status, started_at, ended_at, parent, parent_node, retry_of, trigger, error'

export interface ListRow {
  readonly id: string
  readonly flow: string
  readonly version: string
  readonly hash: string
  readonly mode: FlowMode
  readonly name: string | null
  readonly status: EndedRecord['status']
  readonly started_at: number
  readonly ended_at: number
  readonly parent: string | null
  readonly parent_node: string | null
  readonly retry_of: string | null
  readonly trigger: string | null
  readonly error: string | null
}

interface FullRow extends ListRow {
  readonly run_id: string
  readonly core: number
  readonly depth: number
  readonly trigger_event: Buffer | null
  readonly input: Buffer
  readonly output: Buffer | null
  readonly has_journal: boolean
}

/** A record's row as it is written: the columns' values in the order of {@link COLUMNS}. */
interface EncodedRecord {
  readonly id: string
  readonly bytes: number
  readonly values: readonly unknown[]
}

const COLUMNS = [
  ['id', 'text'],
  ['run_id', 'text'],
  ['flow', 'text'],
  ['version', 'text'],
  ['hash', 'text'],
  ['mode', 'text'],
  ['core', 'integer'],
  ['status', 'text'],
  ['started_at', 'bigint'],
  ['ended_at', 'bigint'],
  ['depth', 'integer'],
  ['parent', 'text'],
  ['parent_node', 'text'],
  ['retry_of', 'text'],
  ['origin', 'text'],
  ['trigger', 'text'],
  ['error', 'text'],
  ['trigger_event', 'bytea'],
  ['input', 'bytea'],
  ['output', 'bytea'],
  ['journal', 'bytea'],
  ['name', 'text'],
  ['trigger_type', 'text'],
] as const

const NAMES = COLUMNS.map(([name]) => name).join(', ')
const ARRAYS = COLUMNS.map(([, type], index) => `$${index + 2}::${type}[]`).join(', ')
const TYPED = COLUMNS.map(([, type], index) => `$${index + 2}::${type}`).join(', ')
/**
 * A workflow's last task can be refused by the server (something came in meanwhile) and is then done again: what was recorded is not what
 * has become of it. The later end is.
 */
const ON_CONFLICT = `ON CONFLICT (scope, id) DO UPDATE SET ${COLUMNS.filter(([name]) => name !== 'id')
  .map(([name]) => `${name} = excluded.${name}`)
  .join(', ')} WHERE excluded.ended_at > fnflow.executions.ended_at`
/** What somebody has deleted does not come back from whoever is late, or from a history. */
const NOT_DELETED = 'WHERE NOT EXISTS (SELECT 1 FROM fnflow.deleted AS d WHERE d.scope = $1 AND d.execution = r.id AND d.run_id = r.run_id)'
/** Counts what is new, in the same statement; in the order of the key, so that two that write at once do not wait for each other. */
const counted = (insert: string): string => `WITH written AS (${insert}
    RETURNING flow, ended_at, started_at, status, xmax = 0 AS is_new),
  counted AS (INSERT INTO fnflow.statistics AS s (scope, flow, hour, status, bucket, count)
    SELECT $1, flow, ended_at / 3600000, status, bucket, count(*) FROM (
      SELECT *, CASE WHEN ended_at - started_at < 1 THEN 0
        ELSE floor(ln((ended_at - started_at)::float8) / ln(2::float8) * 8)::integer + 1 END AS bucket FROM written WHERE is_new) AS w
    GROUP BY 2, 3, 4, 5 ORDER BY 2, 3, 4, 5
    ON CONFLICT (scope, flow, hour, status, bucket) DO UPDATE SET count = s.count + excluded.count)
  SELECT 1`
const INSERT_ONE = counted(`INSERT INTO fnflow.executions (scope, ${NAMES})
  SELECT $1, r.* FROM (SELECT ${TYPED}) AS r (${NAMES}) ${NOT_DELETED} ${ON_CONFLICT}`)
const INSERT = counted(
  `INSERT INTO fnflow.executions (scope, ${NAMES}) SELECT $1, r.* FROM unnest(${ARRAYS}) AS r (${NAMES}) ${NOT_DELETED} ${ON_CONFLICT}`,
)

/** Executions that have ended, with their journals. Of an execution that is recorded twice the later end counts. */
export class Records {
  private readonly db: Database
  private readonly scope: number

  constructor(db: Database, scope: number) {
    this.db = db
    this.scope = scope
  }

  /** Writes all in as few statements as their size allows. What cannot be written does not keep back the others; it is thrown afterwards. */
  async save(records: readonly EndedRecord[]): Promise<void> {
    // one statement cannot write a row twice
    const last = new Map<string, EndedRecord>()
    for (const record of records) if (record.endedAt > (last.get(record.id)?.endedAt ?? -1)) last.set(record.id, record)
    const encoded = await Promise.all([...last.values()].map(encodeRecord))
    // two processes that write the same records in another order would wait for each other
    encoded.sort((a, b) => (a.id < b.id ? -1 : 1))
    for (const group of groupsOf(encoded)) await this.insert(group)
  }

  async record(id: string, withData: boolean): Promise<ExecutionRecord | undefined> {
    const sql = `SELECT ${LIST_COLUMNS}${withData ? ', input, output' : ''} FROM fnflow.executions WHERE scope = $1 AND id = $2`
    const row = await this.db.row<ListRow & { input?: Buffer; output?: Buffer | null }>(sql, [this.scope, id])
    if (row === undefined) return undefined
    return {
      ...recordOfRow(row),
      ...(row.input === undefined ? {} : { input: await readable(id, decodeJson(row.input)) }),
      ...(row.output === undefined || row.output === null ? {} : { output: await readable(id, decodeJson(row.output)) }),
    }
  }

  async withoutJournal(limit: number): Promise<string[]> {
    const sql = 'SELECT id FROM fnflow.executions WHERE scope = $1 AND journal IS NULL ORDER BY started_at DESC LIMIT $2'
    return (await this.db.rows<{ id: string }>(sql, [this.scope, limit])).map(({ id }) => id)
  }

  async row(id: string): Promise<StoredRecord | undefined> {
    const row = await this.db.row<FullRow>(
      `SELECT ${LIST_COLUMNS}, run_id, core, depth, trigger_event, input, output, journal IS NOT NULL AS has_journal
       FROM fnflow.executions WHERE scope = $1 AND id = $2`,
      [this.scope, id],
    )
    if (row === undefined) return undefined
    const { trigger, revision: _revision, ...record } = recordOfRow(row)
    const event = row.trigger_event === null ? undefined : await readable(id, decodeJson(row.trigger_event))
    return {
      ...record,
      status: row.status,
      endedAt: row.ended_at,
      runId: row.run_id,
      hash: row.hash,
      core: row.core,
      depth: row.depth,
      ...(trigger === undefined ? {} : { trigger: { ...trigger, ...(event === undefined ? {} : { event }) } }),
      input: await readable(id, decodeJson(row.input)),
      ...(row.output === null ? {} : { output: await readable(id, decodeJson(row.output)) }),
      hasJournal: row.has_journal,
    }
  }

  async journal(id: string): Promise<readonly unknown[] | undefined> {
    const sql = 'SELECT journal FROM fnflow.executions WHERE scope = $1 AND id = $2'
    const row = await this.db.row<{ journal: Buffer | null }>(sql, [this.scope, id])
    const journal = row?.journal ?? null
    return journal === null ? undefined : await readable(id, decodeJournal(journal))
  }

  /** Does nothing where there is no such record, or where it has a journal. */
  async saveJournal(id: string, journal: readonly unknown[]): Promise<void> {
    const sql = 'UPDATE fnflow.executions SET journal = $3 WHERE scope = $1 AND id = $2 AND journal IS NULL'
    await this.db.change(sql, [this.scope, id, await encodeJournal(journal)])
  }

  /** Those of the executions that have a record. */
  async having(ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set()
    // one by one by the key: before its first ANALYZE PostgreSQL would rather read the whole table than look for some of an array
    const sql = `SELECT found.id FROM unnest($2::text[]) AS wanted (id),
      LATERAL (SELECT e.id FROM fnflow.executions AS e WHERE e.scope = $1 AND e.id = wanted.id LIMIT 1) AS found`
    return new Set((await this.db.rows<{ id: string }>(sql, [this.scope, ids], { name: 'has-record' })).map(({ id }) => id))
  }

  /** How those of the executions ended that have a record. */
  async ends(ids: readonly string[]): Promise<Map<string, RecordedEnd>> {
    if (ids.length === 0) return new Map()
    const sql = `SELECT found.* FROM unnest($2::text[]) AS wanted (id),
      LATERAL (SELECT e.id, e.status, e.ended_at FROM fnflow.executions AS e WHERE e.scope = $1 AND e.id = wanted.id LIMIT 1) AS found`
    const rows = await this.db.rows<Pick<ListRow, 'id' | 'status' | 'ended_at'>>(sql, [this.scope, ids], { name: 'record-ends' })
    return new Map(rows.map(({ id, status, ended_at: endedAt }) => [id, { status, endedAt }]))
  }

  async statistics({ flows, from, to }: StatisticsRange): Promise<StatisticsRow[]> {
    const names = flows?.filter((flow) => !flow.includes('\0'))
    const sql = `SELECT flow, hour, status, bucket, count FROM fnflow.statistics
      WHERE scope = $1 AND hour >= $2 AND hour < $3${names === undefined ? '' : ' AND flow = ANY ($4::text[])'}`
    return this.db.rows<StatisticsRow>(sql, [this.scope, from, to, ...(names === undefined ? [] : [names])])
  }

  private async insert(group: readonly EncodedRecord[]): Promise<void> {
    const [first] = group
    // alone, its bytes go as they are
    if (first !== undefined && group.length === 1) {
      await this.db.change(INSERT_ONE, [this.scope, ...first.values], { name: 'save-record' })
      return
    }
    const arrays = COLUMNS.map((_, column) => group.map(({ values }) => values[column]))
    try {
      await this.db.change(INSERT, [this.scope, ...arrays], { name: 'save-records' })
    } catch (error) {
      if (!(error instanceof RegistryError) || error.passing) throw error
      // which one is refused shows one by one
      const failures: unknown[] = []
      for (const record of group) await this.insert([record]).catch((failure: unknown) => failures.push(failure))
      if (failures.length > 0) throw failures[0]
    }
  }
}

/** The row as the API shows it. Damaged JSON of small columns does not hide the rest. */
export function recordOfRow(row: ListRow): ExecutionRecord {
  const trigger = row.trigger === null ? undefined : (parsed(row.trigger, { type: 'unreadable' }) as { type: string; name?: string })
  return {
    id: row.id,
    flow: row.flow,
    version: row.version,
    revision: row.hash,
    mode: row.mode,
    ...(row.name === null ? {} : { name: row.name }),
    status: row.status,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    ...(row.error === null ? {} : { error: parsed(row.error, UNREADABLE_ERROR) as ErrorDocument }),
    ...(row.parent === null ? {} : { parent: { execution: row.parent, node: row.parent_node ?? '' } }),
    ...(row.retry_of === null ? {} : { retryOf: row.retry_of }),
    ...(trigger === undefined ? {} : { trigger }),
  }
}

const UNREADABLE_ERROR: ErrorDocument = {
  status: 500,
  errorType: 'Unreadable',
  errorMessage: 'the error of this execution is damaged in the registry',
}

function parsed(text: string, instead: unknown): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return instead
  }
}

/** Of an execution or lane. Throws EngineError `store-unusable` instead of what decoding throws. */
export async function readable<T>(id: string, value: Promise<T>): Promise<T> {
  try {
    return await value
  } catch (cause) {
    const message = `execution ${id} is damaged in the registry; restore PostgreSQL from a backup, or delete its row`
    throw new EngineError('store-unusable', message, { cause })
  }
}

async function encodeRecord(record: EndedRecord): Promise<EncodedRecord> {
  const { parent, trigger, error, output, journal } = record
  const event = trigger?.event === undefined ? null : await encodeJson(trigger.event)
  const input = await encodeJson(record.input)
  const result = output === undefined ? null : await encodeJson(output)
  const events = journal === undefined || journal === null ? null : await encodeJournal(journal)
  const errorText = error === undefined ? null : JSON.stringify(error)
  const origin =
    parent !== undefined
      ? originOfParent(parent.execution)
      : trigger?.name === undefined
        ? null
        : originOfTrigger(trigger.type, trigger.name)
  const named = trigger === undefined ? null : { type: trigger.type, ...(trigger.name === undefined ? {} : { name: trigger.name }) }
  return {
    id: record.id,
    bytes: [event, input, result, events, errorText].reduce((sum, part) => sum + (part?.length ?? 0), 500),
    values: [
      record.id,
      record.runId,
      record.flow,
      record.version,
      record.hash,
      record.mode,
      record.core,
      record.status,
      Math.trunc(record.startedAt),
      Math.trunc(record.endedAt),
      record.depth,
      parent?.execution ?? null,
      parent?.node ?? null,
      record.retryOf ?? null,
      origin,
      named === null ? null : JSON.stringify(named),
      errorText,
      event,
      input,
      result,
      events,
      record.name ?? null,
      // no text of PostgreSQL's has U+0000
      trigger === undefined || (trigger.type === 'api' && trigger.name === undefined) || trigger.type.includes('\0') ? null : trigger.type,
    ],
  }
}

function* groupsOf(records: readonly EncodedRecord[]): Generator<EncodedRecord[], void, undefined> {
  let group: EncodedRecord[] = []
  let bytes = 0
  for (const record of records) {
    if (group.length > 0 && bytes + record.bytes > STATEMENT_BYTES) {
      yield group
      group = []
      bytes = 0
    }
    group.push(record)
    bytes += record.bytes
  }
  if (group.length > 0) yield group
}
