import { expect } from 'vitest'
import type { TemporalLab } from '../../engine/internal.ts'
import { foldDifferences } from '../engine/temporal/same-fold.ts'

const MANY = 10_000

/** Fails unless the records of all executions that ended in these scopes say what their histories do; resolves to how many were compared. */
export async function expectSameFolds({ host }: TemporalLab, scopes: readonly string[]): Promise<number> {
  let compared = 0
  for (const scope of scopes) {
    const registry = await host.cluster.scoped(scope)
    for (const { id } of await registry.list({ limit: MANY })) {
      const found = await foldDifferences(host, registry, id)
      expect(found ?? [], scope).toEqual([])
      // a journal that is long is in the history alone
      if (found !== null) compared += 1
    }
  }
  return compared
}
