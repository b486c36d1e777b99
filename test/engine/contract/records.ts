import { expect } from 'vitest'
import type { NodeRecord } from '../../../engine/index.ts'
import { until, rejection } from '../calls.ts'
import type { Bench } from './bench.ts'

const shape = (records: readonly NodeRecord[]): string[] =>
  records.map(({ place, type, status, attempts }) => `${place} ${type} ${status} ${attempts}`)

export function records(bench: Bench): void {
  bench.it('records: in order of start, with places, filters, what was not found, retries and live states; logs', async (l) => {
    await l.deploy({
      flow: l.name('rec'),
      start: 'one',
      nodes: {
        one: l.fn('a', {
          params: { x: '$.x', gone: '$.gone', deep: [{ more: '$.more' }] },
          label: 'The first',
          output: '$.a',
          next: 'each',
        }),
        each: {
          type: 'loop',
          items: '$$.execution.input.list',
          tolerate: 5,
          concurrency: 2,
          nodes: { in1: l.fn('f', { params: { i: '$.item', no: '$.no' }, next: 'in2' }), in2: l.fn('echo') },
          next: 'svc',
        },
        svc: { type: 'service', nodes: { s1: l.fn('echo', { next: 's2' }), s2: l.fn('echo') }, next: 'bad' },
        bad: l.fn('g', { params: {}, onError: 'x' }),
        x: { type: 'error', retry: { interval: 1, max: 1 }, catch: [{ next: 'fork' }] },
        fork: { type: 'parallel', branches: ['w', 'ask', 'log'] },
        w: { type: 'wait', seconds: 600 },
        ask: l.ask('echo'),
        log: { type: 'event', channel: 'news', data: { what: '$.errorType', none: '$.none' }, subject: 's' },
      },
    })
    l.on('f', ({ i }: { i: number }, context) => {
      context.logger.info(`item ${i}`)
      if (i % 3 === 2) throw new RangeError(`not ${i}`)
      return { i }
    })
    l.on('g', () => {
      throw new TypeError('as always')
    })
    const id = l.name('rec')
    await l.start('rec', { id, input: { x: 1, list: [0, 1, 2, 3, 4] } })
    await l.reached(id, 'bad', 'retrying')
    expect((await l.records(id))['bad']).toMatchObject({ status: 'retrying', attempts: 1 })
    await l.waiting()
    await l.reached(id, 'fork[2]/log', 'succeeded')
    await l.reached(id, 'fork[1]/ask', 'waiting')
    const all = await l.engine.nodes(id)
    expect(shape(all)).toEqual([
      'one function succeeded 1',
      'each loop succeeded 1',
      'svc service succeeded 1',
      'svc[0]/s1 function succeeded 1',
      'svc[0]/s2 function succeeded 1',
      'bad function caught 2',
      'fork parallel running 1',
      'fork[0]/w wait waiting 1',
      'fork[1]/ask callback waiting 1',
      'fork[2]/log event succeeded 1',
    ])
    const by = Object.fromEntries(all.map((record) => [record.place, record]))
    expect(by['one']).toMatchObject({
      label: 'The first',
      input: { x: 1 },
      output: { x: 1, deep: [{}] },
      unresolved: ['gone', 'deep[0].more'],
    })
    expect(by['each']).toMatchObject({ iterations: { total: 5, succeeded: 4, failed: 1, running: 0 } })
    expect(by['bad']).toMatchObject({ status: 'caught', output: { status: 430, errorType: 'TypeError', attempt: 2 } })
    expect(by['bad']!.error).toBeUndefined()
    expect(by['fork']).toMatchObject({ input: { errorType: 'TypeError' } })
    expect(by['fork']!.endedAt).toBeUndefined()
    expect(by['fork[2]/log']).toMatchObject({ output: { eventId: `${id}/fork[2]#1/log#1` }, unresolved: ['none'] })
    for (const { startedAt, endedAt } of all) expect(endedAt ?? startedAt).toBeGreaterThanOrEqual(startedAt)
    const event = l.lines.find(({ text }) => text.startsWith('[channel news]') && text.includes(`"${id}/`))!
    expect(JSON.parse(event.text.slice('[channel news] '.length))).toMatchObject({
      id: `${id}/fork[2]#1/log#1`,
      subject: 's',
      data: { what: 'TypeError' },
    })

    // inside a loop: by iteration, and page by page
    const inside = await l.engine.nodes(id, { iterations: 'each' })
    expect(shape(inside)).toEqual([
      'each[0]/in1 function succeeded 1',
      'each[0]/in2 function succeeded 1',
      'each[1]/in1 function succeeded 1',
      'each[1]/in2 function succeeded 1',
      'each[2]/in1 function failed 1',
      'each[3]/in1 function succeeded 1',
      'each[3]/in2 function succeeded 1',
      'each[4]/in1 function succeeded 1',
      'each[4]/in2 function succeeded 1',
    ])
    expect(inside[0]).toMatchObject({ unresolved: ['no'], output: { i: 0 } })
    expect(inside[4]).toMatchObject({ error: { errorType: 'RangeError', errorMessage: 'not 2' } })
    expect(shape(await l.engine.nodes(id, { iterations: 'each', offset: 2, limit: 2 }))).toEqual(shape(inside.slice(4, 7)))
    expect(await l.engine.nodes(id, { iterations: 'each', offset: 5 })).toEqual([])
    expect(await l.engine.nodes(id, { iterations: 'svc' })).toEqual([])
    expect(await rejection(l.engine.nodes(id, { offset: -1 }))).toMatchObject({ code: 'bad-option' })
    expect(await rejection(l.engine.nodes('nobody'))).toMatchObject({ code: 'execution-not-found' })

    // log lines carry time, node and the request id of their attempt
    await l.shows(async () => {
      const { items: logs } = await l.engine.logs(id)
      expect(logs.map(({ text, node, level }) => [text, node, level]).sort()).toEqual(
        [0, 1, 2, 3, 4].map((i) => [`item ${i}`, 'in1', 'info']),
      )
      if (l.subject.answersInOrder) expect(logs.map(({ text }) => text)).toEqual([0, 1, 2, 3, 4].map((i) => `item ${i}`))
      expect(new Set(logs.map(({ requestId }) => requestId)).size).toBe(5)
      expect(logs[0]!.requestId).toMatch(/^[A-Za-z0-9-]+$/)
      for (const { time } of logs) expect(Math.abs(time - all[0]!.startedAt)).toBeLessThan(60_000)
    })

    // of the ended execution all of it is the same
    await l.engine.stop(id)
    const later = await l.engine.nodes(id)
    expect(shape(later)).toEqual([
      ...shape(all).slice(0, 6),
      'fork parallel cancelled 1',
      'fork[0]/w wait cancelled 1',
      'fork[1]/ask callback cancelled 1',
      shape(all)[9],
    ])
    expect(later.slice(0, 6)).toEqual(all.slice(0, 6))
    expect(await l.engine.nodes(id, { iterations: 'each' })).toEqual(inside)
  })

  bench.it('log lines: of all levels, of failed attempts too, in order; none where nothing was said', async (l) => {
    await l.deploy({
      flow: l.name('f'),
      start: 'f',
      nodes: { f: l.fn('f', { onError: 'x' }), x: { type: 'error', retry: { interval: 1, max: 1 } } },
    })
    l.on('f', (_event, { logger, attempt }) => {
      logger.debug(`debug ${attempt}`)
      logger.warn(`warn ${attempt}\nsecond line`)
      logger.error(`error ${attempt} ü\0\ud800`)
      if (attempt === 1) throw new Error('again')
      return null
    })
    const execution = await l.start('f')
    await execution.result()
    await l.shows(async () => {
      const { items: logs } = await l.engine.logs(execution.id)
      expect(logs.map(({ level, node, attempt }) => `${level} ${node} ${attempt}`)).toEqual(
        [1, 2].flatMap((n) => [`debug f ${n}`, `warn f ${n}`, `warn f ${n}`, `error f ${n}`]),
      )
      // a line each
      const said = (n: number): unknown[] => [`debug ${n}`, `warn ${n}`, 'second line', expect.stringMatching(`error ${n} ü`)]
      expect(logs.map(({ text }) => text)).toEqual([...said(1), ...said(2)])
      const ids = logs.map(({ requestId }) => requestId)
      expect([new Set(ids.slice(0, 4)).size, new Set(ids.slice(4)).size, new Set(ids).size]).toEqual([1, 1, 2])
    })
    await l.deploy({ flow: l.name('quiet'), start: 'e', nodes: { e: l.fn('echo') } })
    const quiet = await l.start('quiet')
    expect(await l.engine.logs(quiet.id)).toEqual({ items: [] })
    await quiet.result()
    expect(await l.engine.logs(quiet.id)).toEqual({ items: [] })
    expect(await rejection(l.engine.logs('nobody'))).toMatchObject({ code: 'execution-not-found' })
  })

  bench.it('the records of a loop that runs: what runs, what has ended, what has not begun', async (l) => {
    await l.deploy({
      flow: l.name('f'),
      start: 'each',
      nodes: { each: { type: 'loop', items: '$', concurrency: 2, nodes: { n: l.fn('held', { params: { i: '$.item' } }) } } },
    })
    const id = l.name('f')
    await l.start('f', { id, input: [0, 1, 2, 3] })
    await l.calls.called('held', 2)
    l.calls
      .of('held')
      .find(({ event }) => event.i === 1)!
      .resolve('one')
    await l.calls.called('held', 3)
    await until(async () => (await l.records(id))['each']?.iterations?.succeeded === 1, 'one has ended')
    expect(await l.records(id)).toMatchObject({
      each: { status: 'running', iterations: { total: 4, succeeded: 1, failed: 0, running: 2 } },
    })
    expect(shape(await l.engine.nodes(id, { iterations: 'each' }))).toEqual([
      'each[0]/n function running 1',
      'each[1]/n function succeeded 1',
      'each[2]/n function running 1',
    ])
    expect((await l.records(id, 'each'))['each[0]/n']).toMatchObject({ status: 'running', input: { item: 0 } })
    await l.engine.stop(id)
    expect(shape(await l.engine.nodes(id, { iterations: 'each' }))).toEqual([
      'each[0]/n function cancelled 1',
      'each[1]/n function succeeded 1',
      'each[2]/n function cancelled 1',
    ])
  })
}
