/** Names of versions and aliases, and what a reference to a flow means. */
import { createHash } from 'node:crypto'
import { EngineError } from '../errors.ts'
import type { AliasTarget } from './api.ts'

/** Of versions: letters, digits, `.`, `_`, `-`. */
const VERSION = /^[A-Za-z0-9._-]{1,42}$/
const ALIAS = /^[A-Za-z0-9._-]{1,63}$/
/** Path segments that every URL library takes out. */
const DOTS = /^\.{1,2}$/

/** `latest` in the words of flows, and of the clouds. */
function isLatest(qualifier: string): boolean {
  return qualifier === 'latest' || qualifier === '$LATEST'
}

/** `name` or `name:version-or-alias`; the qualifier of `latest` is undefined. */
export function splitRef(ref: string): { readonly name: string; readonly qualifier: string | undefined } {
  const colon = ref.indexOf(':')
  if (colon < 0) return { name: ref, qualifier: undefined }
  const qualifier = ref.slice(colon + 1)
  return { name: ref.slice(0, colon), qualifier: isLatest(qualifier) ? undefined : qualifier }
}

/** True for names that a version can be published under. */
export function isVersionName(name: unknown): name is string {
  return typeof name === 'string' && VERSION.test(name) && !DOTS.test(name) && !isLatest(name)
}

/** True for names that an alias can have: numbers are those of versions. */
export function isAliasName(name: unknown): name is string {
  return typeof name === 'string' && ALIAS.test(name) && !DOTS.test(name) && !isLatest(name) && !/^\d+$/.test(name)
}

/** Throws EngineError `bad-option`. */
export function checkTargets(target: unknown): readonly AliasTarget[] {
  const { version, versions } = (target ?? {}) as { readonly version?: unknown; readonly versions?: unknown }
  if (versions === undefined && isVersionName(version)) return [{ version, weight: 100 }]
  const pair = Array.isArray(versions) && version === undefined ? (versions as readonly AliasTarget[]) : []
  const [one, other] = pair
  const fits =
    pair.length === 2 &&
    pair.every((each) => isVersionName(each?.version) && Number.isInteger(each.weight) && each.weight >= 0) &&
    one!.weight + other!.weight === 100 &&
    one!.version !== other!.version
  if (!fits) {
    const wanted =
      '{ version }, or { versions: [{ version, weight }, { version, weight }] } of two versions with whole weights that make 100'
    throw new EngineError('bad-option', `an alias is ${wanted}`)
  }
  return pair.map(({ version: name, weight }) => ({ version: name, weight }))
}

/**
 * The target that an execution gets: the same for one id, so that a start that is repeated comes to the same. Null: the heavier, for those who
 * only look.
 */
export function pickTarget<Target extends { readonly weight: number }>(
  targets: readonly Target[],
  alias: string,
  id: string | null,
): Target | undefined {
  const [first, second] = targets
  if (first === undefined || second === undefined) return first
  if (id === null) return second.weight > first.weight ? second : first
  const share = createHash('sha256').update(`${alias}\0${id}`).digest().readUInt32BE() % 100
  return share < first.weight ? first : second
}
