/** One request, and its repetition. */
import { ApiError, ServerUnreachable } from './errors.ts'
import type { Problem } from './generated/types.ts'

export interface Connection {
  /** Base of the URLs, without a slash at the end. */
  readonly server: string
  readonly key: string | undefined
  readonly fetch: typeof globalThis.fetch
  /** How often a request is sent again that got no answer, or 429, 502, 503 or 504. */
  readonly retries: number
}

export interface RequestParts {
  readonly path?: Readonly<Record<string, unknown>> | undefined
  readonly query?: Readonly<Record<string, unknown>> | undefined
  readonly headers?: Readonly<Record<string, unknown>> | undefined
  readonly body?: unknown
  /** What a body is that is a text; default: JSON, as any other value. */
  readonly textType?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** The first pause before a repetition, and the longest, ms. */
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000
/** What a server may answer that will not be so a moment later. */
const PASSING = new Set([429, 502, 503, 504])

/**
 * Sends a request; resolves to the answer if it is 2xx. A POST has an `Idempotency-Key`, so that sending it again does nothing twice.
 * Throws ApiError, ServerUnreachable; the signal's reason when it is aborted.
 */
export async function send(connection: Connection, method: string, template: string, parts: RequestParts): Promise<Response> {
  const request = requestOf(connection, method, template, parts)
  for (let attempt = 0; ; attempt += 1) {
    const last = attempt >= connection.retries
    let pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt) * (0.5 + Math.random() / 2)
    try {
      const answer = await connection.fetch(request.url, request.options)
      // not modified: the condition of the caller's own
      if (answer.ok || answer.status === 304) return answer
      const error = await errorOf(answer)
      if (last || !PASSING.has(answer.status) || isResult(error)) throw error
      const seconds = Number(answer.headers.get('retry-after'))
      if (seconds > 0) pause = seconds * 1000
      if (pause > LONGEST_PAUSE_MS) throw error
    } catch (error) {
      if (error instanceof ApiError) throw error
      parts.signal?.throwIfAborted()
      if (last) throw new ServerUnreachable(connection.server, error)
    }
    await pauseFor(pause, parts.signal)
  }
}

/** Executions that ran too long, and functions that failed, are answered with such a status, too: that is how they have ended. */
function isResult({ code, answer }: ApiError): boolean {
  return code === 'execution-timed-out' || answer.headers.has('x-function-status')
}

function requestOf(connection: Connection, method: string, template: string, parts: RequestParts) {
  const { path = {}, query = {}, body, textType, signal } = parts
  const isText = typeof body === 'string' && textType !== undefined
  const headers = new Headers({ accept: 'application/json, application/problem+json' })
  if (connection.key !== undefined) headers.set('authorization', `Bearer ${connection.key}`)
  if (method === 'POST') headers.set('idempotency-key', crypto.randomUUID())
  if (body !== undefined) headers.set('content-type', isText ? textType : 'application/json')
  for (const [name, value] of Object.entries(parts.headers ?? {})) if (value !== undefined) headers.set(name, String(value))
  return {
    url: connection.server + pathOf(template, path) + queryOf(query),
    options: {
      method,
      headers,
      redirect: 'error' as const,
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    },
  }
}

function pathOf(template: string, values: Readonly<Record<string, unknown>>): string {
  return template.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name]
    // '' would be another path
    if (typeof value !== 'string' || value === '' || value === '.' || value === '..')
      throw new TypeError(`${name} must be a name, not ${JSON.stringify(value)}`)
    return encodeURIComponent(value)
  })
}

function queryOf(values: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(values))
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value]) if (one !== undefined) query.append(name, String(one))
  return query.size === 0 ? '' : `?${query.toString()}`
}

/** The problem that an answer tells; one is made of answers that others have given: a proxy, or a function that was invoked. */
async function errorOf(answer: Response): Promise<ApiError> {
  const { headers, status, statusText: title } = answer
  const text = await answer.text()
  const body = jsonOf(text)
  const { code, detail, errorType, errorMessage } = (body ?? {}) as { readonly [key: string]: unknown }
  if (typeof code === 'string' && typeof detail === 'string') return new ApiError(body as Problem, { headers, body })
  const said =
    typeof errorType === 'string' ? `${errorType}: ${String(errorMessage)}` : `no problem document of fnflow: ${text.slice(0, 200)}`
  const made = { type: 'about:blank', title, status, detail: `${status} ${title}, ${said}`, code: codeOf(status) }
  return new ApiError(made, { headers, body: body ?? text })
}

function codeOf(status: number): Problem['code'] {
  return status >= 500 ? 'internal-error' : 'bad-request'
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** Resolves after so many ms. Rejects with the signal's reason when it is aborted. */
export function pauseFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      clearTimeout(timer)
      reject(signal!.reason as Error)
    }
    if (signal?.aborted === true) return reject(signal.reason as Error)
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', leave)
      resolve()
    }, ms)
    signal?.addEventListener('abort', leave, { once: true })
  })
}
