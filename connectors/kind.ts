/** What the engine and a kind of connector are to each other. */
import type { PlanTriggerOf, TriggerKind } from '../dsl/plan.ts'
import type { Channel } from './channels/contract.ts'
import type { BrokerChannelOptions } from './channels/options.ts'
import type { ConnectionOptions } from './connections.ts'
import type { Backoff } from './triggers/backoff.ts'
import type { TriggerHost, TriggerSource } from './triggers/contract.ts'

/** What a kind of connector gets of the engine, once. */
export interface KindServices {
  /** The connection of that name, if it is of this kind. */
  connection<K extends ConnectionOptions['kind']>(kind: K, name: string): Extract<ConnectionOptions, { kind: K }> | undefined
  /** IANA name. */
  readonly timezone: string
  /** Pauses between attempts; tests have short ones. */
  backoff(): Backoff
  log(text: string): void
  /** Aborted when the engine closes, before sources are stopped: what waits for a broker gives up. */
  readonly closed: AbortSignal
}

export interface ConnectionHealth {
  readonly state: 'ok' | 'failed'
  /** The broker's own words. */
  readonly reason?: string
}

/**
 * A kind of connector, with its driver loaded. Its folder's `index.ts` exports a function from {@link KindServices} to it.
 *
 * Order of ends: sources first, then channels (executions that still run may publish), then `close`.
 */
export interface ConnectorKind<K extends TriggerKind = TriggerKind> {
  /** Makes the source of a trigger; connects when it is started. */
  source(trigger: PlanTriggerOf<K>, host: TriggerHost): TriggerSource
  /** Makes an event channel over a connection of this kind; connects when it first publishes. */
  channel?(name: string, options: BrokerChannelOptions): Channel
  /** The connections in use, by name, as they are now. */
  health?(): ReadonlyMap<string, ConnectionHealth>
  /** Ends what sources and channels share. */
  close?(): Promise<void>
}
