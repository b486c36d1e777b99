import { NodeError } from './errors.ts'
import { pathOf, type CompiledPath } from './jsonpath/compile.ts'
import { excerpt, expectedBut, JsonPathSyntaxError } from './jsonpath/errors.ts'
import { readNumber, readString } from './jsonpath/literals.ts'
import { parsePathAt } from './jsonpath/parse.ts'
import { jsonEqual } from './json-equal.ts'
import type { Json } from './json.ts'

/** Thrown when a text is no expression (flow-language.md, 4.4: `expression-syntax`), also for a path in it that does not parse. */
export class ExpressionSyntaxError extends Error {
  /** Where in the text: UTF-16 units before the fault. The message counts from 1. */
  readonly position: number
  constructor(message: string, position: number) {
    super(message)
    this.name = 'ExpressionSyntaxError'
    this.position = position
  }
}

/** Where the values of `$$` paths come from. */
export interface PathContext {
  /** The context object, as far as this path needs it. Called for `$$` paths only. */
  contextFor(path: CompiledPath): Json
}

/** A `when` ready for use (flow-language.md, 4.4). */
export interface CompiledExpression {
  readonly text: string
  /** Every path in it, in the order of the text. */
  readonly paths: readonly CompiledPath[]
  /** @throws NodeError `ExpressionTypeError`, and what an indefinite path throws that explodes */
  evaluate(data: Json, context: PathContext): boolean
}

/** @throws ExpressionSyntaxError */
export function compileExpression(text: string): CompiledExpression {
  const parser = new Parser(text)
  try {
    return new Expression(text, parser.expression(), parser.paths)
  } catch (error) {
    throw error instanceof JsonPathSyntaxError ? new ExpressionSyntaxError(error.message, error.position) : error
  }
}

type Operator = '==' | '!=' | '<' | '<=' | '>' | '>='
type Operand = { readonly path: CompiledPath } | { readonly path: undefined; readonly value: string | number | boolean | null }
type Term =
  | { readonly kind: 'or' | 'and'; readonly terms: readonly Term[] }
  | { readonly kind: 'not'; readonly term: Term }
  | { readonly kind: 'path'; readonly path: CompiledPath }
  | { readonly kind: 'anything'; readonly path: CompiledPath }
  | { readonly kind: 'equal'; readonly negated: boolean; readonly left: Operand; readonly right: Operand }
  | { readonly kind: 'order'; readonly operator: Operator; readonly left: Operand; readonly right: Operand }

/** Parentheses inside each other: the parser and the evaluation recurse here, and only here. */
const NESTING_LIMIT = 200

/** The constant on the right of `==` that asks whether there is anything. */
const ANYTHING = '**'

/**
 * or      = and *("||" and)      and = unary *("&&" unary)
 * unary   = *"!" ("(" or ")" / operand [comparison operand])      an operand alone is a path
 * operand = JSONPath / number / string / "true" / "false" / "nil" / "null"
 *
 * Where a path ends is for the JSONPath grammar to say: quotes, brackets and filters in it may hold blanks and operators.
 */
class Parser {
  readonly paths: CompiledPath[] = []
  private readonly text: string
  private at = 0
  private nesting = 0

  constructor(text: string) {
    this.text = text
  }

  expression(): Term {
    const term = this.or()
    if (this.at < this.text.length) throw this.expected('&&, || or the end')
    return term
  }

  private or(): Term {
    const terms = [this.and()]
    while (this.operator('||')) terms.push(this.and())
    return terms.length === 1 ? terms[0]! : { kind: 'or', terms }
  }

  private and(): Term {
    const terms = [this.unary()]
    while (this.operator('&&')) terms.push(this.unary())
    return terms.length === 1 ? terms[0]! : { kind: 'and', terms }
  }

  private operator(operator: string): boolean {
    if (!this.text.startsWith(operator, this.at)) return false
    this.at += operator.length
    return true
  }

  /** Takes the blanks around it too. */
  private unary(): Term {
    let negated = false
    this.blanks()
    while (this.text[this.at] === '!') {
      this.at++
      negated = !negated
      this.blanks()
    }
    const term = this.text[this.at] === '(' ? this.parenthesis() : this.comparison()
    this.blanks()
    return negated ? { kind: 'not', term } : term
  }

  private parenthesis(): Term {
    const open = this.at
    if (++this.nesting > NESTING_LIMIT) throw this.fault(`parentheses are nested more than ${NESTING_LIMIT} levels deep`, open)
    this.at++
    const term = this.or()
    if (this.at >= this.text.length) throw this.fault('a ( is not closed', open)
    if (this.text[this.at] !== ')') throw this.expected('&&, || or )')
    this.at++
    this.nesting--
    this.blanks()
    if (this.comparisonOperator() !== undefined) throw this.fault('an operand has no parentheses: leave them out', open)
    return term
  }

  private comparison(): Term {
    const start = this.at
    const left = this.operand()
    this.blanks()
    const operator = this.comparisonOperator()
    if (operator === undefined) {
      if (left.path !== undefined) return { kind: 'path', path: left.path }
      if (this.at < this.text.length && !/[&|)]/.test(this.text[this.at]!)) throw this.expected('an operator')
      throw this.fault('a constant alone is no expression: compare it with something', start)
    }
    this.at += operator.length
    this.blanks()
    if (this.text[this.at] === '(') throw this.fault('an operand has no parentheses: leave them out', this.at)
    const right = this.operand()
    if (operator !== '==' && operator !== '!=') return { kind: 'order', operator, left, right }
    if (operator === '==' && left.path !== undefined && right.path === undefined && right.value === ANYTHING)
      return { kind: 'anything', path: left.path }
    return { kind: 'equal', negated: operator === '!=', left, right }
  }

  private comparisonOperator(): Operator | undefined {
    COMPARISON.lastIndex = this.at
    return COMPARISON.exec(this.text)?.[0] as Operator | undefined
  }

  private operand(): Operand {
    const { text } = this
    const first = text[this.at]
    if (first === '$') {
      const parsed = parsePathAt(text, this.at, true)
      const path = pathOf(text.slice(this.at, parsed.end), parsed)
      this.paths.push(path)
      this.at = parsed.end
      return { path }
    }
    if (first === "'" || first === '"') {
      const { value, end } = readString(text, this.at, 'expression')
      this.at = end
      return { path: undefined, value }
    }
    const number = readNumber(text, this.at)
    if (number !== undefined) {
      this.at = number.end
      return { path: undefined, value: number.value }
    }
    WORD.lastIndex = this.at
    const word = WORD.exec(text)?.[0]
    if (word === undefined || !CONSTANTS.has(word)) {
      if (word !== undefined)
        throw this.fault(`expected an operand, found '${word.slice(0, 40)}': a path begins with $, a string stands in quotes`, this.at)
      throw this.expected('an operand (a path from $, a number, a quoted string, true, false or nil)')
    }
    this.at += word.length
    return { path: undefined, value: CONSTANTS.get(word)! }
  }

  private blanks(): void {
    const { text } = this
    for (;;) {
      const unit = text.charCodeAt(this.at)
      if (unit !== 0x20 && unit !== 0x09 && unit !== 0x0a && unit !== 0x0d) return
      this.at++
    }
  }

  private expected(what: string): ExpressionSyntaxError {
    return new ExpressionSyntaxError(expectedBut(what, this.text, this.at), this.at)
  }

  private fault(what: string, position: number): ExpressionSyntaxError {
    return new ExpressionSyntaxError(`${what}, at character ${position + 1} of ${excerpt(this.text, position)}`, position)
  }
}

const COMPARISON = /==|!=|<=|>=|<|>/y
const WORD = /[\p{L}_][\p{L}\p{N}_.-]*/uy
const CONSTANTS: ReadonlyMap<string, boolean | null> = new Map<string, boolean | null>([
  ['true', true],
  ['false', false],
  ['nil', null],
  ['null', null],
])

class Expression implements CompiledExpression {
  readonly text: string
  readonly paths: readonly CompiledPath[]
  private readonly term: Term

  constructor(text: string, term: Term, paths: readonly CompiledPath[]) {
    this.text = text
    this.term = term
    this.paths = paths
  }

  evaluate(data: Json, context: PathContext): boolean {
    return holds(this.term, data, context)
  }
}

function holds(term: Term, data: Json, context: PathContext): boolean {
  switch (term.kind) {
    case 'or':
      for (let i = 0; i < term.terms.length; i++) if (holds(term.terms[i]!, data, context)) return true
      return false
    case 'and':
      for (let i = 0; i < term.terms.length; i++) if (!holds(term.terms[i]!, data, context)) return false
      return true
    case 'not':
      return !holds(term.term, data, context)
    case 'path':
      return holdsAlone(term.path, data, context)
    case 'anything': {
      const found = look(term.path, data, context)
      return term.path.definite ? found !== undefined : (found as Json[]).length > 0
    }
    case 'equal':
      return jsonEqual(valueOf(term.left, data, context), valueOf(term.right, data, context)) !== term.negated
    case 'order':
      return ordered(term.operator, numberOf(term.operator, term.left, data, context), numberOf(term.operator, term.right, data, context))
  }
}

function look(path: CompiledPath, data: Json, context: PathContext): Json | undefined {
  return path.get(path.isContext ? context.contextFor(path) : data)
}

/** A path that finds nothing is nil. */
function valueOf(operand: Operand, data: Json, context: PathContext): Json {
  return operand.path === undefined ? operand.value : (look(operand.path, data, context) ?? null)
}

function holdsAlone(path: CompiledPath, data: Json, context: PathContext): boolean {
  if (!path.definite) {
    throw new NodeError(
      'ExpressionTypeError',
      `${path.text} stands alone, but it gives a list: compare it with '**' to ask whether it finds anything`,
    )
  }
  const found = look(path, data, context)
  if (found === undefined) return false
  if (typeof found === 'boolean') return found
  throw new NodeError('ExpressionTypeError', `${path.text} stands alone, so it must be true or false, but it is ${describe(found)}`)
}

function numberOf(operator: Operator, operand: Operand, data: Json, context: PathContext): number {
  const value = valueOf(operand, data, context)
  if (typeof value === 'number') return value
  const what = operand.path === undefined ? describe(value) : `${operand.path.text} is ${describe(value)}`
  throw new NodeError('ExpressionTypeError', `${operator} compares numbers, but ${what}`)
}

function ordered(operator: Operator, left: number, right: number): boolean {
  switch (operator) {
    case '<':
      return left < right
    case '<=':
      return left <= right
    case '>':
      return left > right
    default:
      return left >= right
  }
}

function describe(value: Json): string {
  if (value === null) return 'nil'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return `the string '${value.length > 40 ? `${value.slice(0, 40)}...` : value}'`
  return typeof value === 'object' ? 'an object' : `${value}`
}
