/** How often, or how much: what an estimate says of one thing that is counted. */
export interface Range {
  readonly least: number
  /** Where nobody knows which way is taken: all ways alike. */
  readonly expected: number
  readonly most: number
  /** The most where everything fails as often as its error node allows, and catches are taken. */
  readonly withRetries: number
}

export const NONE: Range = exactly(0)

export function exactly(count: number): Range {
  return { least: count, expected: count, most: count, withRetries: count }
}

/** Only where things fail. */
export function onlyWithRetries(count: number): Range {
  return { least: 0, expected: 0, most: 0, withRetries: count }
}

export function sum(ranges: readonly Range[]): Range {
  return ranges.reduce((all, each) => combine(all, each, (a, b) => a + b), NONE)
}

export function times(range: Range, by: Range | number): Range {
  return combine(range, typeof by === 'number' ? exactly(by) : by, (a, b) => a * b)
}

/** Each part by itself. */
export function combine(a: Range, b: Range, how: (a: number, b: number) => number): Range {
  return {
    least: how(a.least, b.least),
    expected: how(a.expected, b.expected),
    most: how(a.most, b.most),
    withRetries: how(a.withRetries, b.withRetries),
  }
}

/** With an expected count that lies between least and most. */
export function between({ least, expected, most, withRetries }: Range): Range {
  return { least, expected: Math.min(most, Math.max(least, expected)), most, withRetries }
}

/** What a part is of what all parts come to together, which may be less than their sum. */
export function inProportion(part: Range, apart: Range, together: Range): Range {
  const factor = combine(together, apart, (a, b) => (b === 0 ? 0 : a / b))
  return combine(part, factor, (a, b) => a * b)
}

export interface Alternative<T> {
  readonly value: T
  /** How likely, 0 to 1; those of all alternatives come to 1. */
  readonly share: number
  /** Taken only where something has failed; its share is 0. */
  readonly failing: boolean
}

/** One of several. */
export function oneOf(alternatives: readonly Alternative<Range>[]): Range {
  const usual = alternatives.filter(({ failing }) => !failing)
  if (usual.length === 0) return onlyWithRetries(Math.max(0, ...alternatives.map(({ value }) => value.withRetries)))
  return {
    least: Math.min(...usual.map(({ value }) => value.least)),
    expected: usual.reduce((all, { value, share }) => all + share * value.expected, 0),
    most: Math.max(...usual.map(({ value }) => value.most)),
    withRetries: Math.max(...alternatives.map(({ value }) => value.withRetries)),
  }
}
