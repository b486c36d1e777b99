/**
 * The process that the kill test kills: a server on a cluster, with a flow for each message and one for batches, of Kafka and of RabbitMQ.
 *
 * Usage: node killed-child.ts <ChildOptions as JSON>
 */
import type { Engine, EngineOptions } from '../../engine/api.ts'

export interface ChildOptions {
  readonly address: string
  readonly namespace: string
  readonly store: string
  /** host:port */
  readonly kafka: string
  readonly rabbitmq: string
  /** Of records, and of batches of them. */
  readonly topics: readonly [string, string]
  readonly groupId: string
  readonly queues: readonly [string, string]
}

/** The flows, in the order of the topics and then of the queues. */
export const FLOWS = ['records', 'record-batches', 'messages', 'message-batches'] as const
/** Of batches. */
export const SIZE = 10

async function serve({ address, namespace, store, kafka, rabbitmq, topics, groupId, queues }: ChildOptions): Promise<void> {
  const { createEngine } = (await import(new URL('../../dist/engine/index.js', import.meta.url).href)) as {
    createEngine: (options: EngineOptions) => Promise<Engine>
  }
  const engine = await createEngine({
    engine: 'temporal',
    store,
    temporal: { address, namespace, taskQueue: 'killed', worker: {} },
    connections: { main: { kind: 'kafka', brokers: [kafka], sessionTimeout: '1s' }, mq: { kind: 'rabbitmq', url: rabbitmq } },
  })
  const batch = { size: SIZE, window: '200ms' }
  const fromKafka = { type: 'kafka', name: 'in', connection: 'main', from: 'earliest', maxInFlight: 30 }
  const fromRabbitmq = { type: 'rabbitmq', name: 'in', connection: 'mq', maxInFlight: 30 }
  const triggers = [
    { ...fromKafka, topics: [topics[0]], groupId: `${groupId}-records` },
    { ...fromKafka, topics: [topics[1]], groupId: `${groupId}-batches`, batch },
    { ...fromRabbitmq, queue: queues[0] },
    { ...fromRabbitmq, queue: queues[1], batch },
  ]
  for (const [at, flow] of FLOWS.entries())
    await engine.deploy({ flow, triggers: [triggers[at]], start: 'work', nodes: { work: { type: 'pass' } } })
  process.stdout.write('ready\n')
}

const [options] = process.argv.slice(2)
if (import.meta.main) await serve(JSON.parse(options!) as ChildOptions)
