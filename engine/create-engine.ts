import type { Engine, EngineOptions } from './api.ts'
import { EngineError } from './errors.ts'
import { checkKeys } from './intake.ts'
import { LocalEngine } from './local-engine.ts'

const KNOWN_OPTIONS: ReadonlySet<string> = new Set([
  'engine',
  'store',
  'temporal',
  'functions',
  'executors',
  'channels',
  'outbound',
  'retentionMs',
  'limits',
  'publicUrl',
  'onLog',
  'onCallback',
])

/**
 * Makes an engine. With `store` naming a folder, what was left there goes on at once.
 * Throws EngineError: `bad-option`, `store-locked`, `store-unusable`, `temporal-unavailable`.
 */
export async function createEngine(options: EngineOptions = {}): Promise<Engine> {
  checkKeys(options, KNOWN_OPTIONS, 'createEngine')
  const { engine, store, retentionMs, publicUrl } = options
  if (engine !== undefined && engine !== 'embedded' && engine !== 'express' && engine !== 'temporal')
    throw new EngineError('bad-option', `engine must be embedded, express or temporal, not ${String(engine)}`)
  if (options.temporal !== undefined && engine !== 'temporal')
    throw new EngineError('bad-option', 'the option temporal goes with engine: temporal')
  if (store !== undefined && (typeof store !== 'string' || store === '' || store.includes('\0')))
    throw new EngineError('bad-option', 'store must be the path of a folder, or :memory:')
  if (retentionMs !== undefined && !(typeof retentionMs === 'number' && retentionMs >= 0))
    throw new EngineError('bad-option', `retentionMs must be a number of milliseconds from 0, not ${String(retentionMs)}`)
  if (publicUrl !== undefined && typeof publicUrl !== 'string') throw new EngineError('bad-option', 'publicUrl must be a text')
  for (const name of ['onLog', 'onCallback'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'function')
      throw new EngineError('bad-option', `${name} must be a function`)
  }
  for (const name of ['functions', 'executors', 'channels'] as const) checkTable(name, options[name])
  await checkOutbound(options.outbound)
  return LocalEngine.open(options)
}

async function checkOutbound(outbound: EngineOptions['outbound']): Promise<void> {
  if (outbound === undefined) return
  checkKeys(outbound, new Set(['allowPrivate']), 'outbound')
  const { allowPrivate = [] } = outbound
  if (!Array.isArray(allowPrivate) || !allowPrivate.every((entry) => typeof entry === 'string'))
    throw new EngineError('bad-option', 'outbound.allowPrivate must be a list of hosts, addresses and networks, such as 10.0.0.0/8')
  if (allowPrivate.length === 0) return
  const { AllowList } = await import('../executors/outbound/addresses.ts')
  try {
    new AllowList(allowPrivate)
  } catch (error) {
    throw new EngineError('bad-option', `outbound.allowPrivate: ${(error as Error).message}`)
  }
}

/** What a table of options holds, in words, and what is fit for it. */
const TABLES = {
  functions: ['a handler or a specification', (value: unknown) => typeof value === 'function' || isSpec(value)],
  executors: ['a function that makes an executor', (value: unknown) => typeof value === 'function'],
  channels: ['{ kind }', (value: unknown) => typeof (value as { kind?: unknown } | null)?.kind === 'string'],
} as const

function checkTable(name: keyof typeof TABLES, table: object | undefined): void {
  if (table === undefined) return
  if (typeof table !== 'object' || table === null) throw new EngineError('bad-option', `${name} must be an object`)
  const [expected, fits] = TABLES[name]
  for (const [key, value] of Object.entries(table)) {
    if (!fits(value)) throw new EngineError('bad-option', `${name}: ${key} must be ${expected}`)
  }
}

function isSpec(value: unknown): boolean {
  const { app, name, runtime, handler } = (value ?? {}) as { readonly [key: string]: unknown }
  return [app, name, runtime, handler].every((part) => typeof part === 'string')
}
