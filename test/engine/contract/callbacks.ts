import { expect } from 'vitest'
import { until, rejection } from '../calls.ts'
import type { Bench } from './bench.ts'

const used = { name: 'EngineError', code: 'callback-already-used', status: 409 }
const expired = { name: 'EngineError', code: 'callback-expired', status: 410 }
const unknown = { name: 'EngineError', code: 'callback-not-found', status: 404 }

export function callbacks(bench: Bench): void {
  bench.it('an answer is the output of its node, once; the function has token and URL by body and by context', async (l) => {
    await l.deploy({
      flow: l.name('c'),
      start: 'ask',
      nodes: { ask: l.ask('f', { params: { mine: '$$.callback', x: '$.x' }, next: 'then' }), then: l.fn('b') },
    })
    const told: { mine: unknown; context: unknown }[] = []
    l.on('f', ({ mine }: { mine: unknown }, { callback }) => void told.push({ mine, context: callback }))
    const execution = await l.start('c', { input: { x: 1 } })
    const info = await l.waiting()
    const { token, url } = info
    expect(info).toEqual({ execution: execution.id, flow: l.name('c'), node: 'ask', token, url })
    expect(url.endsWith(`/v1/callbacks/${token}`)).toBe(true)
    expect(token.length).toBeGreaterThanOrEqual(22)
    expect(told).toEqual([{ mine: { token, url }, context: { token, url } }])
    await l.reached(execution.id, 'ask', 'waiting')
    for (const bad of [`${token.slice(0, -2)}xx`, token.toUpperCase(), '', 'x'.repeat(10_000), `${token} `, '../..', undefined, null, 7])
      expect(await rejection(l.engine.callback(bad as never, { status: 'succeeded' })), String(bad).slice(0, 20)).toMatchObject(unknown)
    for (const bad of [undefined, null, {}, { status: 'ok' }, 'succeeded', { status: 'failed', error: 'text' }])
      expect(await rejection(l.engine.callback(token, bad as never))).toMatchObject({ code: 'bad-input' })
    await l.engine.callback(token, { status: 'succeeded', output: { yes: 1 } })
    for (const status of ['succeeded', 'failed'] as const) expect(await rejection(l.engine.callback(token, { status }))).toMatchObject(used)
    expect(await execution.result()).toEqual({ b: { yes: 1 } })
    expect(await rejection(l.engine.callback(token, { status: 'failed' }))).toMatchObject(used)
    expect((await l.records(execution.id))['ask']).toMatchObject({ status: 'succeeded', attempts: 1, output: { yes: 1 } })
  })

  bench.it('20 answers at the same moment: one counts', async (l) => {
    await l.deploy({ flow: l.name('c'), start: 'ask', nodes: { ask: l.ask('echo') } })
    const execution = await l.start('c')
    const { token } = await l.waiting()
    const answers = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => l.engine.callback(token, { status: 'succeeded', output: n })),
    )
    const taken = answers.flatMap(({ status }, n) => (status === 'fulfilled' ? [n] : []))
    expect(taken).toHaveLength(1)
    for (const answer of answers) if (answer.status === 'rejected') expect(answer.reason).toMatchObject(used)
    expect(await execution.result()).toBe(taken[0])
  })

  bench.alone('a token outlives a crash, and is announced again where its node waits in memory', async (l) => {
    await l.deploy({ flow: l.name('c'), start: 'ask', nodes: { ask: l.ask('echo', { next: 'then' }), then: l.fn('b') } })
    const execution = await l.start('c')
    const { token } = await l.waiting()
    await l.reached(execution.id, 'ask', 'waiting')
    await l.interrupt()
    if (l.subject.announcesAgain) expect((await l.waiting(2)).token).toBe(token)
    expect(l.calls.of('echo')).toHaveLength(1)
    await l.engine.callback(token, { status: 'succeeded', output: { yes: 1 } })
    expect(await rejection(l.engine.callback(token, { status: 'succeeded' }))).toMatchObject(used)
    expect(await l.engine.result(execution.id)).toEqual({ b: { yes: 1 } })
    await l.restart()
    expect(await rejection(l.engine.callback(token, { status: 'failed' }))).toMatchObject(used)
    expect(await l.engine.result(execution.id)).toEqual({ b: { yes: 1 } })
  })

  bench.it('an answer that comes before the function has returned counts when it returns, and only if it succeeds', async (l) => {
    await l.deploy({ flow: l.name('early'), start: 'ask', nodes: { ask: l.ask('held', { params: { id: '$$.execution.id' } }) } })
    const executions = []
    for (const how of ['ok', 'no', 'refused']) executions.push(await l.start('early', { id: l.name(how) }))
    await l.calls.called('held', 3)
    const [ok, no, refused] = executions.map(({ id }) => l.calls.of('held').find(({ event }) => event.id === id)!)
    const calls = [ok!, no!, refused!]
    await l.engine.callback(ok!.callback!.token, { status: 'succeeded', output: 7 })
    await l.engine.callback(no!.callback!.token, { status: 'succeeded', output: 7 })
    await l.engine.callback(refused!.callback!.token, { status: 'failed', error: { errorType: 'No' } })
    for (const { callback } of calls)
      expect(await rejection(l.engine.callback(callback!.token, { status: 'succeeded' }))).toMatchObject(used)
    ok!.resolve('ignored')
    no!.reject(new TypeError('boom'))
    refused!.resolve('ignored')
    expect(await Promise.allSettled(executions.map((execution) => execution.result()))).toMatchObject([
      { value: 7 },
      { reason: { error: { errorType: 'TypeError', status: 430 } } },
      { reason: { error: { errorType: 'No' } } },
    ])
    // used, though in vain
    for (const { callback } of calls)
      expect(await rejection(l.engine.callback(callback!.token, { status: 'succeeded' }))).toMatchObject(used)
  })

  bench.it('a refusal fails the node, as its error says', async (l) => {
    await l.deploy({
      flow: l.name('c'),
      start: 'ask',
      nodes: {
        ask: l.ask('echo', { onError: 'x' }),
        x: { type: 'error', catch: [{ when: "$.errorType == 'Declined'", next: 'caught' }] },
        caught: { type: 'pass' },
      },
    })
    const answers: [object, object][] = [
      [
        { status: 'failed', error: { errorType: 'Declined', errorMessage: 'no', more: [1] } },
        { status: 430, errorMessage: 'no', more: [1] },
      ],
      [{ status: 'failed', error: { errorType: 'Declined', status: 402 } }, { status: 402 }],
    ]
    for (const [at, [answer, output]] of answers.entries()) {
      const execution = await l.start('c')
      const { token } = await l.waiting(at + 1)
      await l.engine.callback(token, answer as never)
      expect(await execution.result()).toMatchObject({ errorType: 'Declined', ...output })
      expect((await l.records(execution.id))['ask']).toMatchObject({ status: 'caught' })
    }
    const execution = await l.start('c')
    await l.engine.callback((await l.waiting(3)).token, { status: 'failed' })
    expect(await rejection(execution.result())).toMatchObject({
      executionStatus: 'failed',
      error: { status: 430, errorType: 'CallbackFailed' },
    })
  })

  bench.it('a function that fails takes its token with it', async (l) => {
    await l.deploy({ flow: l.name('c'), start: 'ask', nodes: { ask: l.ask('f') } })
    let token = ''
    l.on('f', (_event, { callback }) => {
      token = callback.token as string
      throw new Error('not sent')
    })
    expect(await rejection(l.engine.run(l.name('c')))).toMatchObject({ error: { errorMessage: 'not sent' } })
    expect(await rejection(l.engine.callback(token, { status: 'succeeded' }))).toMatchObject(expired)
    expect(l.callbacks).toEqual([])
  })

  bench.it('during the retry interval, after the timeout and for an earlier attempt a token is late: 410', async (l) => {
    await l.deploy({
      flow: l.name('late'),
      start: 'ask',
      nodes: {
        ask: l.ask('echo', { timeout: 2 * l.subject.slack, onError: 'x' }),
        x: { type: 'error', retry: { interval: 2, max: 1 }, catch: [{ next: 'done' }] },
        done: { type: 'pass', params: { type: '$.errorType', status: '$.status' } },
      },
    })
    const id = l.name('late')
    await l.start('late', { id })
    const { token: one } = await l.waiting()
    await l.reached(id, 'ask', 'retrying')
    expect(await rejection(l.engine.callback(one, { status: 'succeeded' }))).toMatchObject(expired)
    const { token: two } = await l.waiting(2)
    expect(two).not.toBe(one)
    expect(await rejection(l.engine.callback(one, { status: 'succeeded' }))).toMatchObject(expired)
    expect(await l.engine.result(id)).toEqual({ type: 'CallbackTimeout', status: 433 })
    for (const late of [one, two]) expect(await rejection(l.engine.callback(late, { status: 'succeeded' }))).toMatchObject(expired)
  })

  bench.it('the token of an earlier attempt is void while the later one waits, whose own counts', async (l) => {
    await l.deploy({
      flow: l.name('c'),
      start: 'ask',
      nodes: { ask: l.ask('held', { onError: 'x' }), x: { type: 'error', retry: { interval: 1, max: 1 } } },
    })
    const execution = await l.start('c')
    const one = await l.calls.called('held')
    one.reject(new Error('first'))
    const two = await l.calls.called('held', 2)
    expect([two.attempt, two.callback!.token === one.callback!.token]).toEqual([2, false])
    expect(await rejection(l.engine.callback(one.callback!.token, { status: 'succeeded', output: 1 }))).toMatchObject(expired)
    two.resolve(null)
    await l.waiting()
    expect(await rejection(l.engine.callback(one.callback!.token, { status: 'succeeded', output: 1 }))).toMatchObject(expired)
    await l.engine.callback(two.callback!.token, { status: 'succeeded', output: 2 })
    expect(await execution.result()).toBe(2)
  })

  bench.it('after a stop, and after a parallel was decided without it, a token is late', async (l) => {
    await l.deploy(
      { flow: l.name('c'), start: 'ask', nodes: { ask: l.ask('echo') } },
      {
        flow: l.name('any'),
        start: 'p',
        nodes: { p: { type: 'parallel', complete: 'any', branches: ['ask', 'h'] }, ask: l.ask('echo'), h: l.fn('held') },
      },
    )
    const stopped = await l.start('c')
    const { token: one } = await l.waiting()
    await stopped.stop()
    expect(await rejection(l.engine.callback(one, { status: 'succeeded' }))).toMatchObject(expired)
    const decided = await l.start('any')
    const { token: two } = await l.waiting(2)
    ;(await l.calls.called('held')).resolve('first')
    expect(await decided.result()).toEqual({ result: ['first'] })
    expect(await rejection(l.engine.callback(two, { status: 'succeeded' }))).toMatchObject(expired)
  })

  bench.it('many callbacks of one execution, answered in any order', async (l) => {
    const branches = Array.from({ length: 20 }, (_, at) => `ask${at}`)
    await l.deploy({
      flow: l.name('c'),
      start: 'p',
      nodes: { p: { type: 'parallel', branches }, ...Object.fromEntries(branches.map((name) => [name, l.ask('echo')])) },
    })
    const execution = await l.start('c')
    await l.waiting(20)
    await until(async () => (await l.engine.nodes(execution.id)).filter(({ status }) => status === 'waiting').length === 20, 'all wait')
    for (const { token, node } of [...l.callbacks].sort(() => Math.random() - 0.5))
      await l.engine.callback(token, { status: 'succeeded', output: node })
    expect(await execution.result()).toEqual({ result: branches })
  })
}
