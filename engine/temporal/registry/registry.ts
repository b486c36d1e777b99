import { randomBytes } from 'node:crypto'
import type { ExecutionRecord } from '../../api.ts'
import { EngineError } from '../../errors.ts'
import { storeId } from '../../ids.ts'
import { ApiKeys } from './api-keys.ts'
import type { TriggerStore } from '../../triggers/store.ts'
import type { BatchStore } from '../../batches/store.ts'
import type { FunctionStore } from '../../function-uploads/api.ts'
import type { StatisticsRange, StatisticsRow } from '../../statistics.ts'
import { BatchRows } from './batches.ts'
import { Callbacks } from './callbacks.ts'
import { CatalogueTables } from './catalogue.ts'
import { Database } from './database.ts'
import { FlowFileNotes } from './flow-files.ts'
import { Deletions } from './deletions.ts'
import { FolderPayloads } from './folder-payloads.ts'
import { FunctionRows } from './function-rows.ts'
import { FunctionRoutes } from './functions.ts'
import { Lanes } from './lanes.ts'
import { Logs } from './logs.ts'
import { migrateSchema } from './migrate.ts'
import type { LogRange, StoredLine } from '../../log-lines.ts'
import { Names } from './names.ts'
import { CachedPayloads } from './payloads.ts'
import { Plans } from './plans.ts'
import { PostgresPayloads } from './postgres-payloads.ts'
import { listRecords } from './record-lists.ts'
import { Records } from './records.ts'
import { RequestKeys } from './request-keys.ts'
import { prune, type PruneOptions } from './retention.ts'
import { Retries } from './retries.ts'
import { TriggerRows } from './triggers.ts'
import type {
  CallbackAnswer,
  CallbackBinding,
  EndedRecord,
  FunctionRoute,
  NewLogLine,
  PayloadStore,
  RecordedEnd,
  RecordFilter,
  StoredCallback,
  StoredRecord,
  UndeliveredAnswer,
  WorkerFunction,
} from './types.ts'

export interface RegistryOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string
  /** PostgreSQL's schema; default `fnflow`. Made if it is not there. */
  readonly schema?: string
  /** Separates applications in one schema; default: the empty one. Plans, payloads and the secret are common to all. */
  readonly scope?: string
  /** Large payloads go into this folder, which all processes must see, instead of the database. */
  readonly payloadFolder?: string
  /** Connections at most; default 10. */
  readonly poolSize?: number
  /** Bring the schema to the version of this program; default true. */
  readonly migrate?: boolean
}

/** What the registries of one process have in common, whatever their scopes. */
interface Shared {
  readonly db: Database
  readonly secret: Uint8Array
  readonly plans: Plans
  readonly payloads: CachedPayloads
}

/**
 * All of the Temporal engine that lives in PostgreSQL (docs/design/temporal.md). Any number of processes use one registry at once.
 * Times are epoch milliseconds. All methods reject with EngineError: `store-failed` where it may work again later, `store-unusable` where
 * somebody must act, `engine-closed` after `close`. Except for `appendLogs` they may be called again with the same arguments to the same effect.
 */
export class Registry {
  /** Of the HTTP API. */
  readonly apiKeys: ApiKeys
  private readonly shared: Shared
  private readonly scope: number
  private readonly owner: boolean
  /** The deployed flows. */
  readonly catalogue: CatalogueTables
  private readonly routes: FunctionRoutes
  private readonly callbacks: Callbacks
  private readonly records: Records
  private readonly lanes: Lanes
  private readonly retries: Retries
  private readonly lines: Logs
  /** Which execution has which name. */
  readonly names: Names
  /** Keys of requests. */
  readonly requestKeys: RequestKeys
  /** What was loaded from flow files. */
  readonly files: FlowFileNotes
  readonly triggers: TriggerStore
  /** Functions that were put. */
  readonly uploads: FunctionStore
  /** Which executions somebody has deleted. */
  readonly deletions: Deletions
  readonly batches: BatchStore

  private constructor(shared: Shared, scope: number, owner: boolean) {
    const { db, plans, secret } = shared
    this.shared = shared
    this.scope = scope
    this.owner = owner
    const triggers = new TriggerRows(db, scope, storeId(secret, String(scope)))
    this.triggers = triggers
    this.catalogue = new CatalogueTables(db, scope, plans, triggers)
    this.routes = new FunctionRoutes(db, scope)
    this.apiKeys = new ApiKeys(db, scope)
    this.callbacks = new Callbacks(db, scope)
    this.records = new Records(db, scope)
    this.lanes = new Lanes(db, scope)
    this.retries = new Retries(db, scope)
    this.lines = new Logs(db, scope)
    this.files = new FlowFileNotes(db, scope)
    this.names = new Names(db, scope)
    this.requestKeys = new RequestKeys(db, scope)
    this.uploads = new FunctionRows(db, scope, () => this.routes.forget())
    this.deletions = new Deletions(db, scope)
    this.batches = new BatchRows(db, scope)
  }

  /**
   * Connects (within 5 s) and brings the schema up to date, one process at a time. Rejects with EngineError `store-unusable`, whose message names
   * host, port and database but never the password, or `bad-option`.
   */
  static async open(options: RegistryOptions): Promise<Registry> {
    const { url, schema = 'fnflow', scope = '', payloadFolder, poolSize = 10, migrate = true } = options
    if (!Number.isInteger(poolSize) || poolSize < 1)
      throw new EngineError('bad-option', `poolSize must be a whole number from 1, not ${String(poolSize)}`)
    const db = await Database.open({ url, schema, poolSize }, (client) => migrateSchema(client, schema, migrate))
    try {
      const payloads = new CachedPayloads(payloadFolder === undefined ? new PostgresPayloads(db) : new FolderPayloads(payloadFolder))
      const shared = { db, secret: await secretOf(db), plans: new Plans(db), payloads }
      return new Registry(shared, await scopeOf(db, scope), true)
    } catch (error) {
      await db.close()
      throw error
    }
  }

  /** The same database in another scope, over the same connections; it ends with this one. */
  async scoped(scope: string): Promise<Registry> {
    return new Registry(this.shared, await scopeOf(this.shared.db, scope), false)
  }

  /** Waits for what is under way; then every call rejects with `engine-closed`. Does nothing for one that `scoped` made. */
  close(): Promise<void> {
    return this.owner ? this.shared.db.close() : Promise.resolve()
  }

  /** Rejects where the database does not answer. */
  async ping(): Promise<void> {
    await this.shared.db.row('SELECT 1 AS one', [])
  }

  /** 32 bytes, the same for all processes of this database: callback tokens are derived from it. */
  get secret(): Uint8Array {
    return this.shared.secret
  }

  /** Common to all scopes. */
  get payloads(): PayloadStore {
    return this.shared.payloads
  }

  /** Does nothing where the plan is there. `planText` is JSON, and `hash` its name for good. */
  savePlan(hash: string, planText: string): Promise<void> {
    return this.shared.plans.save(hash, planText)
  }

  /** The plan's JSON. */
  plan(hash: string): Promise<string | undefined> {
    return this.shared.plans.plan(hash)
  }

  /** Where a worker's functions run; the last worker to write a function's route wins. */
  saveFunctions(functions: readonly WorkerFunction[]): Promise<void> {
    return this.routes.save(functions)
  }

  /** The routes by `app/name`, at most 2 s old. */
  functions(): Promise<ReadonlyMap<string, FunctionRoute>> {
    return this.routes.routes()
  }

  /** Opens the token of an attempt, unless it is known, and ends those of earlier attempts of the same run of the node. */
  bindCallback(binding: CallbackBinding): Promise<void> {
    return this.callbacks.bind(binding)
  }

  /** Nothing waits for it any more. An answer that was taken stays. */
  retireCallback(hash: string): Promise<void> {
    return this.callbacks.retire(hash)
  }

  callback(hash: string): Promise<StoredCallback | undefined> {
    return this.callbacks.find(hash)
  }

  /**
   * Uses the token up and stores the answer, in one statement; `gone` also when it has expired. The caller then tells the workflow. `call`: the
   * id of the call, which is taken again with it.
   */
  answerCallback(hash: string, answer: CallbackAnswer, call?: string): Promise<'taken' | 'already' | 'gone' | 'unknown'> {
    return this.callbacks.answer(hash, answer, call)
  }

  /** Places of the callback nodes of an execution whose tokens can be used. */
  openCallbacks(execution: string): Promise<string[]> {
    return this.callbacks.openOf(execution)
  }

  /** Whether a call of that id has answered a callback of the execution. */
  wasAnsweredBy(execution: string, call: string): Promise<boolean> {
    return this.callbacks.wasAnsweredBy(execution, call)
  }

  /** Counts of ended executions. */
  statistics(range: StatisticsRange): Promise<StatisticsRow[]> {
    return this.records.statistics(range)
  }

  /** Answers that are older than `olderThanMs` and not marked as delivered, oldest first. */
  undeliveredAnswers(olderThanMs: number, limit: number): Promise<UndeliveredAnswer[]> {
    return this.callbacks.undelivered(olderThanMs, limit)
  }

  markDelivered(hash: string): Promise<void> {
    return this.callbacks.markDelivered(hash)
  }

  /** Writes ended executions with their journals in as few statements as their size allows; of one that is there the later end counts. */
  saveRecords(records: readonly EndedRecord[]): Promise<void> {
    return this.records.save(records)
  }

  /** As the API shows it. */
  record(id: string, withData: boolean): Promise<ExecutionRecord | undefined> {
    return this.records.record(id, withData)
  }

  /** All of it but the journal. */
  recordRow(id: string): Promise<StoredRecord | undefined> {
    return this.records.row(id)
  }

  /** Undefined where there is no record, or none of its journal yet. */
  journal(id: string): Promise<readonly unknown[] | undefined> {
    return this.records.journal(id)
  }

  /** Of a record that has none. */
  saveJournal(id: string, journal: readonly unknown[]): Promise<void> {
    return this.records.saveJournal(id, journal)
  }

  /** Ended executions that have no journal yet, the newest first. */
  withoutJournal(limit: number): Promise<string[]> {
    return this.records.withoutJournal(limit)
  }

  /** The journal of a lane, by its workflow id; the first one stays, and goes with the record of its execution. */
  saveLane(id: string, journal: readonly unknown[]): Promise<void> {
    return this.lanes.save(id, journal)
  }

  lane(id: string): Promise<readonly unknown[] | undefined> {
    return this.lanes.journal(id)
  }

  /** Those of the lanes whose journals are here, by their workflow ids. */
  hasLane(ids: readonly string[]): Promise<Set<string>> {
    return this.lanes.having(ids)
  }

  /** How those of the executions ended that have a record. */
  recordedEnds(ids: readonly string[]): Promise<Map<string, RecordedEnd>> {
    return this.records.ends(ids)
  }

  /** Those of the executions that have a record. */
  hasRecord(ids: readonly string[]): Promise<Set<string>> {
    return this.records.having(ids)
  }

  /** Ended executions without input and output, newest first: by start, then by id. */
  list(filter: RecordFilter): Promise<ExecutionRecord[]> {
    return listRecords(this.shared.db, this.scope, filter)
  }

  /** Undefined when `id` is the retry of `of` from now on; otherwise the id of the one that is. */
  claimRetry(of: string, id: string): Promise<string | undefined> {
    return this.retries.claim(of, id)
  }

  /** True when `id` has taken the place of `previous`; false when another one had. */
  replaceRetry(of: string, previous: string, id: string): Promise<boolean> {
    return this.retries.replace(of, previous, id)
  }

  /** Adds lines. When it rejects, some connection broke, and whether they are there is unknown. */
  appendLogs(lines: readonly NewLogLine[]): Promise<void> {
    return this.lines.append(lines)
  }

  logs(execution: string, range: LogRange): Promise<StoredLine[]> {
    return this.lines.of(execution, range)
  }

  /** Deletes executions that are due, with all that belongs to them, `limit` at most; resolves to how many. */
  prune(options: Omit<PruneOptions, 'deletePayloads'>): Promise<number> {
    const deletePayloads = (ids: readonly string[]): Promise<void> => this.shared.payloads.deleteOwners(ids)
    return prune(this.shared.db, this.scope, { ...options, deletePayloads })
  }
}

async function secretOf(db: Database): Promise<Uint8Array> {
  const row = await db.row<{ value: Buffer }>("SELECT value FROM fnflow.meta WHERE key = 'secret'", [])
  if (row !== undefined) return new Uint8Array(row.value)
  // whoever comes first makes it
  await db.change("INSERT INTO fnflow.meta (key, value) VALUES ('secret', $1) ON CONFLICT (key) DO NOTHING", [randomBytes(32)])
  return secretOf(db)
}

async function scopeOf(db: Database, name: string): Promise<number> {
  if (name.includes('\0')) throw new EngineError('bad-option', 'a scope is a name without U+0000')
  const known = await db.row<{ key: number }>('SELECT key FROM fnflow.scopes WHERE name = $1', [name])
  if (known !== undefined) return known.key
  await db.change('INSERT INTO fnflow.scopes (name) VALUES ($1) ON CONFLICT (name) DO NOTHING', [name])
  return scopeOf(db, name)
}
