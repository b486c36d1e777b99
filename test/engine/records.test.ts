import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ExecutionEvent, NodeRecord } from '../../engine/api.ts'
import { queries } from '../../engine/embedded/listing.ts'
import { hostOf, Lab, pause, until } from './lab.ts'

const fn = (name: string, more: object = {}): object => ({ type: 'function', function: name, ...more })

const FLOWS = [
  {
    flow: 'rec',
    start: 'one',
    nodes: {
      one: {
        ...fn('a', { params: { x: '$.x', gone: '$.gone', deep: [{ more: '$.more' }] }, label: 'The first', output: '$.a' }),
        next: 'each',
      },
      each: {
        type: 'loop',
        items: '$$.execution.input.list',
        tolerate: 5,
        concurrency: 2,
        nodes: { in1: fn('picky', { params: { i: '$.item', no: '$.no' }, next: 'in2' }), in2: fn('echo') },
        next: 'svc',
      },
      svc: { type: 'service', nodes: { s1: fn('echo', { next: 's2' }), s2: fn('echo') }, next: 'bad' },
      bad: { ...fn('thrower', { params: {} }), onError: 'x' },
      x: { type: 'error', retry: { interval: 1, max: 1 }, catch: [{ next: 'fork' }] },
      fork: { type: 'parallel', branches: ['w', 'ask', 'log'] },
      w: { type: 'wait', seconds: 600 },
      ask: { type: 'callback', function: 'echo' },
      log: { type: 'event', channel: 'news', data: { what: '$.errorType', none: '$.none' }, subject: 's' },
    },
  },
  { flow: 'mini', start: 'm', nodes: { m: fn('echo') } },
  { flow: 'sad', start: 'm', nodes: { m: fn('thrower') } },
  { flow: 'long', start: 'm', nodes: { m: { type: 'wait', seconds: 600 } } },
  {
    flow: 'calls',
    start: 'm',
    nodes: {
      m: { type: 'parallel', branches: ['one', 'two'] },
      one: { type: 'subflow', flow: 'mini' },
      two: { type: 'subflow', flow: 'long' },
    },
  },
]

let l: Lab
const lines: { text: string }[] = []

beforeAll(async () => {
  l = await Lab.open(FLOWS, {
    channels: { news: { kind: 'log' } },
    onLog: (line) => lines.push(line),
    functions: {
      picky: ({ i }: { i: number }, context) => {
        context.logger.info(`item ${i}`)
        if (i % 3 === 2) throw new RangeError(`not ${i}`)
        return { i }
      },
      thrower: () => {
        throw new TypeError('as always')
      },
    },
  })
})
afterAll(() => l.end())

const shape = (records: readonly NodeRecord[]): string[] =>
  records.map(({ place, type, status, attempts }) => `${place} ${type} ${status} ${attempts}`)

it('records: in order of start, with places, filters applied, what was not found, retries and live states', async () => {
  await l.engine.start('rec', { id: 'rec', input: { x: 1, list: [0, 1, 2, 3, 4] } })
  await until(async () => (await l.records('rec'))['bad']?.status === 'retrying', 'retrying')
  expect((await l.records('rec'))['bad']).toMatchObject({ status: 'retrying', attempts: 1 })
  await l.waiting()
  await until(async () => (await l.records('rec'))['fork[2]/log']?.status === 'succeeded', 'published')
  const records = await l.engine.nodes('rec')
  expect(shape(records)).toEqual([
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
  const by = Object.fromEntries(records.map((record) => [record.place, record]))
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
  expect(by['fork[2]/log']).toMatchObject({ output: { eventId: 'rec/fork[2]#1/log#1' }, unresolved: ['none'] })
  for (const { startedAt, endedAt } of records) expect(endedAt ?? startedAt).toBeGreaterThanOrEqual(startedAt)
  const event = lines.find(({ text }) => text.startsWith('[channel news]'))!
  expect(JSON.parse(event.text.slice('[channel news] '.length))).toMatchObject({
    id: 'rec/fork[2]#1/log#1',
    subject: 's',
    data: { what: 'TypeError' },
  })
})

it('inside a loop: by iteration, and page by page', async () => {
  const all = await l.engine.nodes('rec', { iterations: 'each' })
  expect(shape(all)).toEqual([
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
  expect(all[0]).toMatchObject({ unresolved: ['no'], output: { i: 0 } })
  expect(all[4]).toMatchObject({ error: { errorType: 'RangeError', errorMessage: 'not 2' } })
  expect(shape(await l.engine.nodes('rec', { iterations: 'each', offset: 2, limit: 2 }))).toEqual(shape(all.slice(4, 7)))
  expect(await l.engine.nodes('rec', { iterations: 'svc' })).toEqual([])
  await expect(l.engine.nodes('rec', { offset: -1 })).rejects.toMatchObject({ code: 'bad-option' })
  await expect(l.engine.nodes('nobody')).rejects.toMatchObject({ code: 'execution-not-found' })
})

it('log lines carry time, node and the request id of their attempt', async () => {
  const logs = await l.engine.logs('rec')
  expect(logs.map(({ text, node, level }) => [text, node, level])).toEqual([0, 1, 2, 3, 4].map((i) => [`item ${i}`, 'in1', 'info']))
  expect(new Set(logs.map(({ requestId }) => requestId)).size).toBe(5)
  expect(logs[0]!.requestId).toMatch(/^[A-Za-z0-9-]+$/)
})

it('lists: newest first, by flow, state and parent, in pages that inserts do not shift', async () => {
  for (let at = 0; at < 7; at++) await l.engine.start('mini', { id: `mini${at}` })
  for (let at = 0; at < 3; at++) await l.engine.start('sad', { id: `sad${at}` })
  await l.engine.start('calls', { id: 'parent' })
  await until(async () => (await l.engine.list({ status: 'running' })).items.length === 3, 'the rest has ended')
  const ids = async (options: object): Promise<string[]> => (await l.engine.list(options)).items.map(({ id }) => id)
  expect(await ids({ flow: 'sad' })).toEqual(['sad2', 'sad1', 'sad0'])
  expect(await ids({ flow: 'sad', status: 'succeeded' })).toEqual([])
  expect(await ids({ flow: 'mini', status: ['succeeded'], limit: 3 })).toHaveLength(3)
  expect((await ids({ status: ['failed', 'running'] })).slice(1)).toEqual(['parent', 'sad2', 'sad1', 'sad0', 'rec'])
  const { items } = await l.engine.list({ parent: 'parent' })
  expect(items.map(({ flow, parent }) => [flow, parent?.node]).sort()).toEqual([
    ['long', 'm[1]/two'],
    ['mini', 'm[0]/one'],
  ])
  expect(items[0]).not.toHaveProperty('input')

  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = await l.engine.list({ limit: 4, ...(cursor === undefined ? {} : { cursor }) })
    seen.push(...page.items.map(({ id }) => id))
    await l.engine.start('mini')
    cursor = page.nextCursor
  } while (cursor !== undefined)
  expect(new Set(seen).size).toBe(seen.length)
  expect(seen).toEqual(expect.arrayContaining(['rec', 'mini0', 'mini6', 'sad0', 'parent']))

  for (const bad of [
    { limit: 0 },
    { limit: 201 },
    { limit: 1.5 },
    { cursor: 'nonsense' },
    { cursor: '' },
    { status: 'gone' },
    { flows: 'x' },
  ])
    await expect(l.engine.list(bad as never), JSON.stringify(bad)).rejects.toMatchObject({ code: 'bad-option' })
})

it('every list goes by an index: no scan of the table, no sort', () => {
  const { store } = hostOf(l.engine)
  for (const options of [
    {},
    { flow: 'mini' },
    { status: 'running' },
    { status: 'failed', flow: 'sad' },
    { status: ['running', 'failed'] },
    { parent: 'p', flow: 'mini' },
    { status: ['succeeded'], flow: 'mini' },
  ] as const) {
    for (const { sql, values } of queries(store, options)) {
      const full = `EXPLAIN QUERY PLAN SELECT key FROM executions WHERE ${sql}${sql === '' ? '' : ' AND '}key < ? ORDER BY key DESC LIMIT ?`
      const plan = store
        .all<{ detail: string }>(full, ...values, 1e9, 10)
        .map(({ detail }) => detail)
        .join('; ')
      expect(plan, JSON.stringify(options)).toMatch(/^SEARCH/)
      expect(plan, JSON.stringify(options)).not.toMatch(/SCAN|TEMP B-TREE/)
    }
  }
})

async function collect(events: AsyncIterable<ExecutionEvent>, into: ExecutionEvent[] = []): Promise<ExecutionEvent[]> {
  for await (const event of events) into.push(event)
  return into
}
const told = (events: readonly ExecutionEvent[]): string[] =>
  events.map((event) =>
    event.type === 'node' ? `${event.node.place} ${event.node.status}` : event.type === 'execution' ? event.execution.status : event.type,
  )

it('events: the state so far, then every change, then the end; `after` leaves out what was seen', async () => {
  await l.engine.deploy({
    flow: 'ev',
    start: 'one',
    nodes: {
      one: fn('a', { next: 'ask' }),
      ask: { type: 'callback', function: 'echo', next: 'w' },
      w: { type: 'wait', seconds: 0.1, next: 'last' },
      last: fn('b'),
    },
  })
  await l.engine.start('ev', { id: 'ev' })
  const known = l.callbacks.length
  const seen: ExecutionEvent[] = []
  const all = collect(l.engine.events('ev'), seen)
  await until(() => l.callbacks.some(({ execution }) => execution === 'ev'), 'the callback')
  await until(() => seen.some(({ type }) => type === 'callback'), 'its event')
  const middle = collect(l.engine.events('ev'))
  const aborting = new AbortController()
  const aborted = collect(l.engine.events('ev', { signal: aborting.signal }))
  await pause(10)
  aborting.abort()
  expect(told(await aborted)).toEqual(['one succeeded', 'ask waiting', 'callback'])
  const { token } = seen.find((event) => event.type === 'callback') as ExecutionEvent & { type: 'callback' }
  expect(l.callbacks.slice(Math.min(known, l.callbacks.length - 1)).at(-1)!.token).toBe(token)
  await l.engine.callback(token, { status: 'succeeded', output: 1 })
  await all
  // what runs so briefly that it has ended when it is told of is told once
  const lasting = (events: readonly ExecutionEvent[]): string[] => told(events).filter((line) => !line.endsWith(' running'))
  expect(lasting(seen)).toEqual([
    'one succeeded',
    'ask waiting',
    'callback',
    'ask succeeded',
    'w waiting',
    'w succeeded',
    'last succeeded',
    'succeeded',
  ])
  expect(seen.map(({ id }) => id)).toEqual([...seen.map(({ id }) => id)].sort((a, b) => a - b))
  expect(lasting(await middle)).toEqual(lasting(seen))

  // of an ended execution: its state, or what came after a position
  const whole = await collect(l.engine.events('ev'))
  expect(told(whole)).toEqual(['one succeeded', 'ask succeeded', 'w succeeded', 'last succeeded', 'succeeded'])
  const waiting = seen.find((event) => event.type === 'callback')!.id
  expect(told(await collect(l.engine.events('ev', { after: waiting })))).toEqual([
    'ask succeeded',
    'w succeeded',
    'last succeeded',
    'succeeded',
  ])
  expect(told(await collect(l.engine.events('ev', { after: 0 })))).toEqual(told(whole))
  expect(told(await collect(l.engine.events('ev', { after: whole.at(-1)!.id })))).toEqual(['succeeded'])
  expect(told(await collect(l.engine.events('ev', { after: 999 })))).toEqual(told(whole))
  await expect(collect(l.engine.events('nobody'))).rejects.toMatchObject({ code: 'execution-not-found' })
  await expect(collect(l.engine.events('ev', { after: 1.5 }))).rejects.toMatchObject({ code: 'bad-option' })
})

it('events: a slow consumer misses no node and no end, and holds up nobody', async () => {
  const list = Array.from({ length: 300 }, (_, at) => at)
  await l.engine.deploy({
    flow: 'busy',
    start: 'each',
    nodes: { each: { type: 'loop', items: '$', concurrency: 1, nodes: { n: fn('a') }, next: 'end' }, end: { type: 'end' } },
  })
  await l.engine.start('busy', { id: 'busy', input: list })
  const seen: ExecutionEvent[] = []
  for await (const event of l.engine.events('busy')) {
    seen.push(event)
    await pause(20)
  }
  expect(seen.length).toBeLessThan(100)
  const loops = seen.flatMap((event) => (event.type === 'node' && event.node.place === 'each' ? [event.node] : []))
  expect(loops.at(-1)).toMatchObject({ status: 'succeeded', iterations: { total: 300, succeeded: 300, running: 0 } })
  expect(told(seen.slice(-2))).toEqual(['end succeeded', 'succeeded'])
})

it('a store that fails, and an engine that closes, end the streams and the waits with an error', async () => {
  const own = await Lab.open([{ flow: 'h', start: 'h', nodes: { h: fn('held') } }])
  await own.engine.start('h', { id: 'h' })
  await own.called('held')
  const stream = collect(own.engine.events('h'))
  const result = own.engine.result('h')
  await pause(20)
  const { journal } = hostOf(own.engine)
  journal.write(() => {
    throw new Error('no more')
  })
  await expect(stream).rejects.toMatchObject({ code: 'store-failed' })
  await expect(result).rejects.toMatchObject({ code: 'store-failed' })
  await expect(own.engine.stop('h')).rejects.toMatchObject({ code: 'store-failed' })
  expect(own.callsOf('held')[0]!.signal.aborted).toBe(true)
  // by itself it goes on, with the same request
  const again = await own.called('held', 2)
  expect(again.requestId).toBe(own.callsOf('held')[0]!.requestId)
  const closing = Promise.allSettled([collect(own.engine.events('h')), own.engine.result('h')])
  await pause(20)
  await own.end()
  expect(await closing).toMatchObject([{ reason: { code: 'engine-closed' } }, { reason: { code: 'engine-closed' } }])
})
