import { checkFlow, type CheckOptions } from '../../dsl/check.ts'
import type { Diagnostic } from '../../dsl/diagnostics.ts'
import { loadFlow } from '../../dsl/load.ts'

/** Diagnostics of a flow with these nodes, starting at the first. */
export function checkNodes(nodes: Record<string, unknown>, rest: Record<string, unknown> = {}, options?: CheckOptions): Diagnostic[] {
  return checkFlow({ value: { flow: 'h', start: Object.keys(nodes)[0], nodes, ...rest } }, options).diagnostics
}

/** `rule path`, sorted. */
export function brief(diagnostics: readonly Diagnostic[]): string[] {
  return diagnostics.map(({ rule, path }) => `${rule} ${path.join('.')}`.trim()).sort()
}

export function rulesOf(diagnostics: readonly Diagnostic[]): string[] {
  return [...new Set(diagnostics.filter(({ severity }) => severity === 'error').map(({ rule }) => rule))].sort()
}

/** `line:column rule` of a text. */
export async function places(text: string): Promise<string[]> {
  const { diagnostics } = await loadFlow(text)
  return diagnostics.map(({ rule, line, column }) => `${line}:${column} ${rule}`)
}
