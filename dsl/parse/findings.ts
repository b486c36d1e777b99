import type { DocumentPath } from '../diagnostics.ts'

/** A finding of a parser: `offset` into the text is its place. */
export interface TextFinding {
  readonly rule: 'syntax' | 'duplicate-key'
  readonly message: string
  readonly path: DocumentPath
  readonly offset: number
}

/** Thrown inside a parser when a document cannot be read any further. */
export class Unreadable extends Error {
  readonly offset: number
  constructor(message: string, offset: number) {
    super(message)
    this.offset = offset
  }
}

/** The finding about a key that an object has twice, `path` being the object's. */
export function duplicateKey(path: DocumentPath, key: string, offset: number): TextFinding {
  const shown = key.length > 64 ? `${key.slice(0, 64)}...` : key
  return {
    rule: 'duplicate-key',
    message: `the key "${shown}" is given twice; remove or rename one of the two`,
    path: [...path, key],
    offset,
  }
}

export const TOO_DEEP = 'nested over 512 levels deep; flatten the document'
