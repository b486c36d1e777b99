import type { Json } from '../../dsl/json.ts'
import { inputHash, nameOfDeleted, nameTaken } from '../names.ts'
import type { Registry } from './registry/registry.ts'

export interface NameClaim {
  readonly flow: string
  readonly name: string
  readonly execution: string
  readonly input: Json
}

/**
 * Takes the name for an execution that is about to be started; resolves to the id that has it, which may be of an earlier start. A start that was
 * begun under this name and given up has left the name with an id that there is not: the same input starts that one, and another takes its place.
 * Throws EngineError `conflict`.
 *
 * @param isThere Whether an execution exists, or may be about to.
 */
export async function takeName(registry: Registry, claim: NameClaim, isThere: (id: string) => Promise<boolean>): Promise<string> {
  const { flow, name, execution } = claim
  const input = inputHash(claim.input)
  for (;;) {
    const holder = await registry.names.claim({ flow, name, execution, input })
    if (holder.execution === execution) return execution
    if (!holder.kept) throw nameOfDeleted(flow, name, holder.execution)
    if (holder.input === input) return holder.execution
    if (await isThere(holder.execution)) throw nameTaken(flow, name, holder.execution)
    if (await registry.names.replace({ flow, name, execution, input }, holder.execution)) return execution
  }
}
