import { expect } from 'vitest'
import { rejection } from '../calls.ts'
import { createEngine, promiseExecutor, type EngineOptions } from '../../../engine/index.ts'
import type { Bench } from './bench.ts'

export function options(bench: Bench): void {
  bench.it('bad ids, flows, options and inputs of a start are refused, and nothing of them is recorded', async (l) => {
    await l.deploy(
      { flow: l.name('std'), start: 'e', nodes: { e: l.fn('echo') } },
      { flow: l.name('ex'), mode: 'express', start: 'e', nodes: { e: l.fn('echo') } },
    )
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    let deep: unknown = 1
    for (let at = 0; at < 513; at++) deep = [deep]
    const [std, ex] = [l.name('std'), l.name('ex')]
    const cases: [string, object, string][] = [
      ...['', 'a b', 'x'.repeat(129), '../x', 'ä', 7].map((id): [string, object, string] => [std, { id }, 'bad-option']),
      [l.name('nothere'), {}, 'flow-not-found'],
      [`${std}:7`, {}, 'version-not-found'],
      [std, { inptu: 1 }, 'bad-option'],
      [std, { signal: {} }, 'bad-option'],
      [std, { signal: AbortSignal.abort() }, 'aborted'],
      [std, { onNode: () => undefined }, 'bad-option'],
      [std, { input: 1n }, 'bad-input'],
      [std, { input: () => 1 }, 'bad-input'],
      [std, { input: cycle }, 'bad-input'],
      [std, { input: 'x'.repeat(6 * 1024 * 1024) }, 'payload-too-large'],
      [std, { input: deep }, 'payload-too-deep'],
      [std, { trigger: { type: 'x', event: 1n } }, 'bad-input'],
      [std, { trigger: { type: 5 } }, 'bad-option'],
      [ex, { trigger: { type: 'x', event: cycle } }, 'bad-input'],
    ]
    for (const [flow, given, code] of cases) {
      const what = `${flow} ${Object.keys(given).join()} ${code}`
      expect(await rejection(l.engine.start(flow, given as never)), what).toMatchObject({ name: 'EngineError', code })
      expect(await rejection(l.engine.run(flow, given as never)), what).toMatchObject({ code })
    }
    expect(await rejection(l.engine.start(undefined as never))).toMatchObject({ code: 'flow-not-found' })
    expect(await l.statuses('std')).toEqual([])
    // the store has taken no harm
    expect(await l.engine.run(std, { input: null })).toBeNull()
    expect(await l.engine.run(std)).toEqual({})
    expect(await l.engine.run(std, { input: undefined } as never)).toEqual({})
    expect(await l.engine.run(std, { input: { at: new Date(0), gone: undefined } as never })).toEqual({ at: '1970-01-01T00:00:00.000Z' })
    await l.shows(async () => expect(await l.statuses('std')).toEqual(Array(4).fill('succeeded')))
  })

  bench.it('other calls refuse options that they do not have, and values that do not fit', async (l) => {
    await l.deploy({ flow: l.name('std'), start: 'e', nodes: { e: l.fn('echo') } })
    const { id } = await l.start('std')
    await l.engine.result(id)
    const calls: [string, () => Promise<unknown>][] = [
      ...[{ limit: 0 }, { limit: 201 }, { limit: 1.5 }, { limit: '1' }, { cursor: 'nonsense' }, { cursor: '' }, { cursor: 7 }].map(
        (bad): [string, () => Promise<unknown>] => [`list ${JSON.stringify(bad)}`, () => l.engine.list(bad as never)],
      ),
      ...[{ status: 'gone' }, { status: ['running', 'x'] }, { flows: 'x' }, null].map((bad): [string, () => Promise<unknown>] => [
        `list ${JSON.stringify(bad)}`,
        () => l.engine.list(bad as never),
      ]),
      ...[{ offset: -1 }, { offset: 0.5 }, { limit: 0 }, { limit: 1.5 }, { iteration: 'x' }].map(
        (bad): [string, () => Promise<unknown>] => [`nodes ${JSON.stringify(bad)}`, () => l.engine.nodes(id, bad as never)],
      ),
      ['rerun', () => l.engine.rerun(id, { form: 'e' } as never)],
      ['events after', () => l.engine.events(id, { after: 1.5 })[Symbol.asyncIterator]().next()],
      [
        'events signal',
        () =>
          l.engine
            .events(id, { signal: 1 as never })
            [Symbol.asyncIterator]()
            .next(),
      ],
      ['result signal', () => l.engine.result(id, { signal: 'x' as never })],
    ]
    for (const [what, call] of calls)
      expect(await rejection(call()), what).toMatchObject({ name: 'EngineError', code: 'bad-option', status: 400 })
  })

  bench.it('options of createEngine that are wrong are refused', async (l) => {
    const bad: object[] = [
      { stroe: 'x' },
      { engine: 'elastic' },
      { store: '' },
      { store: 7 },
      { retentionMs: -1 },
      { retentionMs: Number.NaN },
      { publicUrl: 7 },
      { jwt: {} },
      { jwt: { issuer: 'a', audience: 'b', jwksUrl: 'c' } },
      { onLog: 'x' },
      { onCallback: {} },
      { functions: 7 },
      { functions: { f: 'text' } },
      { functions: { 'a b': () => 1 } },
      { functions: { f: { app: 'x' } } },
      { executors: { x: {} } },
      { channels: { x: { kind: 'smoke' } } },
      { channels: { x: null } },
      { outbound: { allow: [] } },
      { outbound: { allowPrivate: '10.0.0.0/8' } },
      { outbound: { allowPrivate: ['10.0.0.0/33'] } },
      { outbound: { allowPrivate: ['http://files.internal'] } },
    ]
    for (const given of bad)
      expect(await rejection(l.subject.open(l.name('bad'), given)), JSON.stringify(given)).toMatchObject({
        name: 'EngineError',
        code: 'bad-option',
      })
    for (const given of [null, 7, { engine: 'embedded', temporal: {} }])
      expect(await rejection(createEngine(given as EngineOptions)), JSON.stringify(given)).toMatchObject({ code: 'bad-option' })
  })

  bench.it('the engine temporal without a store is refused', async () =>
    expect(await rejection(createEngine({ engine: 'temporal' }))).toMatchObject({ code: 'bad-option' }),
  )

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
  bench.alone(
    'executors of one own, functions by specification, channels that are not there, listeners that throw',
    async (l) => {
      const { engine } = l
      const warnings: Error[] = []
      const listen = (warning: Error): void => void warnings.push(warning)
      process.on('warning', listen)
      await l.deploy({ flow: l.name('far'), start: 'f', nodes: { f: { type: 'function', function: 'far' } } })
      expect(await engine.run(l.name('far'), { input: 1 })).toEqual({ flown: 1 })
      expect(await rejection(engine.run(l.name('far'), { input: 'lost' }))).toMatchObject({
        error: { status: 449, errorType: 'Fog', function: 'default/far:latest', attempt: 1 },
      })
      const throwing = {
        onNode: () => {
          throw new Error('bad listener')
        },
      }
      const inMode = async (mode: 'standard' | 'express'): Promise<void> => {
        const [event, asking] = [l.name(`event-${mode}`), l.name(`ask-${mode}`)]
        await l.deploy({ flow: event, mode, start: 'e', nodes: { e: { type: 'event', channel: '$gone' } } })
        expect(await rejection(engine.run(event))).toMatchObject({ error: { status: 404, errorType: 'ChannelNotFound' } })
        const nodes = { e: { type: 'event', channel: 'log', next: 'a' }, a: l.ask('echo', { timeout: 2 * l.subject.slack }) }
        await l.deploy({ flow: asking, mode, start: 'e', nodes })
        expect(await rejection(engine.run(asking, mode === 'express' ? throwing : {}))).toMatchObject({
          error: { errorType: 'CallbackTimeout' },
        })
      }
      await Promise.all([inMode('standard'), inMode('express')])
      process.off('warning', listen)
      if (l.subject.answersInOrder) expect(new Set(warnings.map(({ name }) => name))).toEqual(new Set(['FnflowListenerWarning']))
      const told = warnings.filter(({ name }) => name === 'FnflowListenerWarning').map(({ message }) => message.split(' ')[0])
      expect(new Set(told)).toEqual(new Set(['onCallback', 'onLog', 'onNode']))
    },
    {
      functions: { far: spec },
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
    },
  )
}
