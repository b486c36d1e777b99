/** The tree of a parsed path. RFC 9535's words: a query is a root and segments, a segment is a list of selectors. */
export interface Query {
  /** From `$` (true) or from `@`. */
  readonly absolute: boolean
  readonly segments: readonly Segment[]
  /** Names and single indexes only: finds at most one value. */
  readonly singular: boolean
}

export interface Segment {
  /** `..` */
  readonly descendant: boolean
  readonly selectors: readonly Selector[]
}

export type Selector =
  | { readonly kind: 'name'; readonly name: string }
  /** `counted`: written as `(@.length-n)`, which is not definite. */
  | { readonly kind: 'index'; readonly index: number; readonly counted: boolean }
  | { readonly kind: 'wildcard' }
  | { readonly kind: 'slice'; readonly start: number | undefined; readonly end: number | undefined; readonly step: number }
  | { readonly kind: 'filter'; readonly test: Test }

/** `constant`: does not look at `@`, so one answer holds for a whole evaluation. */
export type Test =
  | { readonly kind: 'or' | 'and'; readonly tests: readonly Test[]; readonly constant: boolean }
  | { readonly kind: 'not'; readonly test: Test; readonly constant: boolean }
  | { readonly kind: 'exists'; readonly query: Query; readonly constant: boolean }
  | { readonly kind: 'compare'; readonly operator: Operator; readonly left: Operand; readonly right: Operand; readonly constant: boolean }

export type Operator = '==' | '!=' | '<' | '<=' | '>' | '>='

export type Operand =
  { readonly kind: 'literal'; readonly value: string | number | boolean | null } | { readonly kind: 'query'; readonly query: Query }
