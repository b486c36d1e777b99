import { afterAll, beforeAll, expect, it } from 'vitest'
import { createEngine, promiseExecutor, type EngineOptions } from '../../engine/index.ts'
import { Lab, pause, until } from './lab.ts'

const fn = (name: string, more: object = {}): object => ({ type: 'function', function: name, ...more })

let l: Lab
beforeAll(async () => {
  l = await Lab.open(
    [
      { flow: 'std', start: 'e', nodes: { e: fn('echo') } },
      { flow: 'hold', start: 'e', nodes: { e: fn('held') } },
      { flow: 'ex', mode: 'express', start: 'e', nodes: { e: fn('echo') } },
      { flow: 'exhold', mode: 'express', start: 'e', nodes: { e: fn('held2') } },
      { flow: 'exask', mode: 'express', start: 'a', nodes: { a: { type: 'callback', function: 'echo' } } },
    ],
    { functions: { thrower: () => Promise.reject(new TypeError('no')) } },
  )
})
afterAll(() => l.end())

it('an id that exists is that execution: standard and express, 50 at once, in another flow, over a crash', async () => {
  const starts = await Promise.all(Array.from({ length: 50 }, (_, n) => l.engine.start('std', { id: 'same', input: { n } })))
  expect(await Promise.all(starts.map((execution) => execution.result()))).toEqual(starts.map(() => ({ n: 0 })))
  expect(l.callsOf('echo')).toHaveLength(1)
  const express = await Promise.all(Array.from({ length: 50 }, (_, n) => l.engine.start('ex', { id: 'ex1', input: { n } })))
  expect(await Promise.all(express.map((execution) => execution.result()))).toEqual(express.map(() => ({ n: 0 })))
  expect(await l.engine.run('ex', { id: 'ex1', input: 'other' })).toEqual({ n: 0 })
  const other = await l.engine.start('hold', { id: 'same' })
  expect([other.flow, await other.result()]).toEqual(['std', { n: 0 }])
  await l.crash()
  expect(await (await l.engine.start('std', { id: 'same', input: 7 })).result()).toEqual({ n: 0 })
  expect(l.callsOf('echo')).toHaveLength(2)
  expect((await l.engine.list({ flow: 'std' })).items).toHaveLength(1)
})

it('bad ids, flows, options and inputs are refused, and nothing of them is recorded', async () => {
  const count = (await l.engine.list()).items.length
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  let deep: unknown = 1
  for (let at = 0; at < 513; at++) deep = [deep]
  const cases: [string, object, string][] = [
    ...['', 'a b', 'x'.repeat(129), '../x', 'ä', 7].map((id): [string, object, string] => ['std', { id }, 'bad-option']),
    ['nothere', {}, 'flow-not-found'],
    ['std:7', {}, 'flow-not-found'],
    ['std', { inptu: 1 }, 'bad-option'],
    ['std', { signal: {} }, 'bad-option'],
    ['std', { signal: AbortSignal.abort() }, 'aborted'],
    ['std', { onNode: () => undefined }, 'bad-option'],
    ['std', { input: 1n }, 'bad-input'],
    ['std', { input: () => 1 }, 'bad-input'],
    ['std', { input: cycle }, 'bad-input'],
    ['std', { input: 'x'.repeat(6 * 1024 * 1024) }, 'payload-too-large'],
    ['std', { input: deep }, 'payload-too-deep'],
    ['std', { trigger: { type: 'x', event: 1n } }, 'bad-input'],
    ['std', { trigger: { type: 5 } }, 'bad-option'],
    ['ex', { trigger: { type: 'x', event: cycle } }, 'bad-input'],
  ]
  for (const [flow, options, code] of cases) {
    const what = `${flow} ${Object.keys(options).join()} ${code}`
    await expect(l.engine.start(flow, options as never), what).rejects.toMatchObject({ name: 'EngineError', code })
    await expect(l.engine.run(flow, options as never), what).rejects.toMatchObject({ code })
  }
  await expect(l.engine.start(undefined as never)).rejects.toMatchObject({ code: 'flow-not-found' })
  expect((await l.engine.list()).items).toHaveLength(count)
  // the store has taken no harm
  expect(await l.engine.run('std', { input: null })).toBeNull()
  expect(await l.engine.run('std')).toEqual({})
  expect(await l.engine.run('std', { input: undefined } as never)).toEqual({})
  expect(await l.engine.run('std', { input: { at: new Date(0), gone: undefined } as never })).toEqual({ at: '1970-01-01T00:00:00.000Z' })
})

it('result: before and after the end, and an aborted wait leaves the execution alone', async () => {
  for (const [flow, held] of [
    ['hold', 'held'],
    ['exhold', 'held2'],
  ] as const) {
    const execution = await l.engine.start(flow)
    const call = await l.called(held)
    const aborting = new AbortController()
    const waits = [execution.result(), execution.result({ signal: aborting.signal }), execution.result({ signal: AbortSignal.abort() })]
    const settled = Promise.allSettled(waits)
    await pause(5)
    aborting.abort(new Error('enough'))
    call.resolve('done')
    expect(await settled).toMatchObject([
      { value: 'done' },
      { reason: { code: 'aborted', cause: { message: 'enough' } } },
      { reason: { code: 'aborted' } },
    ])
    expect(await execution.result()).toBe('done')
  }
  await expect(l.engine.result('nobody')).rejects.toMatchObject({ code: 'execution-not-found' })
})

it('express executions: more than are remembered still answer to who holds them; late callbacks are told from wrong ones', async () => {
  const held = await Promise.all(Array.from({ length: 2500 }, (_, n) => l.engine.start('ex', { input: n })))
  expect(await Promise.all(held.map((execution) => execution.result()))).toEqual(held.map((_, n) => n))
  expect((await held[0]!.describe()).status).toBe('succeeded')

  const execution = await l.engine.start('exask', { id: 'exask' })
  await until(() => l.callbacks.some(({ flow }) => flow === 'exask'), 'the callback')
  const { token } = l.callbacks.find(({ flow }) => flow === 'exask')!
  for (const bad of [undefined, null, {}, { status: 'ok' }, 'succeeded', { status: 'failed', error: 'text' }])
    await expect(l.engine.callback(token, bad as never)).rejects.toMatchObject({ code: 'bad-input' })
  await expect(l.engine.callback(undefined as never, { status: 'succeeded' })).rejects.toMatchObject({ code: 'callback-not-found' })
  await l.engine.callback(token, { status: 'succeeded', output: 1 })
  expect(await execution.result()).toBe(1)
  await expect(l.engine.callback(token, { status: 'succeeded' })).rejects.toMatchObject({ code: 'callback-already-used' })
  const stopped = await l.engine.start('exask', { id: 'exask2' })
  await until(() => l.callbacks.some(({ execution: id }) => id === 'exask2'), 'the callback')
  await stopped.stop()
  await expect(l.engine.callback(l.callbacks.at(-1)!.token, { status: 'succeeded' })).rejects.toMatchObject({ code: 'callback-expired' })
  await expect(l.engine.nodes('exask')).rejects.toMatchObject({ code: 'not-durable' })
  await expect(l.engine.retry('exask')).rejects.toMatchObject({ code: 'not-durable' })
})

it('invoke: results, error documents, unknown functions, abort', async () => {
  expect(await l.engine.invoke('echo', { x: 1 })).toEqual({ x: 1 })
  expect(await l.engine.invoke('default/echo:latest', 2)).toBe(2)
  await expect(l.engine.invoke('thrower', {})).rejects.toMatchObject({ error: { status: 430, errorType: 'TypeError' } })
  await expect(l.engine.invoke('gone', {})).rejects.toMatchObject({ error: { status: 435, errorType: 'FunctionNotFound' } })
  await expect(l.engine.invoke('echo:7', {})).rejects.toMatchObject({ error: { status: 442 } })
  await expect(l.engine.invoke('echo', 'x'.repeat(7e6))).rejects.toMatchObject({ error: { status: 406, errorType: 'PayloadTooLarge' } })
  await expect(l.engine.invoke(7 as never, {})).rejects.toMatchObject({ code: 'bad-option' })
  const aborting = new AbortController()
  const before = l.callsOf('held').length
  const aborted = l.engine.invoke('held', {}, { signal: aborting.signal })
  const call = await l.called('held', before + 1)
  aborting.abort()
  await expect(aborted).rejects.toMatchObject({ error: { status: 499 } })
  expect(call.signal.aborted).toBe(true)
  await expect(l.engine.invoke('held', {}, { signal: AbortSignal.abort() })).rejects.toMatchObject({ error: { status: 499 } })
  expect(l.callsOf('held')).toHaveLength(before + 1)
})

it('definitions: what is no flow is refused with diagnostics; a new one does not change what runs, over a crash too', async () => {
  const thrower = {
    get flow(): string {
      throw new Error('hostile')
    },
  }
  const proxy = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error('hostile')
      },
    },
  )
  const cyclic: Record<string, unknown> = { flow: 'c', start: 'a' }
  cyclic['nodes'] = cyclic
  for (const bad of [
    undefined,
    null,
    7,
    '',
    'flow: [',
    '{}',
    [],
    new Uint8Array([0xff, 0xfe, 0]),
    { flow: 'x' },
    thrower,
    proxy,
    cyclic,
    { flow: 1n },
    () => 1,
  ])
    await expect(l.engine.deploy(bad as never)).rejects.toMatchObject({
      name: 'FlowInvalid',
      code: 'flow-invalid',
      diagnostics: expect.arrayContaining([expect.objectContaining({ severity: 'error' })]),
    })

  const flow = (n: number): object => ({
    flow: 'changing',
    start: 'w',
    nodes: { w: { type: 'wait', seconds: 0.3, next: 'p' }, p: { type: 'pass', params: { n } } },
  })
  const one = await l.engine.deploy(flow(1))
  const old = await l.engine.start('changing')
  const two = await l.engine.deploy(JSON.stringify(flow(2)))
  expect(two.hash).not.toBe(one.hash)
  expect((await l.engine.deploy(flow(1))).hash).toBe(one.hash)
  await l.engine.deploy(flow(2))
  await l.crash()
  expect(await l.engine.result(old.id)).toEqual({ n: 1 })
  expect(await l.engine.run('changing')).toEqual({ n: 2 })
})

it('options of createEngine that are wrong are refused', async () => {
  const bad: unknown[] = [
    null,
    7,
    { stroe: 'x' },
    { engine: 'temporal' },
    { store: '' },
    { store: 7 },
    { retentionMs: -1 },
    { retentionMs: Number.NaN },
    { publicUrl: 7 },
    { onLog: 'x' },
    { onCallback: {} },
    { functions: 7 },
    { functions: { f: 'text' } },
    { functions: { 'a b': () => 1 } },
    { functions: { f: { app: 'x' } } },
    { executors: { x: {} } },
    { channels: { x: { kind: 'smoke' } } },
    { channels: { x: null } },
  ]
  for (const options of bad)
    await expect(createEngine(options as EngineOptions), JSON.stringify(options)).rejects.toMatchObject({
      name: 'EngineError',
      code: 'bad-option',
    })
})

it('executors of one own, functions by specification, channels that are not there, listeners that throw', async () => {
  const warnings: Error[] = []
  const listen = (warning: Error): void => void warnings.push(warning)
  process.on('warning', listen)
  const spec = {
    app: 'default',
    name: 'far',
    runtime: 'pigeon',
    handler: 'x',
    initializerTimeoutMs: 1000,
    memoryMb: 128,
    environment: { variables: {}, secrets: {} },
    concurrency: { perInstance: 1, maxInstances: -1, reserved: 0, idleTimeoutMs: 1000 },
  }
  const engine = await createEngine({
    functions: { far: spec, ask: () => null },
    executors: {
      pigeon: promiseExecutor({
        invoke: async ({ body }) =>
          body === 'lost' ? Promise.reject({ status: 449, errorType: 'Fog', errorMessage: 'x' }) : { flown: body },
      }),
    },
    onCallback: () => {
      throw new Error('bad listener')
    },
    onLog: () => {
      throw new Error('bad listener')
    },
    channels: { log: { kind: 'log' } },
  })
  await engine.deploy({ flow: 'far', start: 'f', nodes: { f: fn('far') } })
  expect(await engine.run('far', { input: 1 })).toEqual({ flown: 1 })
  await expect(engine.run('far', { input: 'lost' })).rejects.toMatchObject({
    error: { status: 449, errorType: 'Fog', function: 'default/far:latest', attempt: 1 },
  })
  for (const mode of ['standard', 'express']) {
    await engine.deploy({ flow: `event-${mode}`, mode, start: 'e', nodes: { e: { type: 'event', channel: '$gone' } } })
    await expect(engine.run(`event-${mode}`)).rejects.toMatchObject({ error: { status: 404, errorType: 'ChannelNotFound' } })
    await engine.deploy({
      flow: `ask-${mode}`,
      mode,
      start: 'e',
      nodes: { e: { type: 'event', channel: 'log', next: 'a' }, a: { type: 'callback', function: 'ask', timeout: 0.1 } },
    })
    await expect(
      engine.run(
        `ask-${mode}`,
        mode === 'express'
          ? {
              onNode: () => {
                throw new Error('bad listener')
              },
            }
          : {},
      ),
    ).rejects.toMatchObject({ error: { errorType: 'CallbackTimeout' } })
  }
  await engine.close()
  process.off('warning', listen)
  expect(new Set(warnings.map(({ name }) => name))).toEqual(new Set(['FnflowListenerWarning']))
  expect(warnings.map(({ message }) => message.split(' ')[0])).toEqual(expect.arrayContaining(['onCallback', 'onLog', 'onNode']))
})

it('close: what waits is answered, what comes later is refused, twice is once; what ran goes on the next time', async () => {
  const own = await Lab.open([
    { flow: 'hold', start: 'e', nodes: { e: fn('held') } },
    { flow: 'exhold', mode: 'express', start: 'e', nodes: { e: fn('held2') } },
  ])
  const execution = await own.engine.start('hold', { id: 'h' })
  const waits = Promise.allSettled([execution.result(), own.engine.run('exhold'), own.engine.invoke('held2', 1)])
  await own.called('held')
  await own.called('held2', 2)
  const start = Promise.allSettled([own.engine.start('hold', { id: 'late' })])
  const { engine } = own
  await Promise.all([engine.close(), engine.close()])
  await engine.close()
  expect(await waits).toMatchObject([
    { reason: { code: 'engine-closed' } },
    { reason: { executionStatus: 'cancelled' } },
    { reason: { code: 'engine-closed' } },
  ])
  expect(own.calls.every(({ signal }) => signal.aborted)).toBe(true)
  const [late] = await start
  const calls: (() => Promise<unknown>)[] = [
    () => engine.start('hold'),
    () => engine.run('exhold'),
    () => engine.deploy({}),
    () => engine.describe('h'),
    () => engine.nodes('h'),
    () => engine.list(),
    () => engine.logs('h'),
    () => engine.stop('h'),
    () => engine.retry('h'),
    () => engine.rerun('h'),
    () => engine.result('h'),
    () => engine.execution('h'),
    () => engine.callback('x', { status: 'succeeded' }),
    () => engine.invoke('held', 1),
    () => engine.events('h').next(),
    () => execution.result(),
  ]
  for (const call of calls) await expect(call(), call.toString()).rejects.toMatchObject({ code: 'engine-closed', status: 503 })
  await own.reopen()
  ;(await own.called('held', 2)).resolve('after')
  expect(await own.engine.result('h')).toBe('after')
  // acknowledged means kept
  if (late!.status === 'fulfilled') expect((await own.engine.describe('late')).status).toBe('running')
  await own.end()
})
