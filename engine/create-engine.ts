import { checkConnection, type ConnectionOptions } from '../connectors/connections.ts'
import { WrongOption } from '../connectors/wrong-option.ts'
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
  'functionSecrets',
  'channels',
  'connections',
  'timezone',
  'jwt',
  'triggers',
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
  if (options.triggers !== undefined && typeof options.triggers !== 'boolean')
    throw new EngineError('bad-option', 'triggers must be true or false')
  if (publicUrl !== undefined && typeof publicUrl !== 'string' && typeof publicUrl !== 'function')
    throw new EngineError('bad-option', 'publicUrl must be a text, or a function that returns one')
  for (const name of ['onLog', 'onCallback'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'function')
      throw new EngineError('bad-option', `${name} must be a function`)
  }
  for (const name of ['functions', 'executors', 'channels', 'connections'] as const) checkTable(name, options[name])
  const connections = takeConnections(options.connections ?? {})
  checkTimezone(options.timezone)
  checkIssuer(options.jwt)
  checkNames(options.functionSecrets)
  await checkOutbound(options.outbound)
  return LocalEngine.open({ ...options, connections })
}

function takeConnections(connections: Readonly<Record<string, unknown>>): Record<string, ConnectionOptions> {
  const taken: Record<string, ConnectionOptions> = {}
  for (const [name, given] of Object.entries(connections)) {
    try {
      taken[name] = checkConnection(given)
    } catch (error) {
      if (!(error instanceof WrongOption)) throw error
      throw new EngineError('bad-option', `connection ${[name, ...error.at].join('.')}: ${error.message}`)
    }
  }
  return taken
}

function checkIssuer(jwt: unknown): void {
  if (jwt === undefined) return
  const { issuer, audience, jwksUrl } = (jwt ?? {}) as { readonly [key: string]: unknown }
  const fits = [issuer, audience].every((part) => typeof part === 'string' && part !== '')
  if (!fits || typeof jwksUrl !== 'string' || !/^https?:\/\/[^\s/?#]+/.test(jwksUrl) || !URL.canParse(jwksUrl))
    throw new EngineError('bad-option', 'jwt must be { issuer, audience, jwksUrl }, texts, the last one a URL')
}

function checkTimezone(timezone: unknown): void {
  if (timezone === undefined) return
  try {
    // offsets are no names, though Intl takes them
    if (typeof timezone !== 'string' || !/^[A-Za-z]/.test(timezone)) throw new RangeError()
    new Intl.DateTimeFormat('en', { timeZone: timezone })
  } catch {
    throw new EngineError('bad-option', 'timezone must be the name of a time zone, such as UTC or Europe/Berlin')
  }
}

function checkNames(names: EngineOptions['functionSecrets']): void {
  if (names === undefined || (Array.isArray(names) && names.every((name) => typeof name === 'string'))) return
  throw new EngineError('bad-option', 'functionSecrets must be a list of names of environment variables')
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
  channels: ['{ kind } or { connection }', (value: unknown) => hasText(value, 'kind') || hasText(value, 'connection')],
  connections: ['{ kind }', (value: unknown) => hasText(value, 'kind')],
} as const

function checkTable(name: keyof typeof TABLES, table: object | undefined): void {
  if (table === undefined) return
  if (typeof table !== 'object' || table === null) throw new EngineError('bad-option', `${name} must be an object`)
  const [expected, fits] = TABLES[name]
  for (const [key, value] of Object.entries(table)) {
    if (!fits(value)) throw new EngineError('bad-option', `${name}: ${key} must be ${expected}`)
  }
}

function hasText(value: unknown, key: string): boolean {
  return typeof (value as { readonly [key: string]: unknown } | null)?.[key] === 'string'
}

function isSpec(value: unknown): boolean {
  const { app, name, runtime, handler } = (value ?? {}) as { readonly [key: string]: unknown }
  return [app, name, runtime, handler].every((part) => typeof part === 'string')
}
