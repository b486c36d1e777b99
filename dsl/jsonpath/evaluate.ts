import { NodeError } from '../errors.ts'
import { PAYLOAD_LIMIT } from '../json-copy.ts'
import { jsonEqual } from '../json-equal.ts'
import type { Json, JsonObject } from '../json.ts'
import type { Operand, Operator, Query, Segment, Selector, Test } from './ast.ts'

/** Every element takes 2 bytes of JSON at least: a longer list of matches is over the payload limit, whatever it holds. */
const MATCH_LIMIT = PAYLOAD_LIMIT / 2

/**
 * Values looked at in one evaluation. A document of 6 MiB has 3 million values at most, so a path that is not made to explode
 * (`$..*..*..*`, filters in filters over all descendants) stays far below.
 */
const STEP_LIMIT = 100_000_000

/**
 * All matches in the order of RFC 9535. No recursion but into filters, whose nesting the parser bounds: documents may have any depth.
 *
 * @throws NodeError `PayloadTooLarge` for over 3,145,728 matches, `PathTooCostly` where it looks at over 100,000,000 values
 */
export function evaluate(query: Query, root: Json): Json[] {
  return new Evaluation(root).matches(query.segments, root)
}

class Evaluation {
  private readonly root: Json
  private steps = 0
  /** Answers of the tests that do not look at `@`. */
  private known: Map<Test, boolean> | undefined
  /** Answers of filters inside filters, which come to the same value again and again: without them the cost is exponential. */
  private readonly answers = new Map<Test, Map<Json, boolean>>()
  /** How many filters stand around. */
  private nesting = 0

  constructor(root: Json) {
    this.root = root
  }

  /** Segment by segment: the order of a list of lists is the same as that of a walk in depth. */
  matches(segments: readonly Segment[], start: Json): Json[] {
    let values: Json[] = [start]
    for (let i = 0; i < segments.length && values.length > 0; i++) {
      const found: Json[] = []
      const segment = segments[i]!
      for (let j = 0; j < values.length; j++) this.apply(segment, values[j]!, found)
      values = found
    }
    return values
  }

  /** Whether `matches` would find anything; stops at the first. */
  private finds(query: Query, current: Json): boolean {
    const start = query.absolute ? this.root : current
    if (query.singular) return this.single(query, current) !== undefined
    this.nesting++
    const last = query.segments.length - 1
    let values: Json[] = [start]
    for (let i = 0; i <= last && values.length > 0; i++) {
      const found: Json[] = []
      for (let j = 0; j < values.length; j++) if (this.apply(query.segments[i]!, values[j]!, found, i === last)) break
      // Which values are found is what matters, not how often: `..` behind `..` finds the same ones again.
      values = found.length > 100 ? [...new Set(found)] : found
    }
    this.nesting--
    return values.length > 0
  }

  /** The value of a query of names and single indexes, undefined for nothing. */
  private single(query: Query, current: Json): Json | undefined {
    let value: Json | undefined = query.absolute ? this.root : current
    for (let i = 0; i < query.segments.length; i++) {
      this.count(1)
      const selector = query.segments[i]!.selectors[0]!
      value =
        selector.kind === 'name' ? member(value, selector.name) : selector.kind === 'index' ? element(value, selector.index) : undefined
      if (value === undefined) return undefined
    }
    return value
  }

  /** Adds what the segment selects from one value. With `one` it stops at the first and gives true. */
  private apply(segment: Segment, value: Json, found: Json[], one = false): boolean {
    if (typeof value !== 'object' || value === null) return false
    if (!segment.descendant) return this.select(segment.selectors, value, found, one)
    // Parents first, children in their order: pushed in reverse.
    const rest: (Json[] | JsonObject)[] = [value]
    while (rest.length > 0) {
      const next = rest.pop()!
      if (this.select(segment.selectors, next, found, one)) return true
      if (Array.isArray(next)) {
        for (let i = next.length - 1; i >= 0; i--) {
          const child = next[i]!
          if (typeof child === 'object' && child !== null) rest.push(child)
        }
        this.count(next.length)
      } else {
        const keys = Object.keys(next)
        for (let i = keys.length - 1; i >= 0; i--) {
          const child = next[keys[i]!]!
          if (typeof child === 'object' && child !== null) rest.push(child)
        }
        this.count(keys.length)
      }
    }
    return false
  }

  private select(selectors: readonly Selector[], value: Json[] | JsonObject, found: Json[], one: boolean): boolean {
    for (let i = 0; i < selectors.length; i++) {
      const selector = selectors[i]!
      switch (selector.kind) {
        case 'name':
          addIfAny(member(value, selector.name), found)
          break
        case 'index':
          addIfAny(element(value, selector.index), found)
          break
        case 'wildcard':
          this.children(value, undefined, found, one)
          break
        case 'slice':
          if (Array.isArray(value)) this.slice(value, selector, found)
          break
        case 'filter':
          this.children(value, selector.test, found, one)
          break
      }
      this.count(1)
      if (found.length > MATCH_LIMIT) throw new NodeError('PayloadTooLarge', `a JSONPath has more than ${MATCH_LIMIT} matches`)
      if (one && found.length > 0) return true
    }
    return false
  }

  private children(value: Json[] | JsonObject, test: Test | undefined, found: Json[], one: boolean): void {
    if (Array.isArray(value)) {
      this.count(value.length)
      for (let i = 0; i < value.length; i++) {
        if (test === undefined || this.filter(test, value[i]!)) {
          found.push(value[i]!)
          if (one) return
        }
      }
    } else {
      const keys = Object.keys(value)
      this.count(keys.length)
      for (let i = 0; i < keys.length; i++) {
        const child = value[keys[i]!]!
        if (test === undefined || this.filter(test, child)) {
          found.push(child)
          if (one) return
        }
      }
    }
  }

  /** RFC 9535, 2.3.4.2.2. */
  private slice(value: Json[], { start, end, step }: Selector & { kind: 'slice' }, found: Json[]): void {
    const length = value.length
    this.count(length)
    if (step > 0) {
      const lower = clamp(start === undefined ? 0 : start < 0 ? length + start : start, 0, length)
      const upper = clamp(end === undefined ? length : end < 0 ? length + end : end, 0, length)
      for (let i = lower; i < upper; i += step) found.push(value[i]!)
    } else if (step < 0) {
      const upper = clamp(start === undefined ? length - 1 : start < 0 ? length + start : start, -1, length - 1)
      const lower = end === undefined ? -1 : clamp(end < 0 ? length + end : end, -1, length - 1)
      for (let i = upper; i > lower; i += step) found.push(value[i]!)
    }
  }

  private filter(test: Test, current: Json): boolean {
    if (this.nesting === 0 || typeof current !== 'object' || current === null) return this.test(test, current)
    let answers = this.answers.get(test)
    if (answers === undefined) this.answers.set(test, (answers = new Map<Json, boolean>()))
    let answer = answers.get(current)
    if (answer === undefined) answers.set(current, (answer = this.test(test, current)))
    return answer
  }

  private test(test: Test, current: Json): boolean {
    if (!test.constant) return this.answer(test, current)
    this.known ??= new Map()
    let answer = this.known.get(test)
    if (answer === undefined) {
      answer = this.answer(test, current)
      this.known.set(test, answer)
    }
    return answer
  }

  private answer(test: Test, current: Json): boolean {
    switch (test.kind) {
      case 'or':
        for (let i = 0; i < test.tests.length; i++) if (this.test(test.tests[i]!, current)) return true
        return false
      case 'and':
        for (let i = 0; i < test.tests.length; i++) if (!this.test(test.tests[i]!, current)) return false
        return true
      case 'not':
        return !this.test(test.test, current)
      case 'exists':
        return this.finds(test.query, current)
      case 'compare':
        return compare(test.operator, this.operand(test.left, current), this.operand(test.right, current))
    }
  }

  private operand(operand: Operand, current: Json): Json | undefined {
    return operand.kind === 'literal' ? operand.value : this.single(operand.query, current)
  }

  private count(steps: number): void {
    this.steps += steps
    if (this.steps > STEP_LIMIT) {
      throw new NodeError('PathTooCostly', `a JSONPath looks at more than ${STEP_LIMIT} values: use fewer .. and filters inside filters`)
    }
  }
}

function addIfAny(value: Json | undefined, found: Json[]): void {
  if (value !== undefined) found.push(value)
}

/** An own member of an object, undefined for nothing. */
export function member(value: Json | undefined, name: string): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

/** An element of an array, from its end for a negative index; undefined for nothing. */
export function element(value: Json | undefined, index: number): Json | undefined {
  return Array.isArray(value) ? value[index < 0 ? value.length + index : index] : undefined
}

function clamp(value: number, lower: number, upper: number): number {
  return Math.min(Math.max(value, lower), upper)
}

/** RFC 9535, 2.3.5.2.2; undefined is nothing. */
function compare(operator: Operator, left: Json | undefined, right: Json | undefined): boolean {
  switch (operator) {
    case '==':
      return equal(left, right)
    case '!=':
      return !equal(left, right)
    case '<':
      return less(left, right)
    case '>':
      return less(right, left)
    case '<=':
      return less(left, right) || equal(left, right)
    case '>=':
      return less(right, left) || equal(left, right)
  }
}

function equal(left: Json | undefined, right: Json | undefined): boolean {
  return left === undefined || right === undefined ? left === right : jsonEqual(left, right)
}

function less(left: Json | undefined, right: Json | undefined): boolean {
  if (typeof left === 'number') return typeof right === 'number' && left < right
  return typeof left === 'string' && typeof right === 'string' && lessText(left, right)
}

/** By code points. JavaScript's `<` goes by UTF-16 units, where U+1F600 (d83d de00) comes before U+FF01. */
function lessText(left: string, right: string): boolean {
  const length = Math.min(left.length, right.length)
  for (let i = 0; i < length; i++) {
    const a = left.charCodeAt(i)
    const b = right.charCodeAt(i)
    if (a === b) continue
    const aHigh = a >= 0xd800 && a <= 0xdfff
    const bHigh = b >= 0xd800 && b <= 0xdfff
    return aHigh === bHigh ? a < b : bHigh
  }
  return left.length < right.length
}
