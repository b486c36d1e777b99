import { expect, it, onTestFinished } from 'vitest'
import { Lab, until } from './lab.ts'

async function lab(flows: readonly object[]): Promise<Lab> {
  const made = await Lab.open(flows)
  onTestFinished(() => made.end())
  return made
}

const fn = (name: string, more: object = {}): object => ({ type: 'function', function: name, ...more })

/** Calls by function since the last look. */
function callsSince(l: Lab): () => Record<string, number> {
  let seen = 0
  return () => {
    const counts: Record<string, number> = {}
    for (const { name } of l.calls.slice(seen)) counts[name] = (counts[name] ?? 0) + 1
    seen = l.calls.length
    return counts
  }
}

const everything = {
  flow: 'all',
  start: 'first',
  nodes: {
    first: fn('a', { next: 'pick' }),
    pick: {
      type: 'condition',
      branches: [
        { when: '$.a.n == 1', next: 'caught' },
        { default: true, next: 'never' },
      ],
    },
    never: fn('b'),
    caught: fn('b', { onError: 'x', next: 'never' }),
    x: { type: 'error', catch: [{ next: 'kid' }] },
    kid: { type: 'subflow', flow: 'kid', params: { k: 1 }, next: 'ask' },
    ask: { type: 'callback', function: 'echo', next: 'both' },
    both: { type: 'service', execution: 'parallel', nodes: { one: fn('a', { params: {} }), two: fn('c', { params: {} }) }, next: 'fork' },
    fork: { type: 'parallel', branches: ['left', 'right'] },
    left: fn('a', { params: { left: 2 }, next: 'join' }),
    right: {
      type: 'loop',
      items: '$.list',
      as: 'i',
      nodes: { inner: fn('a', { params: { i: '$.i' }, next: 'inner2' }), inner2: fn('gate') },
      next: 'join',
    },
    join: {
      type: 'pass',
      params: { left: '$.result[0]', right: '$.result[1]', caught: '$$.nodes.caught.output.errorType', ask: '$$.nodes.ask.output' },
    },
  },
}

it('a retry takes over what had succeeded, whatever kind it is, and the rest runs as it would have', async () => {
  const l = await Lab.open([{ flow: 'kid', start: 'k', nodes: { k: fn('c') } }], {
    functions: {
      gate: ({ a }: { a: { i: number } }) => {
        gates.push(a.i)
        if (broken.has(a.i)) throw new RangeError(`no ${a.i}`)
        return { passed: a.i }
      },
    },
  })
  onTestFinished(() => l.end())
  const gates: number[] = []
  const broken = new Set([1, 2])
  // the loop needs a list behind the service
  const flow = structuredClone(everything) as any
  flow.nodes.both.nodes.two = fn('echo', { params: { list: [0, 1, 2, 3] } })
  flow.nodes.right.tolerate = 1
  await l.engine.deploy(flow)
  const calls = callsSince(l)
  l.failing.add('b')
  await l.engine.start('all', { id: 'one', input: { n: 1 } })
  const { token } = await l.waiting()
  await expect(l.engine.retry('one')).rejects.toMatchObject({ code: 'execution-running', status: 409 })
  await l.engine.callback(token, { status: 'succeeded', output: { said: 'yes' } })
  await expect(l.engine.result('one')).rejects.toMatchObject({ error: { errorType: 'RangeError' } })
  expect(calls()).toEqual({ a: 7, b: 1, c: 1, echo: 2 })

  const before = await l.records('one')
  expect(before['fork']).toMatchObject({ status: 'failed' })
  expect(before['fork[1]/right']).toMatchObject({ status: 'failed', iterations: { total: 4, succeeded: 1, failed: 2, running: 0 } })

  // still broken, though elsewhere: the retry of the retry takes over from both
  broken.delete(1)
  broken.add(3)
  const one = await l.engine.retry('one')
  expect(await one.describe()).toMatchObject({ retryOf: 'one', trigger: { type: 'retry' }, flow: 'all' })
  await expect(one.result()).rejects.toMatchObject({ error: { errorType: 'RangeError', errorMessage: 'no 3' } })
  expect((await l.records(one.id))['fork[1]/right']).toMatchObject({ iterations: { succeeded: 2, failed: 2 } })
  broken.clear()
  const two = await l.engine.retry(one.id)
  const output = await two.result()
  expect(gates).toEqual([0, 1, 2, 1, 2, 3, 2, 3])
  expect(calls()).toEqual({})
  expect(output).toEqual({
    left: { a: { left: 2 } },
    right: { result: [{ passed: 0 }, { passed: 1 }, { passed: 2 }, { passed: 3 }] },
    caught: 'Broken',
    ask: { said: 'yes' },
  })
  const after = await l.records(two.id)
  expect(Object.fromEntries(Object.values(after).map(({ place, status, attempts }) => [place, `${status} ${attempts}`]))).toEqual({
    first: 'succeeded 1',
    pick: 'succeeded 1',
    caught: 'caught 1',
    kid: 'succeeded 1',
    ask: 'succeeded 1',
    both: 'succeeded 1',
    fork: 'succeeded 1',
    'fork[0]/left': 'succeeded 1',
    'fork[1]/right': 'succeeded 1',
    join: 'succeeded 1',
  })
  expect(after['first']).toMatchObject({ input: { n: 1 }, output: { a: { n: 1 } } })
  await expect(l.engine.retry(two.id)).rejects.toMatchObject({ code: 'execution-not-failed', status: 409 })
  await expect(l.engine.retry('nobody')).rejects.toMatchObject({ code: 'execution-not-found' })
})

it('cancelled and timed out executions are retried from what had not ended; one retry at a time, over a crash', async () => {
  const l = await lab([
    { flow: 't', timeout: 0.2, start: 'f', nodes: { f: fn('a', { next: 'h' }), h: fn('held', { next: 'e' }), e: fn('echo') } },
    { flow: 's', start: 'f', nodes: { f: fn('a', { next: 'h' }), h: fn('held') } },
  ])
  await l.engine.start('t', { id: 't', input: 1 })
  await expect(l.engine.result('t')).rejects.toMatchObject({ executionStatus: 'timedOut' })
  const again = await l.engine.retry('t')
  // the timeout starts anew
  ;(await l.called('held', 2)).resolve('now')
  expect(await again.result()).toBe('now')

  await l.engine.start('s', { id: 's', input: 2 })
  await l.called('held', 3)
  await l.engine.stop('s')
  const both = await Promise.allSettled([l.engine.retry('s'), l.engine.retry('s')])
  expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  expect((both[1] as PromiseRejectedResult).reason).toMatchObject({ code: 'retry-running', status: 409 })
  await l.called('held', 4)
  await l.crash()
  await expect(l.engine.retry('s')).rejects.toMatchObject({ code: 'retry-running' })
  ;(await l.called('held', 5)).resolve('at last')
  expect(await l.engine.result((both[0] as PromiseFulfilledResult<{ id: string }>).value.id)).toBe('at last')
  expect(l.callsOf('a').map(({ event }) => event)).toEqual([1, 2])
  // a retry that has ended is no longer in the way
  await (await l.engine.retry('s')).stop()
})

it('a service takes over its inner functions, and a retry by its error node starts it from nothing', async () => {
  const l = await lab([
    {
      flow: 'v',
      start: 'v',
      nodes: { v: { type: 'service', nodes: { one: fn('a', { next: 'two' }), two: fn('b', { next: 'three' }), three: fn('c') } } },
    },
    {
      flow: 'again',
      start: 'v',
      nodes: {
        v: { type: 'service', nodes: { one: fn('a', { next: 'two' }), two: fn('b') }, onError: 'x' },
        x: { type: 'error', retry: { interval: 1, max: 1 } },
      },
    },
  ])
  const calls = callsSince(l)
  l.failing.add('b')
  await l.engine.start('v', { id: 'v', input: 0 })
  await l.engine.start('again', { id: 'again', input: 0 })
  await expect(l.engine.result('v')).rejects.toMatchObject({ error: { errorType: 'Broken' } })
  await expect(l.engine.result('again')).rejects.toMatchObject({ error: { errorType: 'Broken', attempt: 1 } })
  expect(calls()).toEqual({ a: 3, b: 3 })
  l.failing.clear()
  expect(await (await l.engine.retry('v')).result()).toEqual({ c: { b: { a: 0 } } })
  // of the second run what had succeeded is taken over
  expect(await (await l.engine.retry('again')).result()).toEqual({ b: { a: 0 } })
  expect(calls()).toEqual({ b: 2, c: 1 })
})

it('a failed child is started anew, under an id of its own', async () => {
  const l = await lab([
    { flow: 'kid', start: 'k', nodes: { k: fn('b') } },
    { flow: 'p', start: 's', nodes: { s: { type: 'subflow', flow: 'kid' } } },
  ])
  l.failing.add('b')
  await l.engine.start('p', { id: 'p', input: 1 })
  await expect(l.engine.result('p')).rejects.toMatchObject({ error: { errorType: 'SubflowFailed', cause: { errorType: 'Broken' } } })
  l.failing.clear()
  expect(await (await l.engine.retry('p')).result()).toEqual({ b: 1 })
  expect((await l.engine.list({ flow: 'kid' })).items.map(({ status }) => status)).toEqual(['succeeded', 'failed'])
})

it('rerun: from a node on, with another input; what does not lie behind it is kept', async () => {
  const l = await lab([
    {
      flow: 'r',
      start: 'first',
      nodes: {
        first: fn('a', { next: 'fork' }),
        fork: { type: 'parallel', branches: ['left', 'right'] },
        left: {
          type: 'condition',
          branches: [
            { when: '$.go == true', next: 'join' },
            { default: true, next: 'stay' },
          ],
        },
        stay: fn('b'),
        right: fn('c', { next: 'join' }),
        join: fn('echo', { next: 'each' }),
        each: { type: 'loop', items: '$.result', nodes: { stay: fn('echo', { params: { item: '$.item' } }) }, next: 'last' },
        last: { type: 'pass' },
      },
    },
  ])
  const calls = callsSince(l)
  await l.engine.start('r', { id: 'r', input: 0 })
  await l.engine.result('r')
  expect(calls()).toEqual({ a: 1, b: 1, c: 1, echo: 3 })

  // `stay` ends its branch: what lies behind the parallel lies behind it all the same. The loop has a node of that name, too.
  const plan = await l.engine.rerun('r', { from: 'stay', dryRun: true })
  expect(plan.kept.map(({ node }) => node).sort()).toEqual(['first', 'left', 'right'])
  expect(plan.again.map(({ node, reason }) => `${node}: ${reason}`).sort()).toEqual([
    'each: it lies behind stay',
    'fork: it holds stay',
    'join: it lies behind stay',
    'last: it lies behind stay',
    'stay: it runs again from here',
  ])
  expect(calls()).toEqual({})
  const again = await l.engine.rerun('r', { from: 'stay', input: { other: 1 } })
  expect(await again.result()).toEqual({ result: [{ item: { b: { other: 1 } } }, { item: { c: { a: 0 } } }] })
  expect(calls()).toEqual({ b: 1, echo: 3 })
  expect(await again.describe()).toMatchObject({ retryOf: 'r', trigger: { type: 'rerun' } })

  const loop = await l.engine.rerun('r', { from: 'each', input: { result: [1] } })
  expect(await loop.result()).toEqual({ result: [{ item: 1 }] })
  expect(calls()).toEqual({ echo: 1 })

  // a retry, or a rerun of something later, keeps the input that a rerun was given
  l.failing.add('b')
  const failed = await l.engine.rerun('r', { from: 'stay', input: { kept: 1 } })
  await expect(failed.result()).rejects.toMatchObject({ error: { errorType: 'Broken' } })
  l.failing.clear()
  const retried = await l.engine.retry(failed.id)
  expect(await retried.result()).toMatchObject({ result: [{ item: { b: { kept: 1 } } }, expect.anything()] })

  await expect(l.engine.rerun('r', { from: 'nowhere' })).rejects.toMatchObject({ code: 'node-not-reached', status: 422 })
  await expect(l.engine.rerun('r', { from: 'constructor' })).rejects.toMatchObject({ code: 'node-not-reached' })
  await expect(l.engine.rerun('r', { form: 'join' } as never)).rejects.toMatchObject({ code: 'bad-option' })
  await expect(l.engine.rerun('r', { version: '7' })).rejects.toMatchObject({ code: 'flow-not-found' })
})

it('rerun on a changed definition: what has changed runs again with what lies behind it, the containers around it too', async () => {
  const flow = (more: object, right: object = fn('c')): object => ({
    flow: 'v',
    start: 'first',
    nodes: {
      first: fn('a', { next: 'fork' }),
      fork: { type: 'parallel', branches: ['left', 'right'] },
      left: fn('b', { next: 'join', ...more }),
      right: { ...right, next: 'join' },
      join: { type: 'pass' },
    },
  })
  const l = await lab([flow({})])
  const calls = callsSince(l)
  await l.engine.start('v', { id: 'v', input: 1 })
  await l.engine.result('v')
  calls()
  await l.engine.deploy(flow({ params: { new: true } }))
  const plan = await l.engine.rerun('v', { from: 'join', version: 'latest', dryRun: true })
  expect(plan.kept.map(({ node }) => node).sort()).toEqual(['first', 'right'])
  const again = await l.engine.rerun('v', { from: 'join', version: 'latest' })
  expect(await again.result()).toEqual({ result: [{ b: { new: true } }, { c: { a: 1 } }] })
  expect(calls()).toEqual({ b: 1 })
  // without a version it is its own definition that runs
  const own = await l.engine.rerun('v', { from: 'left' })
  expect(await own.result()).toEqual({ result: [{ b: { a: 1 } }, { c: { a: 1 } }] })
  expect(calls()).toEqual({ b: 1 })
  await until(async () => (await l.engine.list({ status: 'running' })).items.length === 0, 'all has ended')
})
