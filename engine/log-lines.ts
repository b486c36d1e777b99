import type { LogRecord } from './api.ts'
import type { Durable } from './durable.ts'
import { checkLimit } from './execution-info.ts'
import { checkKeys } from './intake.ts'
import { badCursor } from './list-options.ts'

/** A line as the stores have it; `seq` grows with each that is written. */
export interface StoredLine extends LogRecord {
  readonly seq: number
}

/** Which lines of an execution: by time, or as they were written (`since`: epoch ms; of these only). */
export type LogRange =
  | { readonly order: 'time'; readonly behind?: { readonly time: number; readonly seq: number }; readonly limit: number }
  | { readonly order: 'written'; readonly behind: number; readonly since: number; readonly limit: number }

export interface LogOptions {
  readonly limit?: number
  readonly cursor?: string
}

const OPTIONS: ReadonlySet<string> = new Set(['limit', 'cursor'])

/** A page of the lines of an execution, by time. The cursor is the last one shown. Throws EngineError `bad-option`, `execution-not-found`. */
export async function logPage(durable: Durable, id: string, options: LogOptions): Promise<{ items: LogRecord[]; nextCursor?: string }> {
  checkKeys(options, OPTIONS, 'logs')
  const limit = checkLimit(options.limit)
  const behind = options.cursor === undefined ? undefined : lineAt(options.cursor)
  const lines = await durable.logs(id, { order: 'time', limit: limit + 1, ...(behind === undefined ? {} : { behind }) })
  const shown = lines.slice(0, limit)
  const last = shown.at(-1)
  const isMore = last !== undefined && lines.length > limit
  return { items: shown.map(recordOfLine), ...(isMore ? { nextCursor: cursorOf(last) } : {}) }
}

export function recordOfLine({ seq: _seq, ...record }: StoredLine): LogRecord {
  return record
}

function cursorOf({ time, seq }: StoredLine): string {
  return Buffer.from(`${time} ${seq}`).toString('base64url')
}

function lineAt(cursor: unknown): { readonly time: number; readonly seq: number } {
  const match = typeof cursor === 'string' ? /^(\d{1,15}) (\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString()) : null
  if (match === null) throw badCursor()
  return { time: Number(match[1]), seq: Number(match[2]) }
}
