import { prepare } from '../dsl/core/machine.ts'
import type { PreparedPlan } from '../dsl/core/prepare.ts'
import type { Plan } from '../dsl/plan.ts'

/** Plans that a worker's sandbox keeps ready. */
const KEPT = 200
const ready = new Map<string, PreparedPlan>()

/** The plan of a hash, ready to run. Prepared plans are never changed, so all workflows of a sandbox share them. */
export function preparedOf(hash: string, text: () => string): PreparedPlan {
  let prepared = ready.get(hash)
  if (prepared === undefined) {
    prepared = prepare(JSON.parse(text()) as Plan)
    ready.set(hash, prepared)
    const [oldest] = ready.keys()
    if (ready.size > KEPT) ready.delete(oldest as string)
  }
  return prepared
}
