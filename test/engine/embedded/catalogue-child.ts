/** The process that the test of deletions kills: deletes by force a flow of which many executions run. Usage: node catalogue-child.ts <store> <count> */
import type { Engine } from '../../../engine/api.ts'

const { createEngine } = (await import(new URL('../../../dist/engine/index.js', import.meta.url).href)) as {
  createEngine: (options: object) => Promise<Engine>
}
const [store, count] = process.argv.slice(2) as [string, string]

const engine = await createEngine({ store, functions: { ask: () => null } })
await engine.deploy({ flow: 'asks', start: 'a', nodes: { a: { type: 'callback', function: 'ask' } } })
await engine.catalogue.publish('asks')
await engine.catalogue.setAlias('asks', 'prod', { version: '1' })
await Promise.all(Array.from({ length: Number(count) }, () => engine.start('asks:prod')))
console.log('ready')
await engine.catalogue.remove('asks', { force: true })
console.log('deleted')
await engine.close()
