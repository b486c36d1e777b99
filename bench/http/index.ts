/** The HTTP API over sockets, against bare fastify routes or a limit; see ../README.md. */
import type { Bench } from '../result.ts'
import { list } from './list.ts'
import { throughput } from './throughput.ts'
import { waiting } from './waiting.ts'

export const http: readonly Bench[] = [...throughput, ...waiting, ...list]
