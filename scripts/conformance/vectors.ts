import { jsonEqual } from '../../dsl/json-equal.ts'
import type { Json } from '../../dsl/json.ts'
import type { Built } from './built.ts'
import { show } from './compare.ts'
import type { Vector } from './files.ts'

/** What is wrong with the answer to one JSONPath vector, or undefined. */
export function jsonpathDifference({ query }: Built, vector: Vector): string | undefined {
  const path = vector['path'] as string
  let matches: Json[]
  try {
    matches = query(path, vector['doc'] ?? null)
  } catch (error) {
    const refused = error instanceof Error && error.name === 'JsonPathSyntaxError'
    return vector['invalid'] === true && refused ? undefined : `${show(path)}: ${String(error)}`
  }
  if (vector['invalid'] === true) return `${show(path)}: expected to be refused, got ${show(matches)}`
  return jsonEqual(matches, vector['matches']!) ? undefined : `${show(path)}: expected ${show(vector['matches'])}, got ${show(matches)}`
}

interface CronVector {
  readonly expr: string
  readonly zone?: string
  readonly from?: string
  readonly next?: readonly string[]
  readonly invalid?: true
}

/** What is wrong with the answer to one cron vector, or undefined. */
export function cronDifference({ nextFires }: Built, vector: Vector): string | undefined {
  const { expr, zone, from, next, invalid } = vector as unknown as CronVector
  let ticks: string[]
  try {
    ticks = nextFires(expr, { from: from ?? 0, count: next?.length || 1, ...(zone === undefined ? {} : { zone }) }).map(instant)
  } catch (error) {
    const refused = error instanceof Error && error.name === 'CronSyntaxError'
    return invalid === true && refused ? undefined : `${show(expr)}: ${String(error)}`
  }
  if (invalid === true) return `${show(expr)}: expected to be refused, got ${show(ticks)}`
  const expected = (next ?? []).map((text) => instant(Date.parse(text)))
  return jsonEqual(ticks, expected)
    ? undefined
    : `${show(expr)} in ${zone ?? 'UTC'} from ${from}: expected ${show(expected)}, got ${show(ticks)}`
}

function instant(time: number): string {
  return new Date(time).toISOString()
}
