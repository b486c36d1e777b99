import type { OptionFinding, OwnConnector } from '../../connectors/own.ts'
import type { TriggerHost, TriggerSource } from '../../connectors/triggers/contract.ts'
import { copyJson } from '../../dsl/json-copy.ts'
import type { JsonObject } from '../../dsl/json.ts'
import type { PlanCustomTrigger } from '../../dsl/plan.ts'
import { EngineError } from '../errors.ts'

const KIND = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/

/** The connectors that were registered, by kind. */
export class OwnConnectors {
  private readonly connectors = new Map<string, OwnConnector>()

  /** Throws EngineError `bad-option`, `conflict`. */
  register(kind: string, connector: OwnConnector): void {
    if (typeof kind !== 'string' || !KIND.test(kind))
      throw new EngineError('bad-option', 'a kind of connectors is called by 1-64 of A-Z a-z 0-9 _ -, a letter first')
    const { source, check } = (connector ?? {}) as Partial<OwnConnector>
    if (typeof source !== 'function' || (check !== undefined && typeof check !== 'function'))
      throw new EngineError('bad-option', `connector ${kind} must be an object with a function source, and perhaps a function check`)
    if (this.connectors.has(kind)) throw new EngineError('conflict', `there is a connector ${kind} already`)
    this.connectors.set(kind, connector)
  }

  has(kind: string): boolean {
    return this.connectors.has(kind)
  }

  source({ name, kind, options, maxInFlight }: PlanCustomTrigger, host: TriggerHost): TriggerSource {
    const connector = this.connectors.get(kind)
    if (connector === undefined) throw new Error(`no connector ${kind} is registered`)
    return connector.source({ name, kind, options, maxInFlight }, host)
  }

  /** What is wrong with options that may be anything; undefined where there is no such connector. */
  check(kind: string, options: unknown): readonly OptionFinding[] | undefined {
    const connector = this.connectors.get(kind)
    if (connector === undefined) return undefined
    let copy: JsonObject
    try {
      copy = copyJson(options as JsonObject) as JsonObject
    } catch {
      // the schema says so
      return []
    }
    if (typeof copy !== 'object' || copy === null || Array.isArray(copy)) return []
    try {
      return connector.check?.(copy) ?? []
    } catch (error) {
      return [{ message: `connector ${kind} cannot check its options: ${error instanceof Error ? error.message : String(error)}` }]
    }
  }
}
