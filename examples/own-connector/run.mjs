// Runs the flow for the lines of measurements.jsonl, those that are there and those that come. Usage: node run.mjs [store]
import { readFile } from 'node:fs/promises'
import { createEngine } from 'fnflow'
import { linesConnector } from './lines-connector.mjs'

const engine = await createEngine({ store: process.argv[2] ?? './data' })
engine.registerConnector('lines', linesConnector)
await engine.deploy(await readFile(new URL('./flow.yaml', import.meta.url), 'utf8'))

const told = new Set()
for (;;) {
  const { items } = await engine.list({ trigger: 'custom/lines', status: 'succeeded' })
  for (const { id } of items.reverse()) {
    if (told.has(id)) continue
    told.add(id)
    console.log(JSON.stringify(await engine.result(id)))
  }
  await new Promise((resolve) => setTimeout(resolve, 100))
}
