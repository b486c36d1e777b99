import { EngineError } from '../../errors.ts'

/** SQLSTATEs after which the server ends the connection, or has not let it begin. */
const CONNECTION_ENDS = /^(08|57P0[1-5])/
/** The server has undone the statement and asks for it again: serialization failure, deadlock. */
const UNDONE = /^40(001|P01)$/
/** The server is read-only: one that was the primary, or is not yet. */
const READ_ONLY = '25006'
/** Somebody must act: authorization, rights, missing schema or table, wrong database. */
const UNUSABLE = /^(28|3D|3F|42)/
const NETWORK = /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_)/

/** What a message tells of a database: never the password. */
export interface DatabaseNames {
  /** `host:port/database` */
  readonly where: string
  readonly schema: string
  readonly user: string | undefined
}

/** Thrown when PostgreSQL does not do what the registry asks of it. */
export class RegistryError extends EngineError {
  /** True where the same call may succeed later as it is: the database was away, full, or read-only. */
  readonly passing: boolean

  constructor(code: 'store-unusable' | 'store-failed', message: string, passing: boolean, cause: Error) {
    super(code, message, { cause })
    this.name = 'RegistryError'
    this.passing = passing
  }
}

/** Turns what `pg` throws into EngineErrors without the password in them. */
export class DatabaseErrors {
  readonly names: DatabaseNames
  // not shown when somebody prints the object
  readonly #password: string | undefined

  constructor(names: DatabaseNames, password: string | undefined) {
    this.names = names
    // a short one would be cut out of ordinary words
    this.#password = password === undefined || password.length < 3 ? undefined : password
  }

  /** The registry cannot be opened. */
  unusable(error: unknown): EngineError {
    if (error instanceof EngineError) return error
    return this.make('store-unusable', 'cannot be used', error)
  }

  /** A statement failed. */
  failed(error: unknown): EngineError {
    if (error instanceof EngineError) return error
    return this.make(UNUSABLE.test(sqlState(error) ?? '') ? 'store-unusable' : 'store-failed', 'failed', error)
  }

  private make(code: 'store-unusable' | 'store-failed', what: string, error: unknown): EngineError {
    const reason = this.withoutPassword(reasonOf(error))
    const message = `the registry in PostgreSQL at ${this.names.where} ${what}: ${reason}. ${remedyFor(error, this.names)}.`
    // as a text: the objects that drivers throw may hold the whole configuration
    const cause = new Error(this.withoutPassword(error instanceof Error ? (error.stack ?? error.message) : String(error)))
    return new RegistryError(code, message, isPassing(error), cause)
  }

  private withoutPassword(text: string): string {
    if (this.#password === undefined) return text
    return text.replaceAll(this.#password, '***').replaceAll(encodeURIComponent(this.#password), '***')
  }
}

/** The SQLSTATE of an error that the server sent. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** True where the connection is gone, may still get the answer of the statement that failed, or leads to the wrong server. */
export function connectionInDoubt(error: unknown): boolean {
  const state = sqlState(error)
  // of a server that is not the primary any more: another connection may reach the one that is
  return state === undefined || state === READ_ONLY || CONNECTION_ENDS.test(state)
}

/** True where the connection was lost: the statement may have been run, or not. */
export function connectionLost(error: unknown): boolean {
  const state = sqlState(error)
  if (state !== undefined) return CONNECTION_ENDS.test(state)
  return (
    NETWORK.test(networkCode(error)) || (error instanceof Error && /^(Connection terminated|Client has encountered)/.test(error.message))
  )
}

function isPassing(error: unknown): boolean {
  const state = sqlState(error)
  // without a state: no connection, or no answer in time; 53: no space, no memory, no more connections; 57: ended by somebody
  return state === undefined || state === READ_ONLY || CONNECTION_ENDS.test(state) || /^(53|57)/.test(state) || UNDONE.test(state)
}

/** True where the server has undone the statement. */
export function undone(error: unknown): boolean {
  return UNDONE.test(sqlState(error) ?? '')
}

function networkCode(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : ''
}

function reasonOf(error: unknown): string {
  // of a name with several addresses: one error for each
  if (error instanceof AggregateError && error.errors.length > 0) return [...new Set(error.errors.map(reasonOf))].join(', ')
  const text = error instanceof Error ? error.message : String(error)
  return text === '' ? networkCode(error) || 'no reason given' : text
}

function remedyFor(error: unknown, { where, schema, user = '' }: DatabaseNames): string {
  const state = sqlState(error) ?? ''
  if (state.startsWith('28')) return `Correct user and password in the URL, or let user ${user} in (pg_hba.conf)`
  if (state === '3D000') return 'Make the database with createdb, or name another one in the URL'
  if (state === '42501') {
    return `Let user ${user} make the schema (GRANT CREATE ON DATABASE … TO ${user}), or make schema ${schema} for it (CREATE SCHEMA ${schema} AUTHORIZATION ${user})`
  }
  if (state === '42P01' || state === '3F000') return `Somebody has removed tables of schema ${schema}: restore them from a backup`
  if (state === '53300') return 'Raise max_connections of PostgreSQL, or lower poolSize'
  if (state.startsWith('53')) return 'Give PostgreSQL the space that it lacks'
  if (state === READ_ONLY) return 'Name the primary server in the URL: this one is read-only'
  if (state === '' || CONNECTION_ENDS.test(state)) return `See that PostgreSQL runs and can be reached at ${where}`
  return 'See the log of PostgreSQL for more'
}
