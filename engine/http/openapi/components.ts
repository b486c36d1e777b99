/** Component schemas of the document. */
import { isDeepStrictEqual } from 'node:util'
import type { Data, OpenApiDocument } from './types.ts'

const PLACE = '#/components/schemas/'
const INPUT = 'Input'

/**
 * The conversion makes each schema twice, `Node` as it is answered and `NodeInput` as it is taken. Where both are the same, or only one is
 * referred to, it is called `Node`; what nothing refers to is left out.
 */
export function tidyComponents(document: OpenApiDocument): void {
  const { schemas } = document.components
  const ids = Object.keys(schemas).filter((id) => `${id}${INPUT}` in schemas)
  const same = sameOnes(schemas, ids)
  const used = reachable(document)
  const renamed = new Map<string, string>()
  for (const id of ids) if (same.has(id) || !used.has(id)) renamed.set(`${id}${INPUT}`, id)
  for (const [input, id] of renamed) if (used.has(input)) schemas[id] = schemas[input]!
  document.paths = withoutLimits(rename(document.paths, renamed))
  document.components = withoutLimits(rename(document.components, renamed))
  const wanted = reachable(document)
  const kept = Object.entries(document.components.schemas).filter(([id]) => wanted.has(id))
  document.components.schemas = Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Names of the schemas that are the same in both directions, with all that they refer to. */
function sameOnes(schemas: { readonly [id: string]: Data }, ids: readonly string[]): ReadonlySet<string> {
  const same = new Set(ids)
  const asOutput = new Map(ids.map((id) => [`${id}${INPUT}`, id]))
  for (const id of ids) if (!isDeepStrictEqual(rename(schemas[`${id}${INPUT}`]!, asOutput), schemas[id])) same.delete(id)
  for (let before = -1; before !== same.size;) {
    before = same.size
    for (const id of same) if (refsOf(schemas[id]).some((ref) => asOutput.has(`${ref}${INPUT}`) && !same.has(ref))) same.delete(id)
  }
  return same
}

/** Names of the schemas that the paths and answers refer to, directly or not. */
function reachable({ paths, components: { schemas, responses } }: OpenApiDocument): ReadonlySet<string> {
  const found = new Set<string>()
  const open = refsOf([paths, responses ?? {}])
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (found.has(id)) continue
    found.add(id)
    open.push(...refsOf(schemas[id]))
  }
  return found
}

function refsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, member]) =>
    key === '$ref' && typeof member === 'string' ? (member.startsWith(PLACE) ? [member.slice(PLACE.length)] : []) : refsOf(member),
  )
}

function rename<Value>(value: Value, names: ReadonlyMap<string, string>): Value {
  if (Array.isArray(value)) return value.map((item: unknown) => rename(item, names)) as Value
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]: [string, unknown]) => {
      if (key !== '$ref' || typeof member !== 'string' || !member.startsWith(PLACE)) return [key, rename(member, names)]
      const id = member.slice(PLACE.length)
      return [key, `${PLACE}${names.get(id) ?? id}`]
    }),
  ) as Value
}

/** Whole numbers come with the limits of JavaScript's, which say nothing. */
function withoutLimits<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map((item: unknown) => withoutLimits(item)) as Value
  if (typeof value !== 'object' || value === null) return value
  const told = Object.entries(value).filter(
    ([key, limit]) => (key !== 'minimum' && key !== 'maximum') || Math.abs(limit as number) !== Number.MAX_SAFE_INTEGER,
  )
  return Object.fromEntries(told.map(([key, member]) => [key, withoutLimits(member)])) as Value
}
