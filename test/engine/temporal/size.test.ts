import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createEngine } from '../../../engine/create-engine.ts'
import type { Engine, Execution } from '../../../engine/api.ts'
import { newDatabase, newNamespace, temporalServices } from './services.ts'

/** What no history may have (the server ends a workflow at five times that). */
const MOST_EVENTS = 10_000
const MOST_BYTES = 10 * 1024 * 1024
const MIB = 1024 * 1024

const { address } = temporalServices()
let engine: Engine
let client: Client

beforeAll(async () => {
  const namespace = await newNamespace()
  client = new Client({ connection: await Connection.connect({ address }), namespace })
  engine = await createEngine({
    engine: 'temporal',
    store: await newDatabase(),
    temporal: { address, namespace, taskQueue: 'size' },
    functions: {
      next: async ({ n }) => ({ n: n + 1 }),
      big: () => ({ text: 'x'.repeat(MIB - 20) }),
      echo: (event) => event,
      size: (event) => ({ bytes: JSON.stringify(event).length }),
    },
  })
}, 60_000)

afterAll(async () => {
  await engine?.close()
  await client?.connection.close()
})

/** Runs a flow to its end, and looks at its history and at those of its lanes. */
async function run(
  flow: { readonly flow: string } & object,
  input: object,
): Promise<{ execution: Execution; output: any; events: number; bytes: number; workflows: number }> {
  await engine.deploy(flow)
  const execution = await engine.start(flow.flow, { input: input as never })
  const output = await execution.result()
  let events = 0
  let bytes = 0
  let workflows = 0
  // visibility comes behind the history
  await expect
    .poll(async () => (await client.workflow.count(`WorkflowId = '${execution.id}' AND ExecutionStatus != 'Running'`)).count)
    .toBeGreaterThan(0)
  for await (const { workflowId, runId } of client.workflow.list({ query: `WorkflowId STARTS_WITH '${execution.id}'` })) {
    const { historyLength, historySize } = await client.workflow.getHandle(workflowId, runId).describe()
    events = Math.max(events, historyLength)
    bytes = Math.max(bytes, historySize ?? 0)
    workflows += 1
  }
  expect(events).toBeGreaterThan(0)
  expect(events).toBeLessThan(MOST_EVENTS)
  expect(bytes).toBeLessThan(MOST_BYTES)
  return { execution, output, events, bytes, workflows }
}

const loop = (flow: string, node: object, more: object = {}): { readonly flow: string } => ({
  flow,
  ...{
    start: 'each',
    nodes: {
      each: {
        type: 'loop',
        items: '$.items',
        nodes: { f: { type: 'function', function: 'next', params: { n: '$.item' }, ...node } },
        ...more,
      },
    },
  },
})
const items = (count: number): object => ({ items: Array.from({ length: count }, (_, at) => at) })
const incremented = (count: number): object => ({ result: Array.from({ length: count }, (_, at) => ({ n: at + 1 })) })

describe('large loops', () => {
  it('100,000 items of a short function are done in batches', { timeout: 180_000 }, async () => {
    const { output, workflows, execution } = await run(loop('batches', { timeout: 5 }), items(100_000))
    expect(output).toEqual(incremented(100_000))
    expect(workflows).toBe(1)
    const records = await engine.nodes(execution.id, { iterations: 'each', offset: 99_998, limit: 5 })
    expect(records.map(({ place, status, input }) => ({ place, status, input }))).toEqual(
      [
        { place: 'each[99998]/f', status: 'succeeded', input: { items: undefined, item: 99_998 } },
        { place: 'each[99999]/f', status: 'succeeded', input: { items: undefined, item: 99_999 } },
      ].map((record) => ({ ...record, input: { item: record.input.item } })),
    )
  })

  it('items of any other function are done in lanes, with every iteration to be seen', { timeout: 180_000 }, async () => {
    const { output, workflows, execution } = await run(loop('lanes', {}), items(2500))
    expect(output).toEqual(incremented(2500))
    expect(workflows).toBe(4)
    expect(await engine.nodes(execution.id)).toMatchObject([
      { id: 'each', iterations: { total: 2500, succeeded: 2500, failed: 0, running: 0 } },
    ])
    const records = await engine.nodes(execution.id, { iterations: 'each', offset: 1998, limit: 4 })
    expect(records.map(({ place, output: out }) => [place, out])).toEqual(
      [1998, 1999, 2000, 2001].map((at) => [`each[${at}]/f`, { n: at + 1 }]),
    )
    // lanes are no executions of their own
    expect((await engine.list({ flow: 'lanes' })).items).toHaveLength(1)
    await expect(engine.describe(`${execution.id}~each[0]#1/$range#1`)).rejects.toThrow('no execution')
  })

  it('one at a time they keep their order, and an iteration that fails ends the loop with its error', { timeout: 120_000 }, async () => {
    const seen: number[] = []
    const own = await createEngine({
      engine: 'temporal',
      store: await newDatabase(),
      temporal: { address, namespace: await newNamespace(), taskQueue: 'order' },
      functions: {
        next: ({ n }) => {
          seen.push(n)
          if (n === 450) throw new RangeError('not this one')
          return { n: n + 1 }
        },
      },
    })
    try {
      await own.deploy(loop('order', { timeout: 5 }, { concurrency: 1 }))
      await expect(own.run('order', { input: items(1000) as never })).rejects.toMatchObject({
        error: { errorType: 'RangeError', errorMessage: 'not this one' },
      })
      expect(seen).toEqual(Array.from({ length: 451 }, (_, at) => at))
      // what had succeeded is not done again, in its batch or before it
      const [failed] = (await own.list()).items
      seen.length = 0
      const retried = await own.retry((failed as { id: string }).id)
      await expect(retried.result()).rejects.toMatchObject({ error: { errorType: 'RangeError' } })
      expect(seen).toEqual([450])
    } finally {
      await own.close()
    }
  })
})

describe('large values', () => {
  it('6 MiB go in, through, and out', { timeout: 60_000 }, async () => {
    const text = 'y'.repeat(6 * MIB - 20)
    const through = { flow: 'six', start: 'a', nodes: { a: { type: 'function', function: 'echo' } } }
    const { output, bytes } = await run(through, { text })
    expect(output.text).toHaveLength(text.length)
    expect(bytes).toBeLessThan(20_000)
  })

  it('99 functions hand on 1 MiB each', { timeout: 180_000 }, async () => {
    const nodes = Object.fromEntries(
      Array.from({ length: 99 }, (_, at) => [`f${at}`, { type: 'function', function: 'big', ...(at < 98 ? { next: `f${at + 1}` } : {}) }]),
    )
    const { output } = await run({ flow: 'mib', ...{ start: 'f0', nodes } }, {})
    expect(output.text).toHaveLength(MIB - 20)
  })

  it('20 branches have 20 branches each', { timeout: 120_000 }, async () => {
    const nodes: Record<string, object> = {}
    const branches = Array.from({ length: 20 }, (_, i) => `p${i}`)
    nodes['fork'] = { type: 'parallel', branches }
    for (const [i, id] of branches.entries()) {
      nodes[id] = { type: 'parallel', branches: Array.from({ length: 20 }, (_, j) => `q${i}_${j}`) }
      for (let j = 0; j < 20; j++)
        nodes[`q${i}_${j}`] =
          j < 4 ? { type: 'function', function: 'next', params: { n: i * 20 + j - 1 } } : { type: 'pass', params: { n: i * 20 + j } }
    }
    const { output } = await run({ flow: 'nested', ...{ start: 'fork', nodes } }, {})
    expect(output).toEqual({ result: branches.map((_, i) => ({ result: Array.from({ length: 20 }, (_, j) => ({ n: i * 20 + j })) })) })
  })

  it('a thousand bodies of 15 KiB at one time fit into messages and history', { timeout: 120_000 }, async () => {
    const list = Array.from({ length: 1000 }, (_, at) => ({ at, text: 'z'.repeat(5000) }))
    const flow = {
      flow: 'wide',
      start: 'each',
      nodes: {
        each: {
          type: 'loop',
          items: '$.list',
          nodes: { f: { type: 'function', function: 'size', params: { a: '$.item.text', b: '$.item.text', c: '$.item.text' } } },
        },
      },
    }
    const { output } = await run(flow, { list })
    expect(output.result).toHaveLength(1000)
  })
})
