/**
 * The process that the kill test kills: an engine on a store, with a flow for each record of one topic and one for batches of another. Prints how
 * many executions each has started in this life, again and again.
 *
 * Usage: node killed-child.ts <store> <host:port> <topic> <topic of batches> <group>
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine } from '../../../engine/api.ts'

const { createEngine } = (await import(new URL('../../../dist/engine/index.js', import.meta.url).href)) as {
  createEngine: (options: object) => Promise<Engine>
}
const [store, address, singles, batches, groupId] = process.argv.slice(2) as [string, string, string, string, string]
const kafka = { type: 'kafka', connection: 'main', from: 'earliest', maxInFlight: 50 }
const engine = await createEngine({ store, connections: { main: { kind: 'kafka', brokers: [address], sessionTimeout: '3s' } } })
const flow = (name: string, trigger: object) => ({
  flow: name,
  triggers: [{ name: 'in', ...kafka, ...trigger }],
  start: 'work',
  nodes: { work: { type: 'pass' } },
})
await engine.deploy(flow('single', { topics: [singles], groupId: `${groupId}-single` }))
await engine.deploy(flow('batched', { topics: [batches], groupId: `${groupId}-batched`, batch: { size: 20, window: 0.2 } }))
let first: number[] | undefined
for (;;) {
  const both = [await engine.triggers.get('single', 'in'), await engine.triggers.get('batched', 'in')]
  const started = both.map(({ counts }) => counts.started)
  first ??= started
  const [line] = [started.map((count, at) => count - first![at]!)]
  const states = both.map(({ state, lag, error }) => `${state} ${lag} ${error?.message ?? ''}`)
  process.stdout.write(`${JSON.stringify({ started: line, lag: both.map(({ lag }) => lag), states })}\n`)
  await sleep(25)
}
