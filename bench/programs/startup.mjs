// A user's whole program: import, engine, definition as an object, one flow in process. `cached` turns on Node's compile cache, the
// user's own choice; its folder is the second argument.
import { enableCompileCache } from 'node:module'

if (process.argv[2] === 'cached') enableCompileCache(process.argv[3])

const { createEngine } = await import('../../dist/engine/index.js')

const engine = await createEngine({ functions: { plus1: async ({ n }) => ({ n: n + 1 }) } })
await engine.deploy({ flow: 'first', mode: 'express', start: 'a', nodes: { a: { type: 'function', function: 'plus1' } } })
const output = await engine.run('first', { input: { n: 1 } })
if (output.n !== 2) throw new Error(`expected 2, not ${JSON.stringify(output)}`)
await engine.close()
