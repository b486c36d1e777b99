import { isDeepStrictEqual } from 'node:util'
import type { TemporalHost } from '../../../engine/internal.ts'
import type { Registry } from '../../../engine/temporal/registry/registry.ts'

/** What differs between an execution's record, as the worker's sink has written it, and its folded history; null: it has no journal. */
export async function foldDifferences({ reader }: TemporalHost, registry: Registry, id: string): Promise<string[] | null> {
  const [record, journal] = await Promise.all([registry.record(id, true), registry.journal(id)])
  if (record === undefined || journal === undefined) return null
  const { driver, input } = await reader.history(id)
  const { status, now, output, error } = driver.flow
  const pairs: readonly [what: string, recorded: unknown, folded: unknown][] = [
    ['status', record.status, status],
    ['endedAt', record.endedAt, now],
    ['input', record.input ?? null, input],
    ['output', record.output ?? null, status === 'succeeded' ? output : null],
    ['error', record.error ?? null, error],
    // the head of a stored journal is no event
    ['journal', journal.slice(1), driver.journal],
  ]
  // both as JSON has them: what is undefined in one is not there in the other
  return pairs.flatMap(([what, recorded, folded]) => {
    const [left, right] = [JSON.stringify(recorded), JSON.stringify(folded)]
    const same = what === 'journal' ? left === right : isDeepStrictEqual(JSON.parse(left), JSON.parse(right))
    return same ? [] : [`${id}: ${what}: the record has ${left}, the history ${right}`]
  })
}
