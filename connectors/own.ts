/** A connector of one's own (docs/connectors.md). */
import type { JsonObject } from '../dsl/json.ts'
import type { TriggerHost, TriggerSource } from './triggers/contract.ts'

/** A trigger of type `custom`, as its connector gets it. */
export interface OwnTrigger {
  readonly name: string
  readonly kind: string
  /** As the definition has them; checked. */
  readonly options: JsonObject
  readonly maxInFlight: number
}

/** Something wrong with options. */
export interface OptionFinding {
  /** Where in the options; absent: the whole of them. */
  readonly path?: readonly (string | number)[]
  /** What was expected, and the remedy. */
  readonly message: string
}

export interface OwnConnector {
  /** Called when a flow is deployed or checked: what is found is an error of the definition. Default: any options will do. */
  check?(options: JsonObject): readonly OptionFinding[]
  /**
   * Makes the source of a trigger; called for each that is enabled, and again when its definition has changed or its place was sought. Does not connect:
   * the source does when it is started.
   */
  source(trigger: OwnTrigger, host: TriggerHost): TriggerSource
}
