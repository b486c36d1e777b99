/**
 * Registries for a test file:
 *
 *     const lab = registryLab()              // at the top of the file: a database of its own
 *     const registry = await lab.open()      // in a test; scope of its own, closed after the test
 */
import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { afterEach, beforeAll, expect } from 'vitest'
import type { FlowMode, Plan } from '../../../../dsl/plan.ts'
import { Registry, type RegistryOptions } from '../../../../engine/temporal/registry/registry.ts'
import type { EndedRecord, StoredFlow } from '../../../../engine/temporal/registry/types.ts'
import { needServices } from '../../../services/need.ts'
import { newDatabase } from '../services.ts'

export interface RegistryLab {
  /** Of the file's database. */
  url(): string
  /** Opens one in a scope of its own, unless told otherwise. */
  open(options?: Partial<RegistryOptions>): Promise<Registry>
  /** Closed after the test as well. */
  keep(registry: Registry): Registry
  /** Runs a statement beside the registries. */
  sql<Row extends object>(text: string, values?: readonly unknown[], url?: string): Promise<Row[]>
}

export function registryLab(): RegistryLab {
  needServices('postgres')
  let database = ''
  const opened: Registry[] = []
  beforeAll(async () => {
    database = await newDatabase()
  })
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((registry) => registry.close()))
  })
  const keep = (registry: Registry): Registry => {
    opened.push(registry)
    return registry
  }
  return {
    url: () => database,
    keep,
    open: async (options) => keep(await Registry.open({ url: database, scope: randomBytes(6).toString('hex'), ...options })),
    sql: (text, values = [], url = database) => withClient(url, async (client) => (await client.query(text, [...values])).rows as never),
  }
}

/** Deploys a flow whose plan is no real one. */
export async function deployFlow(
  registry: Registry,
  { name, hash, mode, planText }: { readonly name: string; readonly hash: string; readonly mode: FlowMode; readonly planText: string },
): Promise<void> {
  const plan = JSON.parse(planText) as Plan
  // what is stored is the plan's JSON, and its mode
  const shown = typeof plan === 'object' ? { ...plan, mode } : Object.assign(Object(plan) as Plan, { mode })
  const source = { text: planText, json: planText, format: 'json', etag: hash } as const
  const put = await registry.catalogue.put(
    { name, hash, version: 'latest', plan: shown, prepared: null as never, warnings: [], source },
    {},
  )
  expect(put).toBeDefined()
}

/** What a start would take. */
export async function storedFlow(registry: Registry, name: string): Promise<StoredFlow | undefined> {
  const [target] = await registry.catalogue.targets(name, undefined)
  if (target === undefined) return undefined
  const { weight: _weight, held: _held, ...flow } = target
  return flow
}

export async function withClient<Result>(url: string, use: (client: Client) => Promise<Result>): Promise<Result> {
  const client = new Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

/** Ends the connections of registries to the database, and waits until the server has. */
export async function endConnections(lab: RegistryLab): Promise<void> {
  const others = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'fnflow'"
  await lab.sql(`SELECT pg_terminate_backend(pid, 10000) ${others}`)
}

/** A record with the least in it. */
export function ended(id: string, more: Partial<EndedRecord> = {}): EndedRecord {
  return {
    id,
    runId: `run-of-${id}`,
    flow: 'orders',
    version: 'latest',
    hash: 'abc',
    mode: 'standard',
    core: 3,
    status: 'succeeded',
    startedAt: 1_700_000_000_000,
    endedAt: 1_700_000_001_000,
    depth: 0,
    input: null,
    output: null,
    ...more,
  }
}
