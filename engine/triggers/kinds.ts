import type { Channel } from '../../connectors/channels/contract.ts'
import type { BrokerChannelOptions } from '../../connectors/channels/options.ts'
import type { ConnectionOptions } from '../../connectors/connections.ts'
import { isSameCluster } from '../../connectors/kafka/connection.ts'
import { KINDS, type KindLoader, type KindTable } from '../../connectors/index.ts'
import type { ConnectionHealth, ConnectorKind, KindServices } from '../../connectors/kind.ts'
import { Backoff, type BackoffOptions } from '../../connectors/triggers/backoff.ts'
import type { TriggerConnector, TriggerHost, TriggerSource } from '../../connectors/triggers/contract.ts'
import type { PlanTrigger, TriggerKind } from '../../dsl/plan.ts'
import type { DependencyHealth } from '../observer.ts'
import { OwnConnectors } from './own-connectors.ts'

/** Connectors that take the place of the kinds' own: for tests. */
export type Connectors = { readonly [K in TriggerKind]?: TriggerConnector<K> }

/** What the kinds of connectors need of the engine. */
export interface KindsOptions {
  readonly connections: Readonly<Record<string, ConnectionOptions>>
  readonly timezone: string
  readonly closed: AbortSignal
  log(text: string): void
  readonly own?: Connectors
  readonly table?: KindTable
  readonly backoff?: BackoffOptions
}

/** The kinds of connectors of an engine, each loaded when it is first needed. */
export class ConnectorKinds {
  /** Those of others. */
  readonly own = new OwnConnectors()
  private readonly options: KindsOptions
  private readonly table: KindTable
  private readonly services: KindServices
  private readonly loading = new Map<TriggerKind, Promise<ConnectorKind>>()
  private readonly loaded = new Map<TriggerKind, ConnectorKind>()

  constructor(options: KindsOptions) {
    this.options = options
    this.table = options.table ?? KINDS
    const { timezone, closed, log } = options
    this.services = {
      connection: (kind, name) => {
        const found = Object.hasOwn(options.connections, name) ? options.connections[name] : undefined
        return found?.kind === kind ? (found as never) : undefined
      },
      timezone,
      closed,
      log,
      backoff: () => new Backoff(options.backoff),
    }
  }

  /** Whether there is a connector for a trigger. */
  has(trigger: PlanTrigger): boolean {
    if (trigger.type === 'custom') return this.own.has(trigger.kind)
    return this.options.own?.[trigger.type] !== undefined || this.table[trigger.type] !== undefined
  }

  hasConnection(name: string): boolean {
    return Object.hasOwn(this.options.connections, name)
  }

  /** Whether two connections lead to the same brokers, as far as that can be seen. */
  isSameConnection(one: string, other: string): boolean {
    if (one === other) return true
    const [first, second] = [this.services.connection('kafka', one), this.services.connection('kafka', other)]
    return first !== undefined && second !== undefined && isSameCluster(first, second)
  }

  /** Makes a source. Rejects where the driver cannot be loaded. */
  async source(trigger: PlanTrigger, host: TriggerHost): Promise<TriggerSource> {
    if (trigger.type === 'custom') return this.own.source(trigger, host)
    const own = this.options.own?.[trigger.type] as TriggerConnector | undefined
    return own === undefined ? (await this.kind(trigger.type)).source(trigger, host) : own(trigger, host)
  }

  /** Makes a channel over a connection. Rejects where there can be none. */
  async channel(name: string, options: BrokerChannelOptions): Promise<Channel> {
    const { kind } = this.options.connections[options.connection]!
    const { channel } = await this.kind(kind)
    if (channel === undefined) throw new Error(`there are no channels over connections of kind ${kind}`)
    return channel(name, options)
  }

  /** Connections in use: without one of them the engine goes on, with less. */
  health(): Readonly<Record<string, DependencyHealth>> {
    const all: Record<string, DependencyHealth> = {}
    for (const kind of this.loaded.values())
      for (const [name, health] of kind.health?.() ?? []) all[`connection ${name}`] = dependencyOf(health)
    return all
  }

  /** Behind the ends of sources and channels. */
  async close(): Promise<void> {
    const kinds = await Promise.allSettled(this.loading.values())
    await Promise.allSettled(kinds.map(async (kind) => (kind.status === 'fulfilled' ? kind.value.close?.() : undefined)))
  }

  private kind(name: TriggerKind): Promise<ConnectorKind> {
    let loading = this.loading.get(name)
    if (loading === undefined) {
      this.loading.set(name, (loading = this.load(name)))
      // the next one that needs it tries again
      loading.catch(() => this.loading.delete(name))
    }
    return loading
  }

  private async load(name: TriggerKind): Promise<ConnectorKind> {
    const loader = this.table[name] as KindLoader | undefined
    if (loader === undefined) throw new Error(`there is no connector of kind ${name}`)
    const kind = (await loader())(this.services)
    this.loaded.set(name, kind)
    return kind
  }
}

function dependencyOf({ state, reason }: ConnectionHealth): DependencyHealth {
  return { state, required: false, ...(reason === undefined ? {} : { reason }) }
}
