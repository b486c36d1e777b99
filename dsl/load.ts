import { checkFlow, type CheckOptions, type FlowDocument } from './check.ts'
import { compileFlow } from './compile.ts'
import type { Diagnostic } from './diagnostics.ts'
import { parseFlow } from './parse.ts'
import type { Plan } from './plan.ts'
import type { FlowDefinition } from './schema.ts'

export interface LoadedFlow {
  /** Everything found, warnings too; sorted by position. */
  readonly diagnostics: readonly Diagnostic[]
  /** These two only if there are no errors. */
  readonly plan?: Plan
  readonly definition?: FlowDefinition
  readonly document: FlowDocument
}

/**
 * Reads, checks and compiles a definition. Never throws for a bad one: `diagnostics` says what is wrong.
 *
 * @param source Text or bytes, YAML or JSON; or the definition as an object, for which no parser is loaded.
 */
export async function loadFlow(source: string | Uint8Array | object, options: CheckOptions = {}): Promise<LoadedFlow> {
  // `instanceof` would run the traps of a hostile proxy.
  if (typeof source === 'object' && !isBytes(source)) return loadFlowObject(source, options)
  const document = await parseFlow(source)
  if (document.diagnostics.some(({ rule }) => rule === 'syntax')) return { diagnostics: document.diagnostics, document }
  const { diagnostics, definition } = checkFlow(document, options)
  const all = [...document.diagnostics, ...diagnostics].sort((a, b) => a.line! - b.line! || a.column! - b.column!)
  // With a key given twice it is not known which of the two was meant.
  if (definition === undefined || document.diagnostics.length > 0) return { diagnostics: all, document }
  return { diagnostics: all, definition, plan: compileFlow(definition), document }
}

/** As {@link loadFlow}, for an object, at once. */
export function loadFlowObject(source: object, options: CheckOptions = {}): LoadedFlow {
  const document: FlowDocument = { value: source }
  const { diagnostics, definition } = checkFlow(document, options)
  if (definition === undefined) return { diagnostics, document }
  return { diagnostics, definition, plan: compileFlow(definition), document }
}

function isBytes(source: object): source is Uint8Array {
  return ArrayBuffer.isView(source)
}
