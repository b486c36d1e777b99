import { expect, it, onTestFinished } from 'vitest'
import type { EngineOptions } from '../../engine/api.ts'
import { hostOf, Lab, pause, until } from './lab.ts'

async function lab(flows: readonly object[], options: EngineOptions = {}): Promise<Lab> {
  const made = await Lab.open(flows, options)
  onTestFinished(() => made.end())
  return made
}

const fn = (name: string, more: object = {}): object => ({ type: 'function', function: name, ...more })

it('an invocation under way is delivered again under its request id and attempt; what had ended is not', async () => {
  const l = await lab([
    { flow: 'f', start: 'one', nodes: { one: fn('a', { next: 'two' }), two: fn('held', { next: 'three' }), three: fn('echo') } },
  ])
  await l.engine.start('f', { id: 'x', input: 1 })
  const first = await l.called('held')
  await l.crash()
  const again = await l.called('held', 2)
  expect([again.requestId, again.attempt, again.event]).toEqual([first.requestId, 1, { a: 1 }])
  expect(l.callsOf('a')).toHaveLength(1)
  again.resolve('done')
  expect(await l.engine.result('x')).toBe('done')
})

it('waits that ended while the engine was down end at once, in the order of their times; others at theirs', async () => {
  const l = await lab([{ flow: 'w', start: 'wait', nodes: { wait: { type: 'wait', seconds: '$.s', next: 'f' }, f: fn('echo') } }])
  for (const s of [0.3, 0.1, 0.2, 1]) await l.engine.start('w', { id: `w${s}`, input: { s } })
  await l.engine.close()
  await pause(400)
  const opened = Date.now()
  await l.reopen()
  await l.called('echo', 3)
  expect(Date.now() - opened).toBeLessThan(300)
  expect(l.callsOf('echo').map(({ event }) => event.s)).toEqual([0.1, 0.2, 0.3])
  await l.engine.result('w1')
  const { startedAt, endedAt } = await l.engine.describe('w1')
  expect(endedAt! - startedAt).toBeGreaterThanOrEqual(1000)
  expect(endedAt! - startedAt).toBeLessThan(1300)
})

it('a retry interval goes on over a crash, and the next attempt has a request id of its own', async () => {
  const l = await lab([
    { flow: 'r', start: 'n', nodes: { n: fn('a', { onError: 'x' }), x: { type: 'error', retry: { interval: 1, max: 2 } } } },
  ])
  l.failing.add('a')
  await l.engine.start('r', { id: 'r', input: 0 })
  await l.called('a')
  await until(async () => (await l.records('r'))['n']?.status === 'retrying', 'retrying')
  l.failing.clear()
  await l.crash()
  expect(await l.records('r')).toMatchObject({ n: { status: 'retrying', attempts: 1 } })
  expect(await l.engine.result('r')).toEqual({ a: 0 })
  const [one, two] = l.callsOf('a')
  expect([one!.attempt, two!.attempt]).toEqual([1, 2])
  expect(one!.requestId).not.toBe(two!.requestId)
  expect(await l.records('r')).toMatchObject({ n: { status: 'succeeded', attempts: 2 } })
})

it('a callback token outlives a crash, and works once', async () => {
  const l = await lab([{ flow: 'c', start: 'ask', nodes: { ask: { type: 'callback', function: 'echo', next: 'then' }, then: fn('b') } }])
  await l.engine.start('c', { id: 'c' })
  const { token } = await l.waiting()
  await l.crash()
  // announced again, the same
  expect((await l.waiting(2)).token).toBe(token)
  expect(l.callsOf('echo')).toHaveLength(1)
  await expect(l.engine.callback(`${token.slice(0, -2)}xx`, { status: 'succeeded' })).rejects.toMatchObject({ code: 'callback-not-found' })
  await l.engine.callback(token, { status: 'succeeded', output: { yes: 1 } })
  await expect(l.engine.callback(token, { status: 'succeeded' })).rejects.toMatchObject({ code: 'callback-already-used', status: 409 })
  expect(await l.engine.result('c')).toEqual({ b: { yes: 1 } })
  await l.restart()
  await expect(l.engine.callback(token, { status: 'failed' })).rejects.toMatchObject({ code: 'callback-already-used' })
})

it('an early callback counts when the invocation has succeeded, over a crash too', async () => {
  const l = await lab([{ flow: 'early', start: 'ask', nodes: { ask: { type: 'callback', function: 'held' } } }])
  for (const id of ['ok', 'no']) await l.engine.start('early', { id })
  const tokens: string[] = []
  const { callbackAt } = { callbackAt: (id: string) => token(l, id) }
  await l.called('held', 2)
  for (const id of ['ok', 'no']) tokens.push(callbackAt(id))
  for (const one of tokens) await l.engine.callback(one, { status: 'succeeded', output: 7 })
  await l.crash()
  await l.called('held', 4)
  const [ok, no] = [...l.callsOf('held').slice(2)]
  const byId = new Map([ok!, no!].map((call) => [call.requestId, call]))
  const first = l.callsOf('held').slice(0, 2)
  byId.get(first[0]!.requestId)!.resolve('ignored')
  byId.get(first[1]!.requestId)!.reject(new TypeError('boom'))
  const outcomes = await Promise.allSettled([l.engine.result('ok'), l.engine.result('no')])
  expect(outcomes).toMatchObject([{ value: 7 }, { reason: { error: { errorType: 'TypeError', status: 430 } } }])
  // it was used, though in vain
  await expect(l.engine.callback(tokens[1]!, { status: 'succeeded' })).rejects.toMatchObject({ code: 'callback-already-used' })
})

/** The token of node `ask` in its first attempt, as the function gets it. */
function token(l: Lab, id: string): string {
  return (hostOf(l.engine).loaded.get(id) as { callbackAt(place: string): { token: string } }).callbackAt('ask#1').token
}

it('a callback during the retry interval, or after the timeout, is late: 410', async () => {
  const l = await lab([
    {
      flow: 'late',
      start: 'ask',
      nodes: {
        ask: { type: 'callback', function: 'echo', timeout: 0.2, onError: 'x' },
        x: { type: 'error', retry: { interval: 1, max: 1 }, catch: [{ next: 'done' }] },
        done: { type: 'pass', params: { type: '$.errorType', status: '$.status' } },
      },
    },
  ])
  await l.engine.start('late', { id: 'l' })
  const { token: one } = await l.waiting()
  await until(async () => (await l.records('l'))['ask']?.status === 'retrying', 'retrying')
  await expect(l.engine.callback(one, { status: 'succeeded' })).rejects.toMatchObject({ code: 'callback-expired', status: 410 })
  await l.crash()
  await expect(l.engine.callback(one, { status: 'succeeded' })).rejects.toMatchObject({ code: 'callback-expired' })
  const { token: two } = await l.waiting(2)
  expect(two).not.toBe(one)
  expect(await l.engine.result('l')).toEqual({ type: 'CallbackTimeout', status: 433 })
  for (const late of [one, two])
    await expect(l.engine.callback(late, { status: 'succeeded' })).rejects.toMatchObject({ code: 'callback-expired' })
})

it('children: a waited one reports over a crash, an express one starts again under its id, one not waited for lives on', async () => {
  const l = await lab([
    { flow: 'kid', start: 'k', nodes: { k: fn('held') } },
    { flow: 'quick', mode: 'express', start: 'k', nodes: { k: fn('held2', { params: { id: '$$.execution.id' } }) } },
    {
      flow: 'parent',
      start: 'p',
      nodes: {
        p: { type: 'parallel', branches: ['kid', 'quick', 'free'] },
        kid: { type: 'subflow', flow: 'kid' },
        quick: { type: 'subflow', flow: 'quick' },
        free: { type: 'subflow', flow: 'kid', wait: false },
      },
    },
  ])
  await l.engine.start('parent', { id: 'p', input: {} })
  const quick = await l.called('held2')
  await l.called('held', 2)
  await l.crash()
  const quickAgain = await l.called('held2', 2)
  expect(quickAgain.event).toEqual(quick.event)
  expect(quickAgain.requestId).toBe(quick.requestId)
  await l.called('held', 4)
  const { items } = await l.engine.list({ parent: 'p' })
  expect(items.map(({ flow, status }) => [flow, status])).toEqual([
    ['kid', 'running'],
    ['kid', 'running'],
  ])
  quickAgain.resolve('quick')
  for (const call of l.callsOf('held').slice(2)) call.resolve('kid')
  const output = (await l.engine.result('p')) as { result: unknown[] }
  expect(output.result).toEqual(['kid', 'quick', { executionId: expect.any(String) }])
})

it('a child that was to be stopped when the engine died is stopped by the recovery', async () => {
  const l = await lab([
    { flow: 'kid', start: 'w', nodes: { w: { type: 'wait', seconds: 600 } } },
    { flow: 'parent', start: 'k', nodes: { k: { type: 'subflow', flow: 'kid' } } },
  ])
  await l.engine.start('parent', { id: 'p' })
  await until(async () => (await l.engine.list({ flow: 'kid' })).items.length === 1, 'the child')
  const child = (await l.engine.list({ flow: 'kid' })).items[0]!
  // the stop of the parent is committed, and then the engine dies: what should follow is never released
  hostOf(l.engine).afterEvent = () => true
  void l.engine.stop('p').catch(() => undefined)
  await pause(20)
  await l.crash()
  expect((await l.engine.describe('p')).status).toBe('cancelled')
  await until(async () => (await l.engine.describe(child.id)).status === 'cancelled', 'the child is cancelled')
})

it('loops with interval and concurrency, and parallels for N, go on where they were', async () => {
  const l = await lab([
    {
      flow: 'l',
      start: 'each',
      nodes: { each: { type: 'loop', items: '$', interval: 0.05, concurrency: 2, nodes: { n: fn('held', { params: { i: '$.item' } }) } } },
    },
    {
      flow: 'n',
      start: 'p',
      nodes: { p: { type: 'parallel', branches: ['x', 'y', 'z'], complete: 2 }, x: fn('a'), y: fn('held2'), z: fn('held2') },
    },
  ])
  await l.engine.start('l', { id: 'l', input: [0, 1, 2, 3, 4] })
  await l.engine.start('n', { id: 'n', input: 5 })
  await l.called('held', 2)
  l.callsOf('held')[1]!.resolve('one')
  await l.called('held', 3)
  await l.called('held2', 2)
  await l.crash()
  await l.called('held', 5)
  expect(l.callsOf('held').map(({ event }) => event.i)).toEqual([0, 1, 2, 0, 2])
  const [zero, two] = l.callsOf('held').slice(3)
  two!.resolve('two')
  zero!.resolve('zero')
  await l.called('held', 7)
  for (const call of l.callsOf('held').slice(5)) call.resolve(call.event.i)
  expect(await l.engine.result('l')).toEqual({ result: ['zero', 'one', 'two', 3, 4] })
  // of y and z either may come first again
  const last = await l.called('held2', 4)
  last.resolve('z')
  expect(await l.engine.result('n')).toMatchObject({ result: [{ a: 5 }, 'z'] })
  await until(
    () =>
      l
        .callsOf('held2')
        .slice(2)
        .filter(({ signal }) => signal.aborted).length === 1,
    'the other is cancelled',
  )
})

it('a flow timeout that passes while the engine is down ends the execution and its children', async () => {
  const l = await lab([
    { flow: 'kid', start: 'w', nodes: { w: { type: 'wait', seconds: 600 } } },
    { flow: 'parent', timeout: 0.2, start: 'k', nodes: { k: { type: 'subflow', flow: 'kid' } } },
  ])
  await l.engine.start('parent', { id: 'p' })
  await until(async () => (await l.engine.list({ flow: 'kid' })).items.length === 1, 'the child')
  await l.engine.close()
  await pause(250)
  await l.reopen()
  await expect(l.engine.result('p')).rejects.toMatchObject({
    executionStatus: 'timedOut',
    error: { status: 433, errorType: 'FlowTimeout' },
  })
  await until(async () => (await l.engine.list({ flow: 'kid' })).items[0]?.status === 'cancelled', 'the child is cancelled')
})

it('what comes in before the recovery has reached an execution does not keep it from being resumed', async () => {
  const l = await lab([
    { flow: 'other', start: 'w', nodes: { w: { type: 'wait', seconds: 600 } } },
    {
      flow: 'both',
      start: 'p',
      nodes: { p: { type: 'parallel', branches: ['ask', 'work'] }, ask: { type: 'callback', function: 'echo' }, work: fn('held') },
    },
  ])
  await Promise.all(Array.from({ length: 120 }, () => l.engine.start('other')))
  await l.engine.start('both', { id: 'both' })
  const { token: one } = await l.waiting()
  await l.engine.close()
  await l.reopen()
  await l.engine.callback(one, { status: 'succeeded', output: 'answered' })
  const again = await l.called('held', 2)
  again.resolve('worked')
  expect(await l.engine.result('both')).toEqual({ result: ['answered', 'worked'] })
})

it('2,500 executions that wait: most are not in memory, and each goes on when its callback or time comes', async () => {
  const l = await lab([
    {
      flow: 'many',
      start: 'p',
      nodes: {
        p: { type: 'parallel', branches: ['ask', 'w'] },
        ask: { type: 'callback', function: 'echo' },
        w: { type: 'wait', seconds: 1 },
      },
    },
  ])
  const ids = Array.from({ length: 2500 }, (_, at) => `m${at}`)
  await Promise.all(ids.map((id) => l.engine.start('many', { id, input: { id } })))
  await l.waiting(2500)
  const { loaded } = hostOf(l.engine)
  await until(() => loaded.size <= 1000, 'the others are dropped from memory')
  await Promise.all(l.callbacks.map(({ token: one, execution }) => l.engine.callback(one, { status: 'succeeded', output: execution })))
  const outputs = (await Promise.all(ids.map((id) => l.engine.result(id)))) as { result: unknown[] }[]
  expect(outputs.map(({ result }) => result[0])).toEqual(ids)
  expect(loaded.size).toBe(0)
})

it('an execution whose journal cannot be read says so, and the others go on', async () => {
  const l = await lab([{ flow: 'w', start: 'wait', nodes: { wait: { type: 'wait', seconds: 0.1, next: 'f' }, f: fn('a') } }])
  for (const id of ['bad', 'good']) await l.engine.start('w', { id, input: 1 })
  await l.engine.close()
  const { DatabaseSync } = await import('node:sqlite')
  const db = new DatabaseSync(`${l.folder}/store/fnflow.db`)
  db.exec("UPDATE executions SET plan = 'gone' WHERE id = 'bad'")
  db.close()
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
  await l.reopen()
  expect(await l.engine.result('good')).toEqual({ a: 1 })
  expect((await warned).message).toMatch(/execution bad cannot be read.*no plan gone/)
  await expect(l.engine.result('bad')).rejects.toMatchObject({ code: 'store-unusable' })
})
