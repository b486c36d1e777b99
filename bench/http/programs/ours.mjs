/** The server under test: an embedded engine and its HTTP API, as `fnflow serve` has them. `node ours.mjs <store> <definitions as JSON>` */
import { readFileSync } from 'node:fs'
import { createEngine } from '../../../dist/engine/index.js'
import { createServer } from '../../../dist/engine/http/server.js'
import { HANDLERS } from '../../workloads.ts'
import { cpuMs, serveParent } from './child.mjs'

const [, , store, definitions] = process.argv
const began = performance.now()
const functions = { ...Object.fromEntries(HANDLERS), ask: async () => null }
const engine = await createEngine({ store, functions })
for (const definition of JSON.parse(definitions)) await engine.deploy(definition)
const app = await createServer({ engine })
const address = await app.listen({ host: '127.0.0.1', port: 0 })
const upMs = performance.now() - began

serveParent(async ({ what, count }) => {
  switch (what) {
    case 'address':
      return { address, upMs }
    case 'cpu':
      return cpuMs()
    case 'memory':
      return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? process.memoryUsage.rss() / 1024) / 1024
    case 'wait':
      return startWaiting(count)
    case 'close':
      await app.close()
      await engine.close()
      return null
  }
})

/** Starts executions that wait for a callback, and resolves when all of them do. */
async function startWaiting(count) {
  for (let at = 0; at < count; at += 500)
    await Promise.all(Array.from({ length: Math.min(500, count - at) }, (_, i) => engine.start('waits', { input: { n: at + i } })))
  // the last ones' function has yet to return
  for (;;) {
    const { items } = await engine.list({ flow: 'waits', limit: 1 })
    const nodes = await engine.nodes(items[0].id)
    if (nodes[0]?.status === 'waiting' || nodes[0]?.status === 'running') break
  }
  await new Promise((resolve) => setTimeout(resolve, 1000))
  return null
}
