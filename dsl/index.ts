/** `fnflow/dsl`: the language without an engine, for tools that read, check or write flows. */
export { defineFlow } from './define-flow.ts'
export { loadFlow, type LoadedFlow } from './load.ts'
export { RULES, type Diagnostic, type DocumentPath, type Rule } from './diagnostics.ts'
export type { CheckOptions, FlowRegistry } from './check.ts'
export type { ErrorDocument } from './errors.ts'
export type { Json, JsonObject } from './json.ts'
export type { Plan, PlanNode } from './plan.ts'
export type { FlowDefinition, FlowInput } from './schema.ts'
