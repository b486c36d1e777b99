/** What one name of the bench prints. Numbers are medians of rounds unless said otherwise. */
export interface BenchResult {
  readonly ours: number
  readonly reference: number
  /** `ours / reference`. */
  readonly ratio: number
  readonly unit: string
  /** Of `ours` and of `ratio`. */
  readonly better: 'higher' | 'lower'
  /** What `reference` is. */
  readonly against: string
  /** Least and greatest of the rounds. */
  readonly spread?: { readonly ours: readonly [number, number]; readonly reference: readonly [number, number] }
  readonly rounds?: number
  /** Milliseconds of one execution, start to output; measured in rounds of their own. */
  readonly latencyMs?: { readonly p50: Pair; readonly p99: Pair }
  readonly target?: Target
  /** Further figures, by name with unit. */
  readonly more?: Readonly<Record<string, number | string>>
}

export interface Pair {
  readonly ours: number
  readonly reference: number
  readonly ratio: number
}

/** A figure of the table: `value` is held against `limit`. */
export interface Target {
  readonly what: string
  readonly atLeast?: number
  readonly atMost?: number
  readonly value: number
  readonly met: boolean
}

export interface BenchSettings {
  readonly quick: boolean
  /** Rounds a side; undefined: as the group thinks best. */
  readonly rounds: number | undefined
  /** Folder for stores and databases, on the disk under test; emptied at the end. */
  readonly folder: string
  note(text: string): void
  /** Has something done when all names are through, or one has failed. */
  atEnd(what: () => Promise<void>): void
}

/** One name: measures itself when asked. */
export interface Bench {
  readonly name: string
  readonly about: string
  /** It needs more than this machine's disk: measured only where it, or its group, is named. */
  readonly onlyNamed?: boolean
  run(settings: BenchSettings): Promise<BenchResult>
}

export function atLeast(what: string, value: number, limit: number): Target {
  return { what, atLeast: limit, value: rounded(value), met: value >= limit }
}

export function atMost(what: string, value: number, limit: number): Target {
  return { what, atMost: limit, value: rounded(value), met: value <= limit }
}

export function pair(ours: number, reference: number): Pair {
  return { ours: rounded(ours), reference: rounded(reference), ratio: rounded(ours / reference) }
}

/** Four significant digits: more would feign a precision that no round has. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4))
}
