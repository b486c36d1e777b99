import type { DocumentPath, Rule } from './diagnostics.ts'

/** A diagnostic before its position is known. */
export interface Finding {
  readonly rule: Rule
  readonly severity: 'error' | 'warning'
  readonly message: string
  readonly path: DocumentPath
  /** Whether the key or the value at `path` is what is wrong. */
  readonly what: 'key' | 'value'
}

/** Errors, and warnings, reported of one document; a megabyte of nonsense has a hundred times as many. */
export const MAX_FINDINGS = 10_000

/** Collects findings; the same one counts once. */
export class Findings {
  readonly list: Finding[] = []
  readonly #seen = new Set<string>()
  readonly #count = { error: 0, warning: 0 }

  get hasErrors(): boolean {
    return this.#count.error > 0
  }

  add(rule: Rule, path: DocumentPath, message: string, what: 'key' | 'value' = 'value', severity: 'error' | 'warning' = 'error'): void {
    if (this.#count[severity] >= MAX_FINDINGS) return
    const key = `${message} ${JSON.stringify(path)}`
    if (this.#seen.has(key)) return
    this.#seen.add(key)
    this.#count[severity]++
    this.list.push({ rule, severity, message, path, what })
  }
}
