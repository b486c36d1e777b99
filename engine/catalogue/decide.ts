/** What every store decides in its transaction, and how it says no. */
import { EngineError } from '../errors.ts'
import type { Preconditions } from './api.ts'

/** @param etag Of what is there; undefined: nothing. Throws EngineError `precondition-failed`. */
export function checkConditions(name: string, etag: string | undefined, { ifMatch, ifNoneMatch }: Preconditions, kind = 'flow'): void {
  if (ifMatch !== undefined && !matches(etag, ifMatch)) {
    const found = etag === undefined ? 'there is none' : `it has the ETag "${etag}"`
    throw new EngineError('precondition-failed', `${kind} ${name} was to be changed as it was read, but ${found}; read it again`)
  }
  if (ifNoneMatch !== undefined && matches(etag, ifNoneMatch))
    throw new EngineError('precondition-failed', `${kind} ${name} was to be created, but there is one`)
}

function matches(etag: string | undefined, wanted: '*' | readonly string[]): boolean {
  return etag !== undefined && (wanted === '*' || wanted.includes(etag))
}

export function noFlow(flow: string): EngineError {
  return new EngineError('flow-not-found', `no flow ${flow}`)
}

export function noVersion(flow: string, version: string): EngineError {
  return new EngineError('version-not-found', `flow ${flow} has no version or alias ${version}`)
}

export function noAlias(flow: string, alias: string): EngineError {
  return new EngineError('alias-not-found', `flow ${flow} has no alias ${alias}`)
}

export function isRunning(flow: string): EngineError {
  return new EngineError(
    'flow-running',
    `executions of flow ${flow} run; delete it when they have ended, or with force, which cancels them`,
  )
}

export function versionTaken(flow: string, version: string): EngineError {
  return new EngineError('conflict', `flow ${flow} has a version or alias ${version} already`)
}

export function aliasIsVersion(flow: string, alias: string): EngineError {
  return new EngineError('conflict', `flow ${flow} has a version ${alias}, and an alias may not be called like one`)
}

/** Of one that an earlier fnflow has deployed. */
export function noText(flow: string): EngineError {
  return new EngineError('conflict', `the definition of flow ${flow} was deployed by an earlier fnflow, which kept no text; put it again`)
}

/** A position in a list, as clients carry it. */
export function cursorOf(position: number): string {
  return Buffer.from(String(position)).toString('base64url')
}

/** Throws EngineError `bad-option`. */
export function positionOf(cursor: string | undefined): number {
  if (cursor === undefined) return Number.MAX_SAFE_INTEGER
  const text = typeof cursor === 'string' ? Buffer.from(cursor, 'base64url').toString() : ''
  if (!/^\d{1,15}$/.test(text)) throw new EngineError('bad-option', 'this cursor is not one of a list')
  return Number(text)
}

/** One page of rows that were asked for with one more than its limit. */
export function pageOf<Row extends { readonly seq: number }, Item>(
  rows: readonly Row[],
  limit: number,
  itemOf: (row: Row) => Item,
): { readonly items: readonly Item[]; readonly nextCursor?: string } {
  const shown = rows.slice(0, limit)
  const items = shown.map(itemOf)
  return rows.length > limit ? { items, nextCursor: cursorOf(shown.at(-1)!.seq) } : { items }
}
