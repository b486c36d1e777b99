/**
 * The process that kill tests of triggers kill: an engine of the built package on a store, with the lines connector of the examples, and one flow
 * whose trigger reads a file.
 *
 * Usage: node trigger-child.ts <store> <file> <batch>
 */
import type { Engine } from '../../engine/api.ts'
import type { OwnConnector } from '../../connectors/own.ts'

const root = new URL('../../', import.meta.url)
const { createEngine } = (await import(new URL('dist/engine/index.js', root).href)) as {
  createEngine: (options: object) => Promise<Engine>
}
const { linesConnector } = (await import(new URL('examples/own-connector/lines-connector.mjs', root).href)) as {
  linesConnector: OwnConnector
}
const [store, path, batch] = process.argv.slice(2) as [string, string, string]

const engine = await createEngine({ store })
engine.registerConnector('lines', linesConnector)
await engine.deploy({
  flow: 'f',
  triggers: [
    {
      type: 'custom',
      name: 't',
      kind: 'lines',
      options: { path, from: 'earliest', batch: Number(batch) },
      input: { values: batch === '1' ? ['$.line.n'] : '$.lines[*].n' },
    },
  ],
  start: 'n',
  nodes: { n: { type: 'pass' } },
})
process.stdout.write('ready\n')
setInterval(() => undefined, 1000)
