import type { Operand, Operator, Query, Segment, Selector, Test } from './ast.ts'
import { excerpt, expectedBut, JsonPathSyntaxError } from './errors.ts'
import { readNumber, readString } from './literals.ts'

/** Longest path (flow-language.md, 4.1). */
export const PATH_LIMIT = 4096

/** Filters and parentheses inside each other: the parser and the evaluation recurse here, and only here. */
const NESTING_LIMIT = 200

export interface ParsedPath {
  /** Begins with `$$`. */
  readonly isContext: boolean
  readonly query: Query
  /** Behind the last segment. */
  readonly end: number
}

/**
 * Reads the path that starts at `start`, as far as it goes: blanks behind it are not taken.
 *
 * @param context whether `$$` is allowed
 * @throws JsonPathSyntaxError
 */
export function parsePathAt(text: string, start: number, context: boolean): ParsedPath {
  const parser = new Parser(text, start)
  if (text[start] !== '$') throw parser.expected('$')
  const isContext = text[start + 1] === '$'
  if (isContext && !context) throw parser.fault('$$, the context, does not stand here', start)
  parser.at = start + (isContext ? 2 : 1)
  const query = parser.segments(true)
  if (parser.at - start > PATH_LIMIT && countCharacters(text, start, parser.at) > PATH_LIMIT) {
    throw parser.fault(`a path has at most ${PATH_LIMIT} characters, this one has more`, start)
  }
  return { isContext, query, end: parser.at }
}

function countCharacters(text: string, start: number, end: number): number {
  let count = 0
  for (let i = start; i < end; i += text.codePointAt(i)! > 0xffff ? 2 : 1) count++
  return count
}

/**
 * RFC 9535, 2 without function expressions.
 *
 * query    = ("$" / "@") *(S segment)
 * segment  = "[" S selector *(S "," S selector) S "]" / "." (name / "*") / ".." (name / "*" / "[" ... "]") / "[" S "(@.length-" n ")" S "]"
 * selector = string / int / "*" / slice / "?" S or
 * or       = and *(S "||" S and)      and = basic *(S "&&" S basic)
 * basic    = ["!" S] "(" S or S ")" / ["!" S] query / operand S comparison S operand
 */
class Parser {
  readonly text: string
  at: number
  private nesting = 0

  constructor(text: string, at: number) {
    this.text = text
    this.at = at
  }

  /** The segments of a query whose root has been read. */
  segments(absolute: boolean): Query {
    const segments: Segment[] = []
    let singular = true
    for (;;) {
      const before = this.at
      this.blanks()
      const segment = this.segment()
      if (segment === undefined) {
        this.at = before
        return { absolute, segments, singular }
      }
      segments.push(segment)
      singular &&= isSingular(segment)
    }
  }

  private segment(): Segment | undefined {
    const { text } = this
    if (text[this.at] === '[') return { descendant: false, selectors: this.brackets() }
    if (text[this.at] !== '.') return undefined
    this.at++
    const descendant = text[this.at] === '.'
    if (descendant) this.at++
    if (descendant && text[this.at] === '[') return { descendant, selectors: this.brackets() }
    if (text[this.at] === '*') {
      this.at++
      return { descendant, selectors: [{ kind: 'wildcard' }] }
    }
    const name = this.name()
    if (name === undefined) throw this.expected(descendant ? "a name, * or [ behind '..'" : "a name or * behind '.'")
    return { descendant, selectors: [{ kind: 'name', name }] }
  }

  /** RFC 9535's member-name-shorthand, and `-` behind the first character. */
  private name(): string | undefined {
    NAME.lastIndex = this.at
    const match = NAME.exec(this.text)
    if (match === null) return undefined
    this.at += match[0].length
    return match[0]
  }

  private brackets(): Selector[] {
    const open = this.at
    this.at++
    this.blanks()
    if (this.text[this.at] === '(') return [this.lengthScript()]
    const selectors = [this.selector()]
    for (;;) {
      this.blanks()
      const next = this.text[this.at]
      if (next === undefined) throw this.fault('a [ is not closed', open)
      if (next === ']') {
        this.at++
        return selectors
      }
      if (next !== ',') throw this.expected(', or ]')
      this.at++
      this.blanks()
      selectors.push(this.selector())
    }
  }

  /** `(@.length-n)` with its bracket: the older dialects' way to count from the end. */
  private lengthScript(): Selector {
    SCRIPT.lastIndex = this.at
    const match = SCRIPT.exec(this.text)
    if (match === null) throw this.expected("(@.length-n) with n from 1 on, or a filter, which begins with '?'")
    const index = -Number(match[1])
    if (!Number.isSafeInteger(index)) throw this.fault('a number is too large', this.at)
    this.at += match[0].length
    this.blanks()
    if (this.text[this.at] !== ']') throw this.expected(']')
    this.at++
    return { kind: 'index', index, counted: true }
  }

  private selector(): Selector {
    switch (this.text[this.at]) {
      case "'":
      case '"': {
        const { value, end } = readString(this.text, this.at, 'rfc9535')
        this.at = end
        return { kind: 'name', name: value }
      }
      case '*':
        this.at++
        return { kind: 'wildcard' }
      case '?':
        this.at++
        this.blanks()
        return { kind: 'filter', test: this.nested(() => this.or()) }
      default:
        return this.indexOrSlice()
    }
  }

  private indexOrSlice(): Selector {
    const index = this.integer()
    const before = this.at
    this.blanks()
    if (this.text[this.at] !== ':') {
      if (index === undefined) throw this.expected("an index, a quoted name, a slice, * or a filter, which begins with '?'")
      this.at = before
      return { kind: 'index', index, counted: false }
    }
    this.at++
    this.blanks()
    const end = this.integer()
    const behindEnd = this.at
    this.blanks()
    if (this.text[this.at] !== ':') {
      this.at = behindEnd
      return { kind: 'slice', start: index, end, step: 1 }
    }
    this.at++
    const behindColon = this.at
    this.blanks()
    const step = this.integer()
    if (step === undefined) this.at = behindColon
    return { kind: 'slice', start: index, end, step: step ?? 1 }
  }

  private integer(): number | undefined {
    INTEGER.lastIndex = this.at
    const match = INTEGER.exec(this.text)
    if (match === null) return undefined
    const value = Number(match[0])
    if (!Number.isSafeInteger(value))
      throw this.fault('a number is too large: indexes go from -9007199254740991 to 9007199254740991', this.at)
    this.at += match[0].length
    return value
  }

  private or(): Test {
    const tests = [this.and()]
    while (this.operator('||')) tests.push(this.and())
    return tests.length === 1 ? tests[0]! : { kind: 'or', tests, constant: tests.every((test) => test.constant) }
  }

  private and(): Test {
    const tests = [this.basic()]
    while (this.operator('&&')) tests.push(this.basic())
    return tests.length === 1 ? tests[0]! : { kind: 'and', tests, constant: tests.every((test) => test.constant) }
  }

  /** Takes blanks, the operator and blanks, or nothing. */
  private operator(operator: string): boolean {
    const before = this.at
    this.blanks()
    if (this.text.startsWith(operator, this.at)) {
      this.at += operator.length
      this.blanks()
      return true
    }
    this.at = before
    return false
  }

  private basic(): Test {
    const negated = this.text[this.at] === '!'
    if (negated) {
      this.at++
      this.blanks()
    }
    const test = this.text[this.at] === '(' ? this.parenthesis() : negated ? this.exists() : this.testOrComparison()
    return negated ? { kind: 'not', test, constant: test.constant } : test
  }

  private parenthesis(): Test {
    const open = this.at
    this.at++
    this.blanks()
    const test = this.nested(() => this.or())
    this.blanks()
    if (this.text[this.at] === undefined) throw this.fault('a ( is not closed', open)
    if (this.text[this.at] !== ')') throw this.expected(')')
    this.at++
    return test
  }

  private exists(): Test {
    const query = this.query()
    if (query === undefined) throw this.expected("@, $ or ( behind '!'")
    return { kind: 'exists', query, constant: query.absolute }
  }

  private testOrComparison(): Test {
    const start = this.at
    const left = this.operand()
    const before = this.at
    this.blanks()
    COMPARISON.lastIndex = this.at
    const operator = COMPARISON.exec(this.text)?.[0] as Operator | undefined
    if (operator === undefined) {
      if (left.kind === 'literal') throw this.expected('a comparison, since a constant alone is no test')
      this.at = before
      return { kind: 'exists', query: left.query, constant: left.query.absolute }
    }
    this.mustBeSingular(left, start)
    this.at += operator.length
    this.blanks()
    const rightStart = this.at
    const right = this.operand()
    this.mustBeSingular(right, rightStart)
    return { kind: 'compare', operator, left, right, constant: isConstant(left) && isConstant(right) }
  }

  private mustBeSingular(operand: Operand, start: number): void {
    if (operand.kind === 'query' && !operand.query.singular) {
      throw this.fault('only a path of names and single indexes can be compared, since any other gives a list', start)
    }
  }

  private operand(): Operand {
    const { text } = this
    const query = this.query()
    if (query !== undefined) return { kind: 'query', query }
    const first = text[this.at]
    if (first === "'" || first === '"') {
      const { value, end } = readString(text, this.at, 'rfc9535')
      this.at = end
      return { kind: 'literal', value }
    }
    const number = readNumber(text, this.at)
    if (number !== undefined) {
      this.at = number.end
      return { kind: 'literal', value: number.value }
    }
    KEYWORD.lastIndex = this.at
    const keyword = KEYWORD.exec(text)?.[0]
    if (keyword === undefined) throw this.expected('a path from @ or $, a number, a quoted string, true, false or null')
    this.at += keyword.length
    return { kind: 'literal', value: keyword === 'null' ? null : keyword === 'true' }
  }

  private query(): Query | undefined {
    const root = this.text[this.at]
    if (root !== '$' && root !== '@') return undefined
    if (root === '$' && this.text[this.at + 1] === '$') throw this.fault('$$, the context, does not stand in filters', this.at)
    this.at++
    return this.segments(root === '$')
  }

  private nested(read: () => Test): Test {
    if (++this.nesting > NESTING_LIMIT)
      throw this.fault(`filters and parentheses are nested more than ${NESTING_LIMIT} levels deep`, this.at)
    const test = read()
    this.nesting--
    return test
  }

  private blanks(): void {
    const { text } = this
    for (;;) {
      const unit = text.charCodeAt(this.at)
      if (unit !== 0x20 && unit !== 0x09 && unit !== 0x0a && unit !== 0x0d) return
      this.at++
    }
  }

  expected(what: string): JsonPathSyntaxError {
    return new JsonPathSyntaxError(expectedBut(what, this.text, this.at), this.at)
  }

  fault(what: string, position: number): JsonPathSyntaxError {
    return new JsonPathSyntaxError(`${what}, at character ${position + 1} of ${excerpt(this.text, position)}`, position)
  }
}

// Beyond ASCII everything counts as a letter, but no surrogate that stands alone.
const NAME = /[A-Za-z_\u0080-\ud7ff\ue000-\u{10ffff}][A-Za-z0-9_\u0080-\ud7ff\ue000-\u{10ffff}-]*/uy
const SCRIPT = /\(@\.length-([1-9][0-9]*)\)/y
const INTEGER = /0|-?[1-9][0-9]*/y
const COMPARISON = /==|!=|<=|>=|<|>/y
const KEYWORD = /true|false|null/y

function isSingular(segment: Segment): boolean {
  if (segment.descendant || segment.selectors.length !== 1) return false
  const selector = segment.selectors[0]!
  return selector.kind === 'name' || (selector.kind === 'index' && !selector.counted)
}

function isConstant(operand: Operand): boolean {
  return operand.kind === 'literal' || operand.query.absolute
}
