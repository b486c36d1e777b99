import { NotInFormat } from '../../connectors/format.ts'
import { NodeError } from '../../dsl/errors.ts'
import { compileExpression, type CompiledExpression, type PathContext } from '../../dsl/expressions.ts'
import type { Json } from '../../dsl/json.ts'
import { compileParams, type CompiledTemplate } from '../../dsl/params.ts'
import type { PlanTrigger } from '../../dsl/plan.ts'
import { EngineError } from '../errors.ts'

/** A trigger with the closures of its expressions. */
export interface PreparedTrigger {
  readonly flow: string
  readonly trigger: PlanTrigger
  /** What is started: `flow` or `flow:version`. */
  readonly ref: string
  readonly filter: CompiledExpression | null
  readonly input: CompiledTemplate | null
}

const prepared = new WeakMap<PlanTrigger, PreparedTrigger>()

/** Once for each trigger of a plan. */
export function prepareTrigger(flow: string, trigger: PlanTrigger): PreparedTrigger {
  let found = prepared.get(trigger)
  if (found === undefined) prepared.set(trigger, (found = prepare(flow, trigger)))
  return found
}

function prepare(flow: string, trigger: PlanTrigger): PreparedTrigger {
  const { version, filter, input } = trigger
  return {
    flow,
    trigger,
    ref: version === undefined ? flow : `${flow}:${version}`,
    filter: filter === undefined ? null : compileExpression(filter),
    input: input === undefined ? null : compileParams(input),
  }
}

/** Whether a trigger takes an event. Throws EngineError `bad-input` where the filter cannot say. */
export function takes(prepared: PreparedTrigger, event: Json): boolean {
  return prepared.filter === null || asked(() => (prepared.filter as CompiledExpression).evaluate(event, contextOf(prepared, event)))
}

/** The input that an event makes. Throws EngineError `bad-input`. */
export function inputOf(prepared: PreparedTrigger, event: Json): Json {
  return prepared.input === null ? event : asked(() => (prepared.input as CompiledTemplate).value(event, contextOf(prepared, event)))
}

/** True for what no repetition of the event would mend: the event cannot start this flow. */
export function isPoison(error: unknown): boolean {
  return error instanceof NotInFormat || (error instanceof EngineError && error.status < 500 && error.code !== 'too-many-executions')
}

function asked<T>(evaluate: () => T): T {
  try {
    return evaluate()
  } catch (error) {
    if (!(error instanceof NodeError)) throw error
    throw new EngineError('bad-input', `the event cannot start the flow: ${error.name}: ${error.message}`, { cause: error })
  }
}

/** `$$` before there is an execution: the flow and the event. */
function contextOf({ flow, trigger }: PreparedTrigger, event: Json): PathContext {
  const { type, name, version = 'latest' } = trigger
  return { contextFor: () => ({ flow: { name: flow, version }, trigger: { type, name, event } }) }
}
