// One case in a process of its own: prints what it took, as JSON.
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEngine } from '../../dist/engine/index.js'

const [mode, concurrency, count, kind] = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'fnflow-memory-'))
const body = kind === 'pass' ? { type: 'pass', params: { v: '$.item' } } : { type: 'function', function: kind, params: { v: '$.item' } }
const engine = await createEngine({
  ...(mode === 'express' ? { engine: 'express' } : { store: folder }),
  functions: { async: async ({ v }) => ({ v }), sync: ({ v }) => ({ v }) },
})
await engine.deploy({
  flow: 'loop',
  mode,
  start: 'each',
  nodes: { each: { type: 'loop', items: '$', concurrency: Number(concurrency), nodes: { n: body } } },
})
const { result } = await engine.run('loop', { id: 'x', input: Array.from({ length: Number(count) }, (_, at) => at) })
let records = 0
if (mode === 'standard') records = (await engine.nodes('x'))[0].iterations.succeeded
await engine.close()
console.log(
  JSON.stringify({
    right: result.length === Number(count) && result.every(({ v }, at) => v === at),
    records,
    bytes: mode === 'standard' ? statSync(join(folder, 'fnflow.db')).size : 0,
    peakMb: Math.round(process.resourceUsage().maxRSS / 1024),
  }),
)
rmSync(folder, { recursive: true })
