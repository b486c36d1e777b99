import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { firstLine, fnflow, folderWith, ROOT } from '../../cli/support.ts'
import { until } from '../../engine/calls.ts'
import { needServices } from '../../services/need.ts'
import { Lab, unique } from './lab.ts'

const { kafka } = needServices('kafka')
const lab = new Lab(kafka)

it('examples/kafka-orders does what its README says', { timeout: 60_000 }, async () => {
  const folder = folderWith()
  // the same on a broker that others use
  const topic = await lab.topic()
  const definition = readFileSync(join(ROOT, 'examples/kafka-orders/flow.yaml'), 'utf8')
  const flow = definition.replace('topics: [orders]', `topics: [${topic}]`).replace('fnflow-orders', unique('group'))
  const config = readFileSync(join(ROOT, 'examples/kafka-orders/fnflow.yaml'), 'utf8').replace('localhost:9092', kafka)
  writeFileSync(join(folder, 'flow.yaml'), flow)
  writeFileSync(join(folder, 'fnflow.yaml'), `${config}store: ./data\n`)
  const running = fnflow(['serve', '--config', join(folder, 'fnflow.yaml'), '--json', '--port', '0'], { cwd: folder })
  try {
    const { address } = JSON.parse(await firstLine(running)) as { address: string }
    const ask = async (path: string): Promise<any> => (await fetch(address + path)).json()
    await lab.write(topic, [
      { key: 'mia', value: '{"id": "18", "amount": 5000}' },
      { key: 'mia', value: '{"id": "19", "amount": 0}' },
      { key: 'tom', value: 'no JSON' },
      { key: 'tom', value: '{"id": "20", "amount": 70}' },
    ])
    await until(async () => (await ask('/v1/triggers/kafka-orders/orders')).counts.started === 2, 'the executions')
    expect(await ask('/v1/triggers/kafka-orders/orders')).toMatchObject({
      type: 'kafka',
      state: 'running',
      lag: 0,
      counts: { started: 2, filtered: 1, skipped: 1 },
    })
    await until(async () => (await ask('/v1/executions?status=succeeded')).items.length === 2, 'their ends')
    const { items } = await ask('/v1/executions')
    const outputs = await Promise.all(items.map(async ({ id }: { id: string }) => (await ask(`/v1/executions/${id}`)).output))
    expect(outputs).toEqual(
      expect.arrayContaining([
        { order: '18', customer: 'mia', state: 'in review' },
        { order: '20', customer: 'tom', state: 'accepted' },
      ]),
    )
    expect((await ask('/readyz')).dependencies).toMatchObject({ 'connection main': { state: 'ok', required: false } })
  } finally {
    running.child.kill('SIGTERM')
    await running
  }
})
