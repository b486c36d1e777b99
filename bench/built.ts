import { existsSync } from 'node:fs'
import type * as EngineModule from '../engine/index.ts'
import type * as JsonPathModule from '../dsl/jsonpath/index.ts'

/** The built package is what users run, so it is what is measured; types come from the sources. */
export const BUILT = new URL('../dist/', import.meta.url)

export function isBuilt(): boolean {
  return existsSync(new URL('engine/index.js', BUILT))
}

export async function builtEngine(): Promise<typeof EngineModule> {
  return (await import(new URL('engine/index.js', BUILT).href)) as typeof EngineModule
}

export async function builtJsonPath(): Promise<typeof JsonPathModule> {
  return (await import(new URL('dsl/jsonpath/index.js', BUILT).href)) as typeof JsonPathModule
}
