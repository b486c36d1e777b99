/** JSONPaths, templates and conditions on values of which not all is known. What is known is left to the language's own evaluation. */
import type { Segment, Selector } from '../../dsl/jsonpath/ast.ts'
import { NodeError } from '../../dsl/errors.ts'
import { compileExpression } from '../../dsl/expressions.ts'
import { compilePath, type CompiledPath } from '../../dsl/jsonpath/index.ts'
import { parsePathAt } from '../../dsl/jsonpath/parse.ts'
import { isJsonObject, type Json, type JsonObject } from '../../dsl/json.ts'
import { bytesOf, isGuessedObject, isKnown, lengthOf, objectOf, Several, Unknown, type Guess } from './guess.ts'

/** What paths look at. */
export interface View {
  readonly data: Guess
  /** `$$`, made when first asked for. */
  readonly context: () => Guess
}

interface ReadyPath {
  readonly compiled: CompiledPath
  readonly segments: readonly Segment[]
}

const paths = new Map<string, ReadyPath>()

function ready(text: string): ReadyPath {
  let path = paths.get(text)
  if (path === undefined) {
    path = { compiled: compilePath(text, { context: true }), segments: parsePathAt(text, 0, true).query.segments }
    paths.set(text, path)
  }
  return path
}

/** What a path finds; undefined: nothing. */
export function look(text: string, view: View): Guess | undefined {
  const { compiled, segments } = ready(text)
  const root = compiled.isContext ? view.context() : view.data
  if (isKnown(root)) {
    try {
      return compiled.get(root)
    } catch (error) {
      if (error instanceof NodeError) return new Unknown(bytesOf(root))
      throw error
    }
  }
  return compiled.definite ? follow(segments, root) : listOf(segments, root)
}

function follow(segments: readonly Segment[], root: Guess): Guess | undefined {
  let value: Guess | undefined = root
  for (const { selectors } of segments) {
    if (value === undefined || value instanceof Unknown) return value
    value = select(selectors[0] as Selector, value)
  }
  return value
}

function select(selector: Selector, value: Guess): Guess | undefined {
  if (selector.kind === 'name') return isGuessedObject(value) && Object.hasOwn(value, selector.name) ? value[selector.name] : undefined
  const length = lengthOf(value)
  if (selector.kind !== 'index' || length === undefined) return undefined
  const at = selector.index < 0 ? length + selector.index : selector.index
  if (at < 0 || at >= length) return undefined
  return value instanceof Several ? value.item : (value as Guess[])[at]
}

/** Of an indefinite path: a list, or something as large as what it looks through. */
function listOf(segments: readonly Segment[], root: Guess): Guess {
  let values: readonly Guess[] = [root]
  /** How many there are of each. */
  let each = 1
  for (const { descendant, selectors } of segments) {
    const [selector] = selectors
    const simple =
      !descendant && selectors.length === 1 && selector !== undefined && selector.kind !== 'filter' && selector.kind !== 'slice'
    if (!simple || values.some((value) => value instanceof Unknown)) return unknownList(values, each)
    if (selector.kind !== 'wildcard') {
      values = values.map((value) => select(selector, value)).filter((value) => value !== undefined)
      continue
    }
    const [only] = values
    if (values.length === 1 && only instanceof Several) {
      each *= only.count
      values = [only.item]
    } else if (values.some((value) => value instanceof Several)) return unknownList(values, each)
    else values = values.flatMap((value) => (isGuessedObject(value) ? Object.values(value) : Array.isArray(value) ? value : []))
  }
  if (each === 1) return [...values]
  const [only] = values
  return values.length === 1 && only !== undefined ? new Several(each, only) : unknownList(values, each)
}

function unknownList(values: readonly Guess[], each: number): Unknown {
  return new Unknown(Math.max(2, each * values.reduce((bytes: number, value) => bytes + bytesOf(value), 0)))
}

/** The body that `params` describe (flow-language.md, 4.3). */
export function fillParams(params: JsonObject, view: View): Guess {
  return objectOf(Object.entries(params).flatMap(([key, value]) => named(key, fill(value, view))))
}

/** As {@link fillParams}, of a template that may be special as a whole. */
export function fillTemplate(template: Json, view: View): Guess {
  return fill(template, view) ?? null
}

function fill(value: Json, view: View): Guess | undefined {
  if (typeof value === 'string') return isPath(value) ? look(value, view) : value
  if (Array.isArray(value)) return value.map((part) => fill(part, view) ?? null)
  if (!isJsonObject(value)) return value
  const keys = Object.keys(value)
  const { literal, path, default: fallback } = value
  if (keys.length === 1 && literal !== undefined) return literal
  if (keys.length === 2 && fallback !== undefined && typeof path === 'string' && isPath(path)) return look(path, view) ?? fallback
  return fillParams(value, view)
}

function isPath(text: string): boolean {
  return text === '$' || text.startsWith('$.') || text.startsWith('$[') || text.startsWith('$$.')
}

function named(key: string, value: Guess | undefined): [string, Guess][] {
  return value === undefined ? [] : [[key, value]]
}

/** Whether a `when` holds; undefined: that cannot be known. Throws the NodeError that would fail the node. */
export function holds(when: string, view: View): boolean | undefined {
  const expression = compileExpression(when)
  for (const path of expression.paths) {
    const found = look(path.text, view)
    if (found !== undefined && !isKnown(found)) return undefined
    // a list of which only the length is known has elements for us alone
    const root = path.isContext ? view.context() : view.data
    if (!isKnown(root) && path.definite && path.get(root as Json) !== found) return undefined
  }
  return expression.evaluate(view.data as Json, { contextFor: () => view.context() as Json })
}
