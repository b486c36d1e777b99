import { Client } from '@temporalio/client'
import type { PreparedPlan } from '../../dsl/core/prepare.ts'
import type { Plan } from '../../dsl/plan.ts'
import { EngineError } from '../errors.ts'
import type { FlowRegistry } from '../flow-registry.ts'
import { ClaimCheck } from './codec.ts'
import { connectTemporal, refusedBy, type AnyConnection } from './connect.ts'
import type { FoldServices } from './history.ts'
import type { ClusterOptions } from './options.ts'
import { PAYLOAD_CONVERTER } from './paths.ts'
import { PayloadReader } from './payloads.ts'
import { Registry } from './registry/registry.ts'

/** What a process has of a Temporal cluster: connection, client, and the database beside it. */
export class Cluster {
  readonly options: ClusterOptions
  readonly connection: AnyConnection
  readonly client: Client
  readonly registry: Registry
  readonly codec: ClaimCheck
  readonly payloads: PayloadReader
  private readonly scopes = new Map<string, Promise<Registry>>()

  private constructor(options: ClusterOptions, connection: AnyConnection, registry: Registry) {
    this.options = options
    this.connection = connection
    this.registry = registry
    this.codec = new ClaimCheck(registry.payloads, (hash) => this.planText(hash))
    this.payloads = new PayloadReader(this.codec)
    const { namespace } = options
    this.client = new Client({ connection, namespace, dataConverter: this.dataConverter })
    this.scopes.set(options.scope, Promise.resolve(registry))
  }

  /** Rejects with EngineError `temporal-unavailable`, `store-unusable`. */
  static async connect(options: ClusterOptions): Promise<Cluster> {
    const [connection, registry] = await Promise.allSettled([
      connectTemporal(options, options.worker !== null),
      Registry.open({
        url: options.store,
        scope: options.scope,
        ...(options.payloads === null ? {} : { payloadFolder: options.payloads }),
      }),
    ])
    if (connection.status === 'fulfilled' && registry.status === 'fulfilled') return new Cluster(options, connection.value, registry.value)
    if (connection.status === 'fulfilled') await connection.value.close()
    if (registry.status === 'fulfilled') await registry.value.close()
    throw connection.status === 'rejected' ? connection.reason : (registry as PromiseRejectedResult).reason
  }

  get dataConverter(): { readonly payloadConverterPath: string; readonly payloadCodecs: ClaimCheck[] } {
    return { payloadConverterPath: PAYLOAD_CONVERTER, payloadCodecs: [this.codec] }
  }

  /** The registry of another scope of the same database. */
  scoped(scope: string): Promise<Registry> {
    let registry = this.scopes.get(scope)
    if (registry === undefined) {
      registry = this.registry.scoped(scope)
      this.scopes.set(scope, registry)
      // tried again by whoever asks next
      registry.catch(() => this.scopes.delete(scope))
    }
    return registry
  }

  /** The text of a plan. Rejects with EngineError `store-unusable` where it is gone. */
  async planText(hash: string): Promise<string> {
    const text = await this.registry.plan(hash)
    if (text === undefined)
      throw new EngineError('store-unusable', `the plan ${hash} is not in the database; restore it from a backup, or deploy the flow again`)
    return text
  }

  /** For folds of histories: plans by way of the engine's cache. */
  foldServices(flows: FlowRegistry): FoldServices {
    return { payloads: this.payloads, prepared: async (hash) => (await this.planOf(hash, flows)).prepared }
  }

  async planOf(hash: string, flows: FlowRegistry): Promise<{ readonly plan: Plan; readonly prepared: PreparedPlan }> {
    return flows.cached(hash) ?? flows.byHash(hash, { flow: '', version: 'latest' }, await this.textReader(hash))
  }

  /** Makes a call of Temporal; what it rejects with is an EngineError. */
  async ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call()
    } catch (error) {
      throw refusedBy(error, this.options)
    }
  }

  /** Rejects if Temporal's server does not answer in time. */
  async ping(ms: number): Promise<void> {
    const { namespace } = this.options
    await this.client.withDeadline(Date.now() + ms, () => this.client.workflowService.describeNamespace({ namespace }))
  }

  async close(): Promise<void> {
    await this.connection.close().catch(() => undefined)
    await this.registry.close()
  }

  private async textReader(hash: string): Promise<() => string> {
    const text = await this.planText(hash)
    return () => text
  }
}
