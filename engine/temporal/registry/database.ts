import type { Client, ClientConfig, CustomTypesConfig, Pool, PoolClient, QueryConfig } from 'pg'
import { EngineError } from '../../errors.ts'
import { connectionInDoubt, connectionLost, DatabaseErrors, undone } from './database-errors.ts'

/** Until a connection is there. */
const CONNECT_MS = 5_000
/** Until one of the pool is free; under load a call waits rather than fails. */
const POOL_WAIT_MS = 20_000
/** A statement that takes longer meets a database that is gone without a word. */
const STATEMENT_MS = 120_000
/** Before a statement is repeated whose connection broke: a database that restarts refuses for a moment. */
const REPEAT_MS = 150
const IDLE_MS = 30_000

/** PostgreSQL's number of the type bigint. */
const INT8 = 20

export interface DatabaseOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string
  readonly schema: string
  readonly poolSize: number
}

export interface StatementOptions {
  /** Prepared under this name on every connection that uses it; one name, one text. */
  readonly name?: string
  /** False: running it twice would show. Such a statement is repeated only where it has certainly not run. Default true. */
  readonly repeatable?: boolean
}

interface Result {
  readonly rows: object[]
  readonly rowCount: number | null
}

/**
 * A pool of connections, opened as they are needed. Statements name tables as `fnflow.<table>`; the schema in use takes the place of `fnflow`.
 * All methods throw EngineError (RegistryError): `store-failed` where it may work again later, `store-unusable` where somebody must act, `engine-closed`
 * after `close`. No message has the password.
 */
export class Database {
  readonly schema: string
  private readonly errors: DatabaseErrors
  private readonly texts = new Map<string, string>()
  // not shown when somebody prints the object: its options hold the password
  readonly #pool: Pool
  private readonly running = new Set<Promise<unknown>>()
  private closed: Promise<void> | null = null

  private constructor(pool: Pool, schema: string, errors: DatabaseErrors) {
    this.#pool = pool
    this.schema = schema
    this.errors = errors
  }

  /**
   * Connects within 5 s and runs `prepare` on that connection, before there is a pool.
   * Throws EngineError `bad-option` (URL, schema), `store-unusable`.
   */
  static async open({ url, schema, poolSize }: DatabaseOptions, prepare: (client: Client) => Promise<void>): Promise<Database> {
    checkSchema(schema)
    checkUrl(url)
    const { default: pg } = await import('pg')
    const types: CustomTypesConfig = {
      // counts and epoch milliseconds are safe integers
      getTypeParser: (oid, format) => (oid === INT8 ? Number : (pg.types.getTypeParser(oid, format) as unknown)) as never,
    }
    const config: ClientConfig = { connectionString: url, types, keepAlive: true, application_name: 'fnflow', query_timeout: STATEMENT_MS }
    let client: Client
    try {
      client = new pg.Client({ ...config, connectionTimeoutMillis: CONNECT_MS })
    } catch {
      // without the cause, which may quote the URL
      throw badUrl('it cannot be read')
    }
    // a connection that breaks between two statements says so here as well
    client.on('error', () => {})
    const password = typeof client.password === 'string' ? client.password : undefined
    const where = `${client.host}:${client.port}/${client.database ?? ''}`
    const errors = new DatabaseErrors({ where, schema, user: client.user }, password)
    try {
      await client.connect()
      await checkEncoding(client)
      await prepare(client)
    } catch (error) {
      throw errors.unusable(error)
    } finally {
      void client.end().catch(() => {})
    }
    const pool = new pg.Pool({ ...config, max: poolSize, connectionTimeoutMillis: POOL_WAIT_MS, idleTimeoutMillis: IDLE_MS })
    // of idle connections: the pool drops them and opens others
    pool.on('error', () => {})
    // of those at work: their statement fails as well, and an event without a listener would end the process
    pool.on('connect', (connection) => connection.on('error', () => {}))
    return new Database(pool, schema, errors)
  }

  /** Nothing where a value has U+0000, which is in no row: PostgreSQL would refuse it. */
  async rows<Row extends object>(text: string, values: readonly unknown[], options: StatementOptions = {}): Promise<Row[]> {
    if (values.some((value) => typeof value === 'string' && value.includes('\0'))) return []
    return (await this.run(text, values, options)).rows as Row[]
  }

  async row<Row extends object>(text: string, values: readonly unknown[], options: StatementOptions = {}): Promise<Row | undefined> {
    return (await this.rows<Row>(text, values, options))[0]
  }

  /** Resolves to the number of rows it changed. */
  async change(text: string, values: readonly unknown[], options: StatementOptions = {}): Promise<number> {
    return (await this.run(text, values, options)).rowCount ?? 0
  }

  /**
   * Runs statements in one transaction: all of them count or, when `work` or one of them throws, none. `work` may be called again, if nothing
   * of the first time has counted.
   */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    if (this.closed !== null) return Promise.reject(new EngineError('engine-closed', 'the registry is closed'))
    const running = this.executeAll(work)
    this.running.add(running)
    return running.finally(() => this.running.delete(running))
  }

  /** Waits for the statements under way. */
  close(): Promise<void> {
    // the pool itself would forget those that wait for a connection
    return (this.closed ??= Promise.allSettled(this.running).then(() => this.#pool.end()))
  }

  private run(text: string, values: readonly unknown[], options: StatementOptions): Promise<Result> {
    if (this.closed !== null) return Promise.reject(new EngineError('engine-closed', 'the registry is closed'))
    const { name, repeatable = true } = options
    const running = this.execute({ text: this.withSchema(text), values: [...values], ...(name === undefined ? {} : { name }) }, repeatable)
    this.running.add(running)
    return running.finally(() => this.running.delete(running))
  }

  private async execute(query: QueryConfig, repeatable: boolean): Promise<Result> {
    for (let again = true; ; again = false) {
      let client: PoolClient | undefined
      try {
        client = await this.#pool.connect()
        const result = await client.query<object>(query)
        client.release()
        return result
      } catch (error) {
        // closed when in doubt: an answer that comes late would be taken for that of the next statement
        client?.release(connectionInDoubt(error))
        const repeat = undone(error) || (connectionLost(error) && (repeatable || client === undefined))
        if (!again || !repeat) throw this.errors.failed(error)
        await new Promise((resolve) => setTimeout(resolve, REPEAT_MS))
      }
    }
  }

  private async executeAll<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    for (let again = true; ; again = false) {
      let client: PoolClient | undefined
      let isCommitting = false
      try {
        client = await this.#pool.connect()
        await client.query('BEGIN')
        const value = await work(new Transaction(client, (text) => this.withSchema(text)))
        isCommitting = true
        await client.query('COMMIT')
        client.release()
        return value
      } catch (error) {
        const isAlive = await client?.query('ROLLBACK').then(
          () => true,
          () => false,
        )
        client?.release(isAlive !== true || connectionInDoubt(error))
        const repeat = undone(error) || (connectionLost(error) && !isCommitting)
        if (!again || !repeat) throw this.errors.failed(error)
        await new Promise((resolve) => setTimeout(resolve, REPEAT_MS))
      }
    }
  }

  private withSchema(text: string): string {
    if (this.schema === 'fnflow') return text
    let own = this.texts.get(text)
    if (own === undefined) this.texts.set(text, (own = text.replaceAll('fnflow.', `${this.schema}.`)))
    return own
  }
}

/** The statements of one transaction, on one connection. They throw what `pg` throws. */
export class Transaction {
  readonly #client: PoolClient
  readonly #withSchema: (text: string) => string

  constructor(client: PoolClient, withSchema: (text: string) => string) {
    this.#client = client
    this.#withSchema = withSchema
  }

  async row<Row extends object>(text: string, values: readonly unknown[]): Promise<Row | undefined> {
    return (await this.#client.query<Row>(this.#withSchema(text), [...values])).rows[0]
  }

  async rows<Row extends object>(text: string, values: readonly unknown[]): Promise<Row[]> {
    return (await this.#client.query<Row>(this.#withSchema(text), [...values])).rows
  }

  /** Resolves to the number of rows it changed. */
  async change(text: string, values: readonly unknown[]): Promise<number> {
    return (await this.#client.query(this.#withSchema(text), [...values])).rowCount ?? 0
  }
}

function checkSchema(schema: string): void {
  // a name that needs no quotes, so that it may stand in statements
  if (/^[a-z_][a-z0-9_]{0,62}$/.test(schema) && !schema.startsWith('pg_')) return
  throw new EngineError(
    'bad-option',
    `a schema is named like fnflow_test (a-z, 0-9, _; at most 63 characters, not pg_…), not ${String(schema)}`,
  )
}

/** Refuses before the driver what it would take apart wrongly: pieces of a password would become names that messages tell. */
function checkUrl(url: unknown): void {
  if (typeof url !== 'string' || !/^postgres(ql)?:\/\//.test(url)) throw badUrl('it begins otherwise')
  if (!URL.canParse(url)) throw badUrl('it cannot be read')
  const { pathname, username } = new URL(url)
  if (/[@:]/.test(pathname + username)) throw badUrl('it has an @ or a : too many')
}

async function checkEncoding(client: Client): Promise<void> {
  const { rows } = await client.query<{ encoding: string }>("SELECT current_setting('server_encoding') AS encoding")
  const encoding = rows[0]?.encoding ?? ''
  if (encoding === 'UTF8') return
  const remedy = 'Make one with CREATE DATABASE … ENCODING UTF8 TEMPLATE template0'
  throw new EngineError(
    'store-unusable',
    `the registry needs a database in UTF8, and ${client.database ?? ''} is in ${encoding}. ${remedy}.`,
  )
}

function badUrl(what: string): EngineError {
  const remedy = 'In user and password write characters other than letters and digits as %XX, as encodeURIComponent does'
  return new EngineError(
    'bad-option',
    `the URL of the registry must be of the form postgres://user:password@host:5432/database, but ${what}. ${remedy}.`,
  )
}
