/** Names of executions (http-api.md, 2): unique per flow for a time, so that a start can be repeated by whoever has forgotten its id. */
import { createHash } from 'node:crypto'
import { jsonText } from './json-text.ts'
import type { Json } from '../dsl/json.ts'
import { EngineError } from './errors.ts'

/** For so long a name is taken. */
export const NAME_KEPT_MS = 90 * 86_400_000

/** Hash of an input as a value: members may stand in any order. */
export function inputHash(input: Json): string {
  return createHash('sha256').update(jsonText(input)).digest('base64url')
}

/** Thrown for a start whose name is that of an execution with another input. */
export function nameTaken(flow: string, name: string, execution: string): EngineError {
  return new EngineError(
    'conflict',
    `${name} is the name of execution ${execution} of flow ${flow}, which was started with another input; names are unique per flow for 90 days`,
  )
}

/** Thrown for a start whose name is that of an execution that was deleted. */
export function nameOfDeleted(flow: string, name: string, execution: string): EngineError {
  return new EngineError(
    'conflict',
    `${name} was the name of execution ${execution} of flow ${flow}, whose record is gone; names are unique per flow for 90 days`,
  )
}
