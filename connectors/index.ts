/** The kinds of connectors that come with the engine. */
import type { TriggerKind } from '../dsl/plan.ts'
import type { ConnectorKind, KindServices } from './kind.ts'

/** Loads a kind's driver, when the first trigger or channel of that kind is there. */
export type KindLoader<K extends TriggerKind = TriggerKind> = () => Promise<(services: KindServices) => ConnectorKind<K>>

export type KindTable = { readonly [K in TriggerKind]?: KindLoader<K> }

/** One line for each folder. */
export const KINDS: KindTable = {
  kafka: async () => (await import('./kafka/index.ts')).openKafka,
  timer: async () => (await import('./timer/index.ts')).openTimer,
  rabbitmq: async () => (await import('./rabbitmq/index.ts')).openRabbitmq,
}
