import type { Diagnostic, DocumentPath } from './diagnostics.ts'
import { Unreadable, type TextFinding } from './parse/findings.ts'
import { scanJson } from './parse/json-source.ts'
import { MAX_BYTES } from './parse/limits.ts'
import { LineIndex, placeOf, type Place, type Position } from './parse/places.ts'
import { readYaml } from './parse/yaml-source.ts'

export type { Position } from './parse/places.ts'

/** A text, read: plain data and where each value of it stands. */
export interface ParsedDocument {
  /** Plain data; `undefined` if there are `syntax` diagnostics. */
  readonly value: unknown
  /** Only the rules `syntax` and `duplicate-key`, in the order of the text. */
  readonly diagnostics: readonly Diagnostic[]
  /**
   * Where a value, or the key that holds it, stands: from 1, in UTF-16 units. A path that leads nowhere is
   * answered with the nearest value above it.
   */
  locate(path: DocumentPath, what: 'key' | 'value'): Position
}

/**
 * Reads a flow definition, YAML 1.2 or JSON (flow-language.md, 1 and 3). It never throws for a bad text: what is wrong
 * is in `diagnostics`. The YAML library is loaded only for texts that are not JSON.
 *
 * @param source Text, or bytes of UTF-8; at most 1 MiB.
 */
export async function parseFlow(source: string | Uint8Array): Promise<ParsedDocument> {
  if (byteLength(source) > MAX_BYTES)
    return unreadable('the text has over 1 MiB; a definition that long cannot be a flow, so split it into subflows')
  const text = decode(source)
  if (text === undefined) return unreadable('the text is not UTF-8; save the file with that encoding')

  const { value, root, findings } = looksLikeJson(text) ? (readJson(text) ?? (await readOther(text))) : await readOther(text)
  const lines = new LineIndex(text)
  const diagnostics = findings.map(({ rule, message, path, offset }): Diagnostic => ({
    rule,
    severity: 'error',
    message,
    path,
    ...lines.position(offset),
  }))
  return {
    value: findings.some(({ rule }) => rule === 'syntax') ? undefined : value,
    diagnostics: diagnostics.sort((a, b) => a.line! - b.line! || a.column! - b.column!),
    locate(path, what) {
      const place = placeOf(root, path)
      return lines.position(what === 'key' ? place.key : place.value)
    },
  }
}

interface Source {
  readonly value: unknown
  readonly root: Place
  readonly findings: readonly TextFinding[]
}

const START: Place = { value: 0, key: 0 }
const FATAL_UTF8 = { fatal: true }

function looksLikeJson(text: string): boolean {
  return /^[ \t\r\n]*[[{]/.test(text)
}

/** A text that `JSON.parse` accepts; anything else may still be YAML, of which JSON is nearly a subset. */
function readJson(text: string): Source | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  try {
    return { value, ...scanJson(text) }
  } catch (error) {
    if (error instanceof Unreadable) return refused(error.message, error.offset)
    throw error
  }
}

async function readOther(text: string): Promise<Source> {
  const control = CONTROL_CHARACTER.exec(text)
  if (control !== null) {
    const code = control[0].charCodeAt(0).toString(16).padStart(2, '0')
    return refused(`the control character \\x${code} may not stand in a YAML text; write it as an escape in double quotes`, control.index)
  }
  return readYaml(text)
}

/** YAML 1.2, 5.1: all but tab, line feed and carriage return. */

const CONTROL_CHARACTER = /[\x00-\x08\x0b\x0c\x0e-\x1f]/

function refused(message: string, offset: number): Source {
  return { value: undefined, root: START, findings: [{ rule: 'syntax', message, path: [], offset }] }
}

function unreadable(message: string): ParsedDocument {
  const start: Position = { line: 1, column: 1 }
  return { value: undefined, diagnostics: [{ rule: 'syntax', severity: 'error', message, path: [], ...start }], locate: () => start }
}

function byteLength(source: string | Uint8Array): number {
  if (typeof source !== 'string') return source.byteLength
  // A UTF-16 unit is 1 to 3 bytes of UTF-8: most texts need no counting, and no giant is ever encoded.
  if (source.length > MAX_BYTES || source.length * 3 <= MAX_BYTES) return source.length
  return new TextEncoder().encode(source).byteLength
}

function decode(source: string | Uint8Array): string | undefined {
  if (typeof source === 'string') return source.startsWith('\uFEFF') ? source.slice(1) : source
  try {
    return new TextDecoder('utf-8', FATAL_UTF8).decode(source)
  } catch {
    return undefined
  }
}
