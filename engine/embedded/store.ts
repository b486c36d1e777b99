import { closeSync, mkdirSync, openSync, statSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { dirname, join, resolve } from 'node:path'
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { EngineError } from '../errors.ts'
import type { ExecutionStatus } from '../api.ts'
import { MIGRATIONS } from './schema.ts'

/** A row of `executions`, without the big columns where a query left them out. */
export interface ExecutionRow {
  readonly key: number
  readonly id: string
  readonly flow: string
  readonly version: string
  readonly plan: string
  readonly core: number
  readonly status: ExecutionStatus
  readonly started_at: number
  readonly ended_at: number | null
  readonly depth: number
  readonly parent: string | null
  readonly parent_place: string | null
  readonly parent_node: string | null
  readonly retry_of: string | null
  readonly error: string | null
  readonly trigger: string | null
  readonly input: string
  readonly output: string | null
  readonly name: string | null
}

export interface EventRow {
  readonly seq: number
  readonly time: number
  readonly kind: number
  readonly place: string
  readonly data: string | null
}

export interface TimerRow {
  readonly execution: number
  readonly place: string
  readonly purpose: string
  readonly due: number
}

export interface CallbackRow {
  readonly execution: number
  readonly place: string
  readonly used: number
  readonly used_by: string | null
}

export interface LogRow {
  readonly seq: number
  readonly time: number
  readonly node: string | null
  readonly request: string
  readonly level: string
  readonly line: string
  readonly attempt: number | null
}

const WHOLE_ROW = 'SELECT *, (SELECT name FROM names WHERE names.key = executions.key) AS name FROM executions'

/**
 * The SQLite files of one store: `fnflow.db`, and `lock.db`, which the owner holds locked so that there is one (the kernel lets go of it
 * when the process dies). Methods are synchronous; transactions are the caller's ({@link Journal}).
 * All of them throw what `node:sqlite` throws.
 */
export class Store {
  readonly folder: string
  private readonly db: DatabaseSync
  private readonly lock: DatabaseSync | null
  private readonly statements = new Map<string, StatementSync>()
  private nextKey: number
  readonly secret: Uint8Array

  private constructor(folder: string, db: DatabaseSync, lock: DatabaseSync | null) {
    this.folder = folder
    this.db = db
    this.lock = lock
    migrate(db, folder)
    // a name stays where its execution was deleted, and so does its key
    const last = 'SELECT max(key) AS key FROM (SELECT max(key) AS key FROM executions UNION ALL SELECT max(key) FROM names)'
    this.nextKey = Number(this.get(last)?.['key'] ?? 0) + 1
    const secret = this.get("SELECT value FROM meta WHERE key = 'secret'")?.['value']
    if (secret instanceof Uint8Array) this.secret = secret
    else {
      this.secret = randomBytes(32)
      this.run("INSERT INTO meta (key, value) VALUES ('secret', ?)", this.secret)
    }
  }

  /** Opens or makes the store in a folder, or one in memory. Throws EngineError `store-locked` or `store-unusable`. */
  static async open(folder: string): Promise<Store> {
    const { DatabaseSync } = await import('node:sqlite')
    if (folder === ':memory:') return new Store(folder, new DatabaseSync(':memory:'), null)
    let lock: DatabaseSync | null = null
    let db: DatabaseSync | null = null
    try {
      makeFolder(resolve(folder))
      lock = new DatabaseSync(makeFile(join(folder, 'lock.db')))
      takeLock(lock, folder)
      db = new DatabaseSync(makeFile(join(folder, 'fnflow.db')))
      db.exec('PRAGMA auto_vacuum = INCREMENTAL')
      db.exec('PRAGMA journal_mode = WAL')
      db.exec('PRAGMA synchronous = FULL')
      db.exec('PRAGMA busy_timeout = 2000')
      db.exec('PRAGMA cache_size = -32000')
      db.exec('PRAGMA temp_store = MEMORY')
      return new Store(folder, db, lock)
    } catch (error) {
      db?.close()
      lock?.close()
      if (error instanceof EngineError) throw error
      const reason = error instanceof Error ? error.message : String(error)
      throw new EngineError(
        'store-unusable',
        `the store in ${folder} cannot be used: ${reason}. ${remedyFor(error)}, or name another folder.`,
        { cause: error },
      )
    }
  }

  newKey(): number {
    return this.nextKey++
  }

  begin(): void {
    this.run('BEGIN IMMEDIATE')
  }
  commit(): void {
    this.run('COMMIT')
  }
  rollback(): void {
    // after a full disk SQLite may have rolled back by itself
    if (this.db.isTransaction) this.run('ROLLBACK')
  }

  /** Gives pages that deletions left free back to the file system, a part of them at a time. */
  shrink(): void {
    try {
      this.db.exec('PRAGMA incremental_vacuum(1000)')
    } catch {
      // a convenience: the next deletion tries again, and what fails for good shows in a write
    }
  }

  run(sql: string, ...values: SQLInputValue[]): void {
    this.statement(sql).run(...values)
  }
  get<Row extends object = Record<string, unknown>>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    try {
      return this.statement(sql).get(...values) as Row | undefined
    } catch (error) {
      throw this.readError(error)
    }
  }
  all<Row extends object>(sql: string, ...values: SQLInputValue[]): Row[] {
    try {
      return this.statement(sql).all(...values) as unknown as Row[]
    } catch (error) {
      throw this.readError(error)
    }
  }
  *iterate<Row extends object>(sql: string, ...values: SQLInputValue[]): Generator<Row, void, undefined> {
    try {
      // of its own: an iteration may be under way in another place
      yield* this.db.prepare(sql).iterate(...values) as unknown as Iterable<Row>
    } catch (error) {
      throw this.readError(error)
    }
  }

  /** The row of an execution, with all columns. */
  execution(id: string): ExecutionRow | undefined {
    return this.get<ExecutionRow>(`${WHOLE_ROW} WHERE id = ?`, id)
  }
  executionByKey(key: number): ExecutionRow | undefined {
    return this.get<ExecutionRow>(`${WHOLE_ROW} WHERE key = ?`, key)
  }

  events(key: number, after = 0): Iterable<EventRow> {
    return this.iterate<EventRow>(
      'SELECT seq, time, kind, place, data FROM events WHERE execution = ? AND seq > ? ORDER BY seq',
      key,
      after,
    )
  }

  close(): void {
    this.statements.clear()
    if (this.db.isOpen) this.db.close()
    if (this.lock?.isOpen === true) this.lock.close()
  }

  /** What SQLite's error means to a person; others as they are. */
  private readError(error: unknown): unknown {
    if (!this.db.isOpen) return new EngineError('engine-closed', 'the engine is closed')
    const { code, message } = error as { code?: unknown; message?: string }
    if (code !== 'ERR_SQLITE_ERROR') return error
    const remedy = 'If a file of it is damaged, stop the engine and restore the folder from a backup'
    return new EngineError('store-unusable', `the store in ${this.folder} cannot be read (${message}). ${remedy}.`, { cause: error })
  }

  private statement(sql: string): StatementSync {
    let statement = this.statements.get(sql)
    if (statement === undefined) {
      if (!this.db.isOpen) throw new EngineError('engine-closed', 'the engine is closed')
      this.statements.set(sql, (statement = this.db.prepare(sql)))
    }
    return statement
  }
}

/** Not `recursive: true`, which never returns where a folder that exists can have no members, as in /proc. */
function makeFolder(path: string, mode = 0o700): void {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isDirectory() === true) return
  if (found !== undefined) throw new Error(`${path} is not a folder`)
  const parent = dirname(path)
  if (parent !== path) makeFolder(parent, 0o777)
  // inputs and outputs are for whoever runs the engine
  mkdirSync(path, { mode })
}

/** SQLite would make it for all to read; the files beside it get the mode of the database. */
function makeFile(path: string): string {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) closeSync(openSync(path, 'a', 0o600))
  return path
}

/** What a person can do about a store that does not open. */
function remedyFor(error: unknown): string {
  const primary = ((error as { errcode?: number }).errcode ?? 0) & 0xff
  const isAccess = [8, 10, 14, 23].includes(primary) || /^(?:EROFS|EACCES|EPERM)/.test(String((error as { code?: unknown }).code))
  return isAccess
    ? 'Check that the folder exists, is not read-only and may be written'
    : 'If a file of it is damaged, restore the folder from a backup'
}

/** Whether a store is in use; looks, and makes nothing. Throws what `node:sqlite` throws where the files cannot be opened. */
export async function lockState(folder: string): Promise<'none' | 'free' | 'locked'> {
  const file = join(folder, 'lock.db')
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return 'none'
  const { DatabaseSync } = await import('node:sqlite')
  const lock = new DatabaseSync(file)
  try {
    takeLock(lock, folder)
    return 'free'
  } catch (error) {
    if (error instanceof EngineError && error.code === 'store-locked') return 'locked'
    throw error
  } finally {
    lock.close()
  }
}

function takeLock(lock: DatabaseSync, folder: string): void {
  try {
    lock.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE; PRAGMA locking_mode = EXCLUSIVE')
    lock.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    if ((error as { errcode?: number }).errcode === 5 || /locked|busy/i.test(String(error))) {
      throw new EngineError(
        'store-locked',
        `the store in ${folder} is in use by another process; one process at a time may use it. Stop that one, or name another folder.`,
      )
    }
    throw error
  }
}

function migrate(db: DatabaseSync, folder: string): void {
  const version = Number(db.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0)
  if (version > MIGRATIONS.length) {
    throw new EngineError(
      'store-unusable',
      `the store in ${folder} was written by a newer fnflow (version ${version}, this one knows ${MIGRATIONS.length}); upgrade fnflow, or name another folder.`,
    )
  }
  if (version === MIGRATIONS.length) return
  db.exec('BEGIN EXCLUSIVE')
  try {
    for (const sql of MIGRATIONS.slice(version)) db.exec(sql)
    db.exec(`PRAGMA user_version = ${MIGRATIONS.length}`)
    db.exec('COMMIT')
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}
