import { kafka } from './kafka.ts'
import { postgres } from './postgres.ts'
import { rabbitmq } from './rabbitmq.ts'
import { temporal } from './temporal.ts'

/** All services. A new one is its file and its line here (and in compose.yaml, which a test compares with this). */
export const SERVICES = { temporal, postgres, rabbitmq, kafka }

export type ServiceName = keyof typeof SERVICES

export const SERVICE_NAMES = Object.keys(SERVICES) as readonly ServiceName[]

/** What each service may be told when it is started. */
export type OptionsOf<Name extends ServiceName> = Parameters<(typeof SERVICES)[Name]['launch']>[2]
