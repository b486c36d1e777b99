/** What is left of executions when Temporal has forgotten them, and what of those that somebody still needs when they are due. */
import { setTimeout as sleep } from 'node:timers/promises'
import proto from '@temporalio/proto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { EngineOptions, ExecutionEvent } from '../../../engine/api.ts'
import { LocalEngine, type TemporalHost } from '../../../engine/internal.ts'
import { isNotFound } from '../../../engine/temporal/temporal-errors.ts'
import { Sweeper } from '../../../engine/temporal/sweeper.ts'
import { newDatabase, newNamespace, temporalServices } from './services.ts'

const { address } = temporalServices()
const MINUTE = 60_000
const ITEMS = 2500
/** The last of each lane. */
const LAST = [999, 1999, 2499]

let options: EngineOptions
let engine: LocalEngine
let host: TemporalHost
let database: pg.Client
/** What the functions were called with. */
const called: { readonly name: string; readonly n: number }[] = []
const broken = new Set<string>()
let gate: Promise<void>
let openGate: () => void
const tokens = new Map<string, string>()

const calls = (name: string): number[] => called.flatMap((call) => (call.name === name ? [call.n] : [])).sort((a, b) => a - b)

beforeAll(async () => {
  const [store, namespace] = await Promise.all([newDatabase(), newNamespace()])
  gate = new Promise((resolve) => (openGate = resolve))
  options = {
    engine: 'temporal',
    store,
    temporal: { address, namespace, taskQueue: 'kept' },
    functions: {
      step: ({ n }: { n: number }, { logger }: { readonly logger: { info(text: string): void } }) => {
        called.push({ name: 'step', n })
        logger.info(`stepping ${n}`)
        return { n: n + 1 }
      },
      fragile: ({ n }: { n: number }) => {
        called.push({ name: 'fragile', n })
        if (broken.has('fragile')) throw new RangeError('not now')
        return { n: n + 1 }
      },
      // of each lane all but the last one end; then the last of all fails the loop, which takes the others with it
      item: async ({ n }: { n: number }) => {
        called.push({ name: 'item', n })
        if (!broken.has('item')) return { n }
        if (!LAST.includes(n)) return { n, text: 'x'.repeat(1000) }
        await gate
        if (n === 2499) throw new RangeError('not the last')
        await new Promise(() => undefined)
        return null
      },
      large: ({ n }: { n: number }) => ({ n, text: 'y'.repeat(20_000) }),
      ask: () => null,
    },
    onCallback: ({ execution, token }) => void tokens.set(execution, token),
  }
  engine = await LocalEngine.open(options)
  host = (await engine.durableHost()) as TemporalHost
  database = new pg.Client({ connectionString: store })
  await database.connect()
}, MINUTE)
afterAll(async () => {
  await engine?.close()
  await database?.end()
})

async function count(sql: string, ...values: unknown[]): Promise<number> {
  return (await database.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${sql}`, values)).rows[0]?.n ?? 0
}

const fn = (name: string, more: object = {}): object => ({ type: 'function', function: name, params: { n: '$.n' }, ...more })

/** Removes all of the namespace's workflows, as Temporal's retention does. */
async function forget(ids: readonly string[]): Promise<void> {
  const { client, options: connected } = host.cluster
  const { namespace } = connected
  const workflows = new Set(ids)
  for await (const { workflowId } of client.workflow.list({ query: "ExecutionStatus != 'Running'" })) workflows.add(workflowId)
  for (const workflowId of workflows) {
    await client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution: { workflowId } })
  }
  const isGone = (workflowId: string): Promise<boolean> =>
    client.workflow
      .getHandle(workflowId)
      .describe()
      .then(() => false, isNotFound)
  for (const workflowId of workflows) await expect.poll(() => isGone(workflowId), { timeout: MINUTE }).toBe(true)
  await expect.poll(async () => (await client.workflow.count()).count, { timeout: MINUTE }).toBe(0)
}

/** As Temporal has it. */
async function historyOf(workflowId: string): Promise<string> {
  const { client, options: connected } = host.cluster
  const request = { namespace: connected.namespace, execution: { workflowId } }
  const { history } = await client.workflowService.getWorkflowExecutionHistory(request)
  return Buffer.from(proto.temporal.api.history.v1.History.encode(history ?? {}).finish()).toString('latin1')
}

/** As if all that has ended were due. */
async function pruneAll(): Promise<void> {
  await new Sweeper(host.cluster, host.cluster.registry, '', host, 0).sweep()
}

/** All that can be read of an execution. */
async function view(of: LocalEngine, id: string, loop?: string): Promise<Record<string, unknown>> {
  const events: ExecutionEvent[] = []
  for await (const event of of.events(id)) events.push(event)
  return {
    record: await of.describe(id),
    result: await of.result(id).catch((error: unknown) => String(error)),
    nodes: await of.nodes(id),
    ...(loop === undefined ? {} : { iterations: await of.nodes(id, { iterations: loop, limit: ITEMS }) }),
    logs: await of.logs(id),
    end: events.at(-1),
  }
}

describe('when Temporal has forgotten its histories', () => {
  it('all is there as before, and a retry takes over what had succeeded', { timeout: 6 * MINUTE }, async () => {
    broken.add('fragile').add('item')
    const items = (length: number): number[] => Array.from({ length }, (_, at) => at)
    const loop = (more: object): object => ({
      type: 'loop',
      items: '$.items',
      nodes: { f: fn('item', { params: { n: '$.item' }, ...more }) },
    })
    const flows: readonly (readonly [flow: string, nodes: Record<string, object>, input: object])[] = [
      ['plain', { a: fn('step', { next: 'b' }), b: fn('step') }, { n: 1 }],
      ['child', { a: fn('step') }, { n: 10 }],
      ['parent', { a: { type: 'subflow', flow: 'child', params: { n: '$.n' } } }, { n: 20 }],
      ['failing', { a: fn('large', { next: 'b' }), b: fn('fragile') }, { n: 30 }],
      ['batches', { each: loop({ timeout: 5 }) }, { items: items(450) }],
      ['lanes', { each: loop({}) }, { items: items(ITEMS) }],
    ]
    const ids = new Map<string, string>()
    for (const [flow, nodes, input] of flows) {
      await engine.deploy({ flow, start: Object.keys(nodes)[0], nodes })
      ids.set(flow, (await engine.start(flow, { input: input as never })).id)
    }
    const idOf = (flow: string): string => ids.get(flow) as string
    const insideOf = (flow: string): string | undefined => (flow === 'batches' || flow === 'lanes' ? 'each' : undefined)

    await expect.poll(() => calls('item').length, { timeout: 2 * MINUTE }).toBe(450 + ITEMS)
    // what the others came to gets to their lanes
    await sleep(3000)
    openGate()
    for (const id of ids.values()) await engine.result(id).catch(() => undefined)
    const before = new Map<string, unknown>()
    for (const [flow, id] of ids) before.set(flow, await view(engine, id, insideOf(flow)))
    const list = (await engine.list({ limit: 100 })).items
    expect(before.get('lanes')).toMatchObject({
      record: { status: 'failed' },
      nodes: [{ iterations: { total: ITEMS, succeeded: ITEMS - 3 } }],
    })

    const all = list.map(({ id }) => id)
    expect(all).toHaveLength(7)
    const complete = async (): Promise<number[]> => [
      await count('fnflow.executions WHERE journal IS NOT NULL'),
      await count('fnflow.lanes WHERE execution = $1', idOf('lanes')),
    ]
    // right away: that of the lanes' own execution is short
    expect(await count('fnflow.executions WHERE journal IS NOT NULL AND id = $1', idOf('lanes'))).toBe(1)
    await expect.poll(complete, { timeout: MINUTE, interval: 500 }).toEqual([7, 3])
    await forget(all)

    const reader = await LocalEngine.open({ ...options, temporal: { ...options.temporal, worker: false } as never })
    onTestFinished(() => reader.close())
    for (const [flow, id] of ids) expect(await view(reader, id, insideOf(flow)), flow).toEqual(before.get(flow))
    expect((await reader.list({ limit: 100 })).items).toEqual(list)
    expect((await reader.logs(idOf('plain'))).items).toMatchObject([{ text: 'stepping 1' }, { text: 'stepping 2' }])

    called.length = 0
    broken.clear()
    const retried = await engine.retry(idOf('failing'))
    expect(await retried.result()).toEqual({ n: 31 })
    expect(called).toEqual([{ name: 'fragile', n: 30 }])
    // what it took over is its own: the other one may go
    const history = await historyOf(retried.id)
    expect(history).toContain(`"owner":"${retried.id}"`)
    expect(history).not.toContain(`"owner":"${idOf('failing')}"`)
    called.length = 0
    const { result } = (await (await engine.retry(idOf('lanes'))).result()) as { result: { n: number }[] }
    expect(result.map(({ n }) => n)).toEqual(items(ITEMS))
    expect(calls('item')).toEqual(LAST)
  })
})

describe('what is due', () => {
  it('stays for a parent that runs, and can be replayed', { timeout: 3 * MINUTE }, async () => {
    await engine.deploy({ flow: 'large-child', start: 'a', nodes: { a: fn('large') } })
    const nodes = {
      a: { type: 'subflow', flow: 'large-child', params: { n: '$.n' }, next: 'ask' },
      ask: { type: 'callback', function: 'ask', params: {}, timeout: '1h', next: 'b' },
      b: { type: 'pass', params: { by: '$.by', text: '$$.nodes.a.output.text' } },
    }
    await engine.deploy({ flow: 'asking', start: 'a', nodes })
    const { id } = await engine.start('asking', { input: { n: 1 } })
    await expect.poll(() => tokens.get(id), { timeout: MINUTE }).toBeDefined()
    const [child] = (await engine.list({ flow: 'large-child' })).items
    const childId = child?.id as string
    await expect.poll(async () => (await host.cluster.registry.hasRecord([childId])).size, { timeout: MINUTE }).toBe(1)
    expect(await count('fnflow.payloads WHERE owner = $1', childId)).toBeGreaterThan(0)
    await pruneAll()
    expect((await host.cluster.registry.hasRecord([childId])).size).toBe(1)

    // a worker that has neither the workflow nor the payload
    await engine.close()
    engine = await LocalEngine.open(options)
    host = (await engine.durableHost()) as TemporalHost
    await engine.callback(tokens.get(id) as string, { status: 'succeeded', output: { by: 'me' } })
    expect(await engine.result(id)).toEqual({ by: 'me', text: 'y'.repeat(20_000) })

    await expect.poll(async () => (await host.cluster.registry.hasRecord([id])).size, { timeout: MINUTE }).toBe(1)
    await pruneAll()
    expect((await host.cluster.registry.hasRecord([id, childId])).size).toBe(0)
    expect(await count('fnflow.payloads WHERE owner IN ($1, $2)', id, childId)).toBe(0)
  })
})
