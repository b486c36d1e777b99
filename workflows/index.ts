/** The entry of Temporal's workflow bundle: what it exports are workflow types; the default one serves every other name, a flow each. */
import type { RangeSpec } from '../dsl/core/range.ts'
import type { Json } from '../dsl/json.ts'
import type { PlanText } from './protocol/converter.ts'
import type { StartInfo, Taken } from './protocol/shapes.ts'
import { runFlow } from './flow.ts'

/** A flow; its name is the workflow's type. */
async function flow(info: StartInfo, plan: PlanText, input: Json, taken?: Taken): Promise<Json> {
  return runFlow(info, plan, input, taken ?? {}, undefined)
}

/** The SDK looks a type up as a member of this module, and an object has members of its own: flows may be called like those, too. */
export {
  flow as default,
  flow as constructor,
  flow as hasOwnProperty,
  flow as isPrototypeOf,
  flow as propertyIsEnumerable,
  flow as toLocaleString,
  flow as toString,
  flow as valueOf,
}

/** A range of a loop's iterations. */
export async function $lane(info: StartInfo, plan: PlanText, input: Json, spec: RangeSpec, taken?: Taken): Promise<Json> {
  return runFlow(info, plan, input, taken ?? {}, spec)
}
