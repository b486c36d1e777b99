import { NodeError } from '../errors.ts'
import { checkBounds } from '../json-bounds.ts'
import type { Json } from '../json.ts'
import type { CompiledPath } from '../jsonpath/index.ts'
import { contextOf } from './context.ts'
import type { NodeRun } from './state.ts'

/** The value of a path in a filter, `items`, `seconds` or `until`; throws `PathNotFound` where a definite one finds nothing. */
export function follow(run: NodeRun, path: CompiledPath, data: Json, what: string): Json {
  const value = path.get(path.isContext ? contextOf(run).contextFor(path) : data)
  if (value === undefined) throw new NodeError('PathNotFound', `node ${run.node.id}: ${what} ${path.text} finds nothing`)
  // lists and the context put values together, and may name one many times
  if (!path.definite || (path.isContext && path.names.length < 2))
    checkBounds(value, `node ${run.node.id}: what ${what} ${path.text} finds`)
  return value
}

/** The body of an invocation, child or \`pass\`, and the params that found nothing (flow-language.md, 4.3). */
export function bodyOf(run: NodeRun): { readonly value: Json; readonly unresolved: readonly string[] | undefined } {
  const { params, mergeInput } = run.node
  if (params === null) return { value: run.input, unresolved: undefined }
  const resolved = params.resolve(run.input, contextOf(run))
  return mergeInput ? { value: overlay(run.input, resolved.value), unresolved: resolved.unresolved } : resolved
}

/** As {@link bodyOf}, without a list of what was not found. */
export function bodyValue(run: NodeRun): Json {
  const { params, mergeInput } = run.node
  if (params === null) return run.input
  const value = params.value(run.input, contextOf(run))
  return mergeInput ? overlay(run.input, value) : value
}

function overlay(input: Json, params: Json): Json {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return params
  // spread makes own members of all keys, `__proto__` included
  return { ...input, ...(params as { [key: string]: Json }) }
}
