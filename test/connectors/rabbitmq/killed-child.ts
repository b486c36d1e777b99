/**
 * The process that the kill test kills: an engine on a store, with a flow for each message of one queue and one for batches of another. Prints how
 * much each has started, all lives together, and how many messages wait, again and again.
 *
 * Usage: node killed-child.ts <store> <amqp URL> <queue> <queue of batches> <size of batches>
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine } from '../../../engine/api.ts'

const { createEngine } = (await import(new URL('../../../dist/engine/index.js', import.meta.url).href)) as {
  createEngine: (options: object) => Promise<Engine>
}
const [store, url, singles, batches, size] = process.argv.slice(2) as [string, string, string, string, string]
const engine = await createEngine({ store, connections: { mq: { kind: 'rabbitmq', url } } })
const flow = (name: string, trigger: object) => ({
  flow: name,
  triggers: [{ type: 'rabbitmq', name: 'in', connection: 'mq', ...trigger }],
  start: 'work',
  nodes: { work: { type: 'pass' } },
})
await engine.deploy(flow('single', { queue: singles, maxInFlight: 50 }))
await engine.deploy(flow('batched', { queue: batches, prefetch: 60, batch: { size: Number(size), window: '200ms' } }))
for (;;) {
  const both = [await engine.triggers.get('single', 'in'), await engine.triggers.get('batched', 'in')]
  const states = both.map(({ state, error }) => `${state} ${error?.message ?? ''}`)
  process.stdout.write(`${JSON.stringify({ counts: both.map(({ counts }) => counts), states })}\n`)
  await sleep(25)
}
