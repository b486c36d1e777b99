import type { Json } from '../json.ts'
import type { Query } from './ast.ts'
import { expectedBut, JsonPathSyntaxError } from './errors.ts'
import { element, evaluate, member } from './evaluate.ts'
import { parsePathAt, type ParsedPath } from './parse.ts'

/** A path ready for use (flow-language.md, 4.1). */
export interface CompiledPath {
  readonly text: string
  /** Names and single indexes only: gives one value, not a list. */
  readonly definite: boolean
  /** Begins with `$$`: the root handed in is then the context object, also for `$` in its filters. */
  readonly isContext: boolean
  /** The names that it begins with: nodes and a for `$$.nodes.a[0].x`. */
  readonly names: readonly string[]
  /** Definite: the value, or undefined for nothing. Otherwise the array of matches. What is found is shared, not copied. */
  get(root: Json): Json | undefined
  matches(root: Json): Json[]
}

/**
 * @param options.context whether a path may begin with `$$`
 * @throws JsonPathSyntaxError also for blanks around the path, and for over 4,096 characters
 */
export function compilePath(text: string, options?: { readonly context?: boolean }): CompiledPath {
  const parsed = parsePathAt(text, 0, options?.context ?? false)
  if (parsed.end < text.length) throw new JsonPathSyntaxError(expectedBut('., [ or the end of the path', text, parsed.end), parsed.end)
  return pathOf(text, parsed)
}

/** What a path that stands inside a longer text was compiled to. */
export function pathOf(text: string, { isContext, query }: ParsedPath): CompiledPath {
  const names = leadingNames(query)
  return query.singular ? new DefinitePath(text, isContext, names, stepsOf(query)) : new ListPath(text, isContext, names, query)
}

class DefinitePath implements CompiledPath {
  readonly text: string
  readonly definite = true
  readonly isContext: boolean
  readonly names: readonly string[]
  private readonly steps: readonly (string | number)[]

  constructor(text: string, isContext: boolean, names: readonly string[], steps: readonly (string | number)[]) {
    this.text = text
    this.isContext = isContext
    this.names = names
    this.steps = steps
  }

  get(root: Json): Json | undefined {
    const { steps } = this
    let value: Json | undefined = root
    for (let i = 0; i < steps.length && value !== undefined; i++) {
      const step = steps[i]!
      value = typeof step === 'string' ? member(value, step) : element(value, step)
    }
    return value
  }

  matches(root: Json): Json[] {
    const value = this.get(root)
    return value === undefined ? [] : [value]
  }
}

class ListPath implements CompiledPath {
  readonly text: string
  readonly definite = false
  readonly isContext: boolean
  readonly names: readonly string[]
  private readonly query: Query

  constructor(text: string, isContext: boolean, names: readonly string[], query: Query) {
    this.text = text
    this.isContext = isContext
    this.names = names
    this.query = query
  }

  get(root: Json): Json[] {
    return evaluate(this.query, root)
  }

  matches(root: Json): Json[] {
    return evaluate(this.query, root)
  }
}

function stepsOf(query: Query): (string | number)[] {
  const steps: (string | number)[] = []
  for (const segment of query.segments) {
    const selector = segment.selectors[0]!
    if (selector.kind === 'name') steps.push(selector.name)
    else if (selector.kind === 'index') steps.push(selector.index)
  }
  return steps
}

function leadingNames(query: Query): string[] {
  const names: string[] = []
  for (const { descendant, selectors } of query.segments) {
    const selector = selectors[0]!
    if (descendant || selectors.length !== 1 || selector.kind !== 'name') break
    names.push(selector.name)
  }
  return names
}
