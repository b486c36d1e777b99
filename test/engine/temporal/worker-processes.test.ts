import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Connection } from '@temporalio/client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createEngine, type Engine, type EngineOptions } from '../../../engine/index.ts'
import type { TemporalWorkerOptions } from '../../../engine/api.ts'
import { normalizeSpec } from '../../../executors/function-spec.ts'
import { newDatabase, newNamespace, temporalServices } from './services.ts'
import type { ChildOptions } from './worker-child.ts'

const { address } = temporalServices()
const MINUTES = 60_000
const folder = mkdtempSync(join(tmpdir(), 'fnflow-workers-'))
const engines: Engine[] = []
const children: ChildProcess[] = []
let namespace: string
let store: string

beforeAll(async () => {
  ;[namespace, store] = await Promise.all([newNamespace(), newDatabase()])
})
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await Promise.all(engines.map((engine) => engine.close()))
  rmSync(folder, { recursive: true, force: true })
})

async function open(
  taskQueue: string,
  worker: boolean | TemporalWorkerOptions,
  functions: NonNullable<EngineOptions['functions']> = {},
): Promise<Engine> {
  const engine = await createEngine({ engine: 'temporal', store, temporal: { address, namespace, taskQueue, worker }, functions })
  engines.push(engine)
  return engine
}

interface Line {
  readonly kind: 'begun' | 'ended' | 'left'
  readonly worker: string
  readonly request: string
  readonly called: string
}

/** Workers in processes of their own, for one task queue. */
class Children {
  readonly gate: string
  private readonly effects: string
  private readonly taskQueue: string

  constructor(taskQueue: string) {
    this.taskQueue = taskQueue
    this.gate = join(folder, `${taskQueue}.gate`)
    this.effects = join(folder, `${taskQueue}.effects`)
    writeFileSync(this.effects, '')
  }

  async start(name: string): Promise<ChildProcess> {
    const { gate, effects, taskQueue } = this
    const options: ChildOptions = { address, namespace, taskQueue, store, effects, gate, name }
    const child = fork(new URL('./worker-child.ts', import.meta.url).pathname, [JSON.stringify(options)])
    children.push(child)
    await once(child, 'message')
    return child
  }

  lines(kind: Line['kind'], worker?: string): Line[] {
    return this.all().filter((line) => line.kind === kind && (worker === undefined || line.worker === worker))
  }

  all(): Line[] {
    const lines = readFileSync(this.effects, 'utf8').trim().split('\n')
    return lines.map((text) => {
      const [kind, worker = '', request = '', called = ''] = text.split(' ')
      return { kind: kind as Line['kind'], worker, request, called }
    })
  }
}

const fn = (name: string, more: object = {}): object => ({ type: 'function', function: name, ...more })

it('a worker process that is told to leave takes nothing with it, and nothing runs twice', { timeout: 3 * MINUTES }, async () => {
  const FLOWS = 20
  const workers = new Children('leaving')
  const engine = await open('leaving', false)
  await engine.deploy({ flow: 'quick', mode: 'express', start: 'a', nodes: { a: fn('work', { next: 'b' }), b: fn('work') } })
  await engine.deploy({
    flow: 'steps',
    start: 'one',
    nodes: {
      one: fn('work', { next: 'kid' }),
      kid: { type: 'subflow', flow: 'quick', next: 'later' },
      later: fn('later', { invoke: 'async', next: 'w' }),
      w: { type: 'wait', seconds: 0.5, next: 'each' },
      each: {
        type: 'loop',
        items: '$$.execution.input.list',
        nodes: { f: fn('work', { params: { n: '$.item' } }) },
        next: 'end',
      },
      end: { type: 'end' },
    },
  })
  const first = await workers.start('first')
  await workers.start('second')
  const executions = await Promise.all(
    Array.from({ length: FLOWS }, (_, n) => engine.start('steps', { input: { n, list: [n, n + 1, n + 2] } })),
  )
  await expect.poll(() => workers.lines('ended', 'first').length, { timeout: MINUTES }).toBeGreaterThan(FLOWS / 2)
  const left = once(first, 'exit')
  first.kill('SIGTERM')
  expect(await Promise.all(executions.map((execution) => execution.result()))).toEqual(
    Array.from({ length: FLOWS }, (_, n) => ({ result: [n, n + 1, n + 2].map((item) => ({ n: item + 1 })) })),
  )
  expect(await left).toEqual([0, null])
  const requests = (lines: readonly Line[]): string[] => lines.map(({ request }) => request)
  const begun = workers.lines('begun')
  expect(new Set(requests(begun)).size).toBe(FLOWS * 7)
  // what it had begun and held a slot for it has ended: nobody else was asked
  const work = begun.filter(({ called }) => called === 'work')
  expect(new Set(requests(work)).size).toBe(work.length)
  expect(workers.lines('begun', 'second').length).toBeGreaterThan(0)
  // asynchronous ones it gave up, and they were begun again when it had gone
  const all = workers.all()
  const gone = all.findIndex(({ kind }) => kind === 'left')
  for (const [at, { kind, request }] of all.entries()) {
    const before = all.slice(0, at).some((line) => line.kind === 'begun' && line.request === request)
    if (kind === 'begun' && before) expect(at).toBeGreaterThan(gone)
  }
})

it('an asynchronous function goes to another worker when its own is killed, as the same request', { timeout: 3 * MINUTES }, async () => {
  const workers = new Children('killed')
  const engine = await open('killed', false)
  await engine.deploy({ flow: 'later', start: 'a', nodes: { a: fn('gated', { invoke: 'async' }) } })
  const first = await workers.start('first')
  const executions = await Promise.all([1, 2, 3].map((n) => engine.start('later', { input: { n } })))
  await expect.poll(() => workers.lines('begun', 'first').length, { timeout: MINUTES }).toBe(3)
  first.kill('SIGKILL')
  await workers.start('second')
  // its heartbeats stay away
  await expect.poll(() => workers.lines('begun', 'second').length, { timeout: MINUTES }).toBe(3)
  writeFileSync(workers.gate, '')
  expect(await Promise.all(executions.map((execution) => execution.result()))).toEqual([{ n: 2 }, { n: 3 }, { n: 4 }])
  const requests = (worker: string): string[] =>
    workers
      .lines('begun', worker)
      .map(({ request }) => request)
      .sort()
  expect(requests('second')).toEqual(requests('first'))
  expect(await engine.nodes(executions[0]!.id)).toMatchObject([{ status: 'succeeded', attempts: 1 }])
})

it(
  'what takes longer than a worker waits when it leaves is done again by another: batches, express children',
  { timeout: 3 * MINUTES },
  async () => {
    const calls = { first: 0, second: 0 }
    let held = 0
    const functions = (by: 'first' | 'second'): NonNullable<EngineOptions['functions']> => ({
      slow: async ({ n }: { n: number }) => {
        calls[by] += 1
        await sleep(by === 'first' ? 1500 : 10)
        return { n }
      },
      hold: async () => {
        held += 1
        await sleep(by === 'first' ? 60_000 : 10)
        return by
      },
    })
    const first = await open('grace', true, functions('first'))
    await first.deploy({ flow: 'quick', mode: 'express', start: 'h', nodes: { h: fn('hold') } })
    await first.deploy({ flow: 'parent', start: 'k', nodes: { k: { type: 'subflow', flow: 'quick' } } })
    const body = { f: fn('slow', { params: { n: '$.item' }, timeout: 5 }) }
    await first.deploy({ flow: 'batch', start: 'each', nodes: { each: { type: 'loop', items: '$.list', concurrency: 20, nodes: body } } })
    const list = Array.from({ length: 201 }, (_, at) => at)
    const batch = await first.start('batch', { input: { list } })
    const parent = await first.start('parent')
    await expect.poll(() => Math.min(calls.first, held), { timeout: MINUTES }).toBeGreaterThan(0)
    await first.close()
    expect(calls.first).toBeLessThan(list.length)
    const second = await open('grace', true, functions('second'))
    expect(await second.result(batch.id)).toEqual({ result: list.map((n) => ({ n })) })
    expect(await second.result(parent.id)).toBe('second')
  },
)

it('describe says whom an execution waits for, and it goes on when they come', { timeout: 3 * MINUTES }, async () => {
  const load = normalizeSpec('load', { pool: 'imports', inline: () => 'loaded' })
  const flow = { flow: 'loads', start: 'a', nodes: { a: fn('load') } }
  const client = await open('alone', false)
  await client.deploy(flow)
  const execution = await client.start('loads')
  const problems = async (): Promise<string> => ((await execution.describe()).problems ?? []).join('; ')
  // nobody at all
  await expect
    .poll(problems, { timeout: MINUTES })
    .toMatch(/no worker polls the task queue alone for workflows; start one: .*--task-queue alone/)

  const other = await open('pools', true, { 'default/load': load })
  await other.deploy({ ...flow, flow: 'elsewhere' })
  const waiting = await other.start('elsewhere')
  const said = async (): Promise<string> => ((await waiting.describe()).problems ?? []).join('; ')
  await expect.poll(said, { timeout: MINUTES }).toMatch(/no worker polls the task queue pools\.imports for functions .*--queues imports/)
  await open('pools', { queues: ['imports'], only: true }, { 'default/load': load })
  expect(await waiting.result()).toBe('loaded')
  expect((await waiting.describe()).problems).toBeUndefined()
  await open('alone', true, { load: () => 'here' })
  expect(await execution.result()).toBe('here')
})

it('of workers with versions describe says which one is missing', { timeout: 4 * MINUTES }, async () => {
  const version = (buildId: string): TemporalWorkerOptions => ({ deployment: { name: 'shop', buildId } })
  const asked = Promise.withResolvers<string>()
  const first = await createEngine({
    engine: 'temporal',
    store,
    temporal: { address, namespace, taskQueue: 'versions', worker: version('1') },
    functions: { ask: () => null, last: () => 'by one' },
    onCallback: ({ token }) => asked.resolve(token),
  })
  engines.push(first)
  await first.deploy({ flow: 'pinned', start: 'a', nodes: { a: { type: 'callback', function: 'ask', next: 'b' }, b: fn('last') } })
  const execution = await first.start('pinned')
  const problems = async (): Promise<string> => ((await execution.describe()).problems ?? []).join('; ')
  await expect
    .poll(problems, { timeout: MINUTES, interval: 1000 })
    .toMatch(
      /^no worker without a version polls the task queue versions for workflows; .*set-current-version --deployment-name shop --build-id 1$/,
    )

  const connection = await Connection.connect({ address })
  // a version is known some time after its workers have begun to poll
  const setCurrent = (buildId: string): Promise<void> =>
    expect
      .poll(() => connection.workflowService.setWorkerDeploymentCurrentVersion({ namespace, deploymentName: 'shop', buildId }), {
        timeout: MINUTES,
        interval: 500,
      })
      .toBeDefined()
  await setCurrent('1')
  const token = await asked.promise
  const client = await open('versions', false)
  await first.close()
  await open('versions', version('2'), { ask: () => null, last: () => 'by two' })
  await setCurrent('2')
  await connection.close()
  await client.callback(token, { status: 'succeeded' })
  const said = async (): Promise<string> => ((await client.describe(execution.id)).problems ?? []).join('; ')
  await expect
    .poll(said, { timeout: 2 * MINUTES, interval: 1000 })
    .toMatch(
      /^no worker of version shop@1, to which it is pinned, polls the task queue versions for workflows; start one: .*--deployment shop@1$/,
    )
  await open('versions', version('1'), { last: () => 'by one again' })
  expect(await client.result(execution.id)).toBe('by one again')
})
