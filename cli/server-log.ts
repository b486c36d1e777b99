/** What a server says of itself on stderr, as lines of JSON or for people. */
import type { RequestLine } from '../engine/http/server.ts'
import { onStderr } from './output.ts'
import { visible, visibleJson } from './visible.ts'

export type LogFormat = 'json' | 'text'
type Level = 'info' | 'warn' | 'error'
type Fields = { readonly [name: string]: string | number | undefined }

/** A line of a function. */
interface FunctionLine {
  readonly text: string
  readonly level?: string
  readonly execution?: string
  readonly node?: string
  readonly requestId?: string
}

/** Probes ask every few seconds. */
const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics'])
const MOST_BUFFERED = 64 * 1024

/**
 * The log of a server. Lines of one turn of the event loop are written together: a line of its own for each request would cost the server more than
 * most requests. Warnings and errors are written at once.
 */
export class ServerLog {
  private readonly format: LogFormat
  private readonly write: (text: string) => void
  private buffered = ''
  private flushing = false

  constructor(format: LogFormat, write: (text: string) => void = (text) => void process.stderr.write(text)) {
    this.format = format
    this.write = write
  }

  info(message: string, fields: Fields = {}): void {
    this.line('info', message, fields)
  }

  warn(message: string, fields: Fields = {}): void {
    this.line('warn', message, fields)
    this.flush()
  }

  error(message: string, fields: Fields = {}): void {
    this.line('error', message, fields)
    this.flush()
  }

  /** A request that was answered. */
  request({ requestId, method, route, status, ms, key }: RequestLine): void {
    if (PROBES.has(route) && status !== 500) return
    const took = Math.round(ms * 10) / 10
    if (this.format === 'json') this.line('info', 'request', { method, route, status, ms: took, requestId, key })
    else this.add(onStderr('dim', `${time()} ${method} ${route} ${status} ${took}ms ${requestId}${key === undefined ? '' : ` ${key}`}`))
  }

  /** What a function has printed. */
  function({ text, level = 'info', execution, node, requestId }: FunctionLine): void {
    if (this.format === 'json') this.add(json({ time: time(), level, message: text, execution, node, requestId, source: 'function' }))
    else {
      const from = [execution, node].filter(Boolean).join(' ')
      this.add(onStderr('dim', `${from === '' ? '' : `[${from}] `}${visible(text)}`))
    }
  }

  /** Writes what is there. */
  flush(): void {
    const text = this.buffered
    this.buffered = ''
    if (text !== '') this.write(text)
  }

  private line(level: Level, message: string, fields: Fields): void {
    if (this.format === 'json') return this.add(json({ time: time(), level, message, ...fields }))
    const sign = level === 'error' ? onStderr('red', 'error: ') : level === 'warn' ? `${onStderr('yellow', 'warning:')} ` : ''
    this.add(`${sign}${visible(message)}`)
  }

  private add(line: string): void {
    this.buffered += `${line}\n`
    if (this.buffered.length > MOST_BUFFERED) return this.flush()
    if (this.flushing) return
    this.flushing = true
    setImmediate(() => {
      this.flushing = false
      this.flush()
    })
  }
}

function json(line: object): string {
  return visibleJson(JSON.stringify(line))
}

function time(): string {
  return new Date().toISOString()
}
