/** Connectors on real brokers, against bare consumers; see ../README.md. */
import type { Bench } from '../result.ts'
import { kafka } from './kafka.ts'
import { rabbitmq } from './rabbitmq.ts'

export const connectors: readonly Bench[] = [...kafka, ...rabbitmq]
