// One loop in a fresh process. Arguments: express | standard, items, concurrency, folder of the store. Prints { peakMb, ms } as JSON.
import { createEngine } from '../../dist/engine/index.js'
import { peakMb } from './peak.mjs'

const [mode, count, concurrency, folder] = process.argv.slice(2)
const engine = await createEngine({
  ...(mode === 'express' ? { engine: 'express' } : { store: folder }),
  functions: { f1: async ({ n }) => ({ n: n + 1 }), f2: async ({ n }) => ({ n: n + 1 }) },
})
await engine.deploy({
  flow: 'loop',
  mode,
  start: 'each',
  nodes: {
    each: {
      type: 'loop',
      items: '$.items',
      concurrency: Number(concurrency),
      start: 'f1',
      nodes: { f1: { type: 'function', function: 'f1', params: { n: '$.item' }, next: 'f2' }, f2: { type: 'function', function: 'f2' } },
    },
  },
})
const items = Array.from({ length: Number(count) }, (_, i) => i)
const start = performance.now()
const { result } = await engine.run('loop', { input: { items } })
const ms = performance.now() - start
if (result.length !== items.length || result.at(-1).n !== items.length + 1) throw new Error('the loop gave something else')
await engine.close()
console.log(JSON.stringify({ peakMb: peakMb(), ms }))
