import type { Engine, EngineOptions } from './api.ts'
import { EngineError } from './errors.ts'
import { LocalEngine } from './local-engine.ts'

const KNOWN_OPTIONS: ReadonlySet<string> = new Set([
  'engine',
  'store',
  'functions',
  'executors',
  'channels',
  'retentionMs',
  'publicUrl',
  'onLog',
  'onCallback',
])

/**
 * Makes an engine. With `store` naming a folder, what was left there goes on at once.
 * Throws EngineError: `bad-option`, `store-locked`, `store-unusable`.
 */
export async function createEngine(options: EngineOptions = {}): Promise<Engine> {
  for (const key of Object.keys(options)) {
    if (!KNOWN_OPTIONS.has(key))
      throw new EngineError('bad-option', `createEngine has no option ${key}; it has ${[...KNOWN_OPTIONS].join(', ')}`)
  }
  if (options.engine !== undefined && options.engine !== 'embedded' && options.engine !== 'express') {
    throw new EngineError('bad-option', `engine must be embedded or express, not ${String(options.engine)}`)
  }
  return LocalEngine.open(options)
}
