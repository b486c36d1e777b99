import { ApiError, ExecutionFailed, ServerUnreachable } from './errors.ts'
import { follow } from './event-stream.ts'
import { OPERATIONS, type Operations } from './generated/operations.ts'
import type { CallbackResult, Execution, ExecutionSummary, LogLine, Node } from './generated/types.ts'
import { pauseFor, send, type Connection } from './request.ts'

export interface ClientOptions {
  /** Where the server is; default `http://127.0.0.1:8900`. With a prefix where the API is part of an application: `https://example.com/flows`. */
  readonly server?: string
  /** An API key. */
  readonly key?: string
  /** How often a request is sent again that got no answer, or one that will not be so a moment later (429, 502, 503, 504); default 3. */
  readonly retries?: number
  /** Default: the one of the platform. */
  readonly fetch?: typeof globalThis.fetch
}

export type OperationId = keyof Operations

/** Parameters and body of an operation, and a signal that gives it up. Headers that the document does not name may be sent, too. */
export type CallOptions<Id extends OperationId> = Omit<Operations[Id]['data'], 'url' | 'headers'> & {
  readonly headers?: Readonly<Record<string, string | undefined>>
  readonly signal?: AbortSignal
}

/** Options may be left out where nothing in them must be there. */
type Given<Options> = Record<never, never> extends Options ? [options?: Options] : [options: Options]

export interface ApiAnswer<Body> {
  readonly status: number
  readonly headers: Headers
  readonly body: Body
}

/** What an execution's event says: the record of a node, or the execution without input and output. */
export type ExecutionEvent =
  | { readonly id: string; readonly type: 'node'; readonly node: Node }
  | { readonly id: string; readonly type: 'execution'; readonly execution: ExecutionSummary }

/** A line that a function has logged, with its position. */
export interface LogEvent {
  readonly id: string
  readonly line: LogLine
}

interface FollowOptions {
  /** The id of an event: only what came behind it. */
  readonly after?: string
  readonly signal?: AbortSignal
  /** How long the server may be away, ms; default one minute; at first it must be there. */
  readonly patienceMs?: number
}

const DEFAULT_SERVER = 'http://127.0.0.1:8900'
/** How long one request of a wait waits, seconds. */
const WAIT_SECONDS = 30
/** How long a server may be away that has answered before, ms, and how often it is looked for. */
const PATIENCE_MS = 60_000
const PAUSE_MS = 500

/**
 * A client of a server's API. Every operation of its OpenAPI document can be called by its id; the other methods are what is needed most.
 * All of them throw ApiError (the server has refused), ServerUnreachable (there is none), and the reason of a signal that is aborted.
 */
export class Client {
  private readonly connection: Connection

  constructor({ server = DEFAULT_SERVER, key, retries = 3, fetch = globalThis.fetch }: ClientOptions = {}) {
    if (!URL.canParse(server) || !/^https?:/.test(server)) throw new TypeError(`server must be an http or https URL, not ${server}`)
    this.connection = { server: server.replace(/\/+$/, ''), key, retries, fetch }
  }

  /** Calls an operation: `client.call('getExecution', { path: { id } })`. */
  async call<Id extends OperationId>(id: Id, ...[options]: Given<CallOptions<Id>>): Promise<Operations[Id]['answer']> {
    return (await this.request(id, ...([options] as Given<CallOptions<Id>>))).body
  }

  /** The same, with status and headers of the answer. */
  async request<Id extends OperationId>(id: Id, ...[options]: Given<CallOptions<Id>>): Promise<ApiAnswer<Operations[Id]['answer']>> {
    const [method, path, textType] = OPERATIONS[id]
    const answer = await send(this.connection, method, path, { ...options, textType })
    const isJson = answer.headers.get('content-type')?.includes('json') === true
    const body = isJson ? ((await answer.json()) as unknown) : await answer.text()
    return { status: answer.status, headers: answer.headers, body: body as Operations[Id]['answer'] }
  }

  /** Starts an execution of a flow. */
  start(flow: string, body: Operations['startExecution']['data']['body'] = {}, signal?: AbortSignal): Promise<ExecutionSummary> {
    return this.call('startExecution', { path: { name: flow }, body, ...(signal === undefined ? {} : { signal }) })
  }

  /** Starts an execution and waits for its output. Throws {@link ExecutionFailed}. */
  async run(flow: string, body: Operations['startExecution']['data']['body'] = {}, signal?: AbortSignal): Promise<unknown> {
    const { id } = await this.start(flow, body, signal)
    return this.result(id, signal)
  }

  /** The output of an execution, when it has ended. Throws {@link ExecutionFailed}. */
  async result(id: string, signal?: AbortSignal): Promise<unknown> {
    const execution = await this.wait(id, signal)
    if (execution.status !== 'succeeded') throw new ExecutionFailed(execution)
    return execution.output
  }

  /** An execution, when it has ended, however. A server that is away for less than a minute is waited for. */
  async wait(id: string, signal?: AbortSignal): Promise<Execution> {
    let heard = 0
    for (;;) {
      try {
        const options = { path: { id }, query: { wait: WAIT_SECONDS }, ...(signal === undefined ? {} : { signal }) }
        const execution = await this.call('getExecution', options)
        if (execution.status !== 'running') return execution
        heard = Date.now()
      } catch (error) {
        const isAway = error instanceof ServerUnreachable || (error instanceof ApiError && error.status >= 500)
        if (!isAway || Date.now() - heard > PATIENCE_MS) throw error
        await pauseFor(PAUSE_MS, signal)
      }
    }
  }

  /**
   * Follows an execution: its state so far, then every change; ends after its end. A connection that breaks is made again and goes on behind the last
   * event; what was told may be told again then.
   */
  async *events(id: string, { patienceMs = PATIENCE_MS, ...options }: FollowOptions = {}): AsyncGenerator<ExecutionEvent, void, undefined> {
    const isEnd = ({ event, data }: { readonly event: string; readonly data: string }): boolean =>
      event === 'execution' && (JSON.parse(data) as ExecutionSummary).status !== 'running'
    const [, path] = OPERATIONS.followExecution
    for await (const { event, id: position, data } of follow(this.connection, path, { path: { id }, patienceMs, isEnd, ...options })) {
      const value: unknown = JSON.parse(data)
      if (event === 'node') yield { id: position, type: 'node', node: value as Node }
      else if (event === 'execution') yield { id: position, type: 'execution', execution: value as ExecutionSummary }
    }
  }

  /**
   * The log lines of an execution so far, then every new one; ends after its end. A connection that breaks is made again and goes on behind the last
   * line.
   */
  async *logs(id: string, { patienceMs = PATIENCE_MS, ...options }: FollowOptions = {}): AsyncGenerator<LogEvent, void, undefined> {
    const isEnd = ({ event }: { readonly event: string }): boolean => event === 'end'
    const [, path] = OPERATIONS.listLogs
    const parts = { path: { id }, query: { follow: 'true' }, patienceMs, isEnd, ...options }
    for await (const { event, id: position, data } of follow(this.connection, path, parts)) {
      if (event === 'log') yield { id: position, line: JSON.parse(data) as LogLine }
    }
  }

  /** Answers a callback node that waits. */
  async callback(token: string, result: CallbackResult, signal?: AbortSignal): Promise<void> {
    await this.call('answerCallback', { path: { token }, body: result, ...(signal === undefined ? {} : { signal }) })
  }

  /** All items of a list, page by page. */
  async *all<Id extends ListId>(id: Id, ...[options]: Given<CallOptions<Id>>): AsyncGenerator<ItemOf<Id>, void, undefined> {
    let cursor: string | undefined
    do {
      const query = { ...(options as { readonly query?: object } | undefined)?.query, cursor }
      const page = (await this.call(id, ...([{ ...options, query }] as unknown as Given<CallOptions<Id>>))) as unknown as Page<ItemOf<Id>>
      yield* page.items
      cursor = page.nextCursor
    } while (cursor !== undefined)
  }
}

interface Page<Item> {
  readonly items: readonly Item[]
  readonly nextCursor?: string
}

/** Operations that answer with pages. */
export type ListId = {
  [Id in OperationId]: Operations[Id]['answer'] extends { items: readonly unknown[]; nextCursor?: string } ? Id : never
}[OperationId]
type ItemOf<Id extends ListId> = Operations[Id]['answer'] extends { items: readonly (infer Item)[] } ? Item : never
