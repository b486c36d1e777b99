import type { FlowDefinition, FlowInput } from './schema.ts'

/**
 * Lets TypeScript check and complete a definition while it is written. The rules of the graph are checked when the flow
 * is loaded or deployed.
 *
 * @throws TypeError if the definition is no object.
 */
export function defineFlow(definition: FlowInput): FlowDefinition {
  if (typeof definition !== 'object' || definition === null || Array.isArray(definition)) {
    throw new TypeError(
      `defineFlow needs an object { flow, start, nodes }, not ${definition === null ? 'null' : Array.isArray(definition) ? 'a list' : typeof definition}`,
    )
  }
  return definition
}
