import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { createEngine } from '../../../engine/index.ts'
import { pause, until } from '../../engine/calls.ts'
import { needServices } from '../../services/need.ts'
import { Lab, unique } from './lab.ts'

const { kafka } = needServices('kafka')
const lab = new Lab(kafka)

const RECORDS = 16_000
const EACH_BYTES = 10_000
/** Half of what waits: whoever took it in would need more. */
const MOST_GROWTH = (RECORDS * EACH_BYTES) / 2
const IN_FLIGHT = 20
const MEGABYTE = 1024 * 1024

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What is in use, and not what the allocator keeps. */
async function memory(): Promise<number> {
  collect()
  // buffers are let go in the next turns
  await pause(20)
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

it(
  'a flow that is slower than its source leaves at the broker what it cannot take, and takes no memory for it',
  { timeout: 180_000 },
  async () => {
    const topic = await lab.topic(4)
    const text = 'x'.repeat(EACH_BYTES)
    for (let at = 0; at < RECORDS; at += 400)
      await lab.write(
        topic,
        Array.from({ length: 400 }, (_, n) => ({ partition: (at / 400) % 4, value: JSON.stringify({ n: at + n, text }) })),
      )
    const store = mkdtempSync(join(tmpdir(), 'fnflow-slow-'))
    const engine = await createEngine({ store, connections: { main: { kind: 'kafka', brokers: [kafka] } }, onLog: () => undefined })
    const before = await memory()
    const groupId = unique('group')
    await engine.deploy({
      flow: 'slow',
      triggers: [{ type: 'kafka', name: 'in', connection: 'main', topics: [topic], groupId, from: 'earliest', maxInFlight: IN_FLIGHT }],
      start: 'a',
      nodes: { a: { type: 'wait', seconds: 0.05, output: '$.event_time' } },
    })
    const look = () => engine.triggers.get('slow', 'in')
    const growths: number[] = []
    for (const started of [200, 1000, 1800, 2600]) {
      await until(async () => (await look()).counts.started >= started, `${started} starts`)
      const { inFlight, lag, counts } = await look()
      expect(inFlight).toBeLessThanOrEqual(IN_FLIGHT)
      // what is not started waits, and is not told to be handled
      expect(lag).toBeGreaterThan(RECORDS / 2)
      expect(lag + counts.started).toBeLessThanOrEqual(RECORDS + 4 * IN_FLIGHT)
      growths.push(((await memory()) - before) / MEGABYTE)
    }
    for (const growth of growths) expect(growth, `MB more: ${growths.join(', ')}`).toBeLessThan(MOST_GROWTH / MEGABYTE)
    // and it does not grow with what has been started
    expect(growths[3]! - growths[1]!, `MB more: ${growths.join(', ')}`).toBeLessThan(MOST_GROWTH / 4 / MEGABYTE)
    expect(await look()).toMatchObject({ counts: { lost: 0, skipped: 0, deduplicated: 0 } })
    const committed = Object.values(await lab.committed(groupId, topic)).reduce((sum, offset) => sum + Math.max(0, offset), 0)
    expect(committed).toBeLessThanOrEqual((await look()).counts.started)
    await engine.close()
    rmSync(store, { recursive: true, force: true })
  },
)
