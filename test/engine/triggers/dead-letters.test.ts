import { createHash } from 'node:crypto'
import { afterEach, expect, it } from 'vitest'
import { fastify } from 'fastify'
import { NotInFormat } from '../../../connectors/format.ts'
import { fnflowApi } from '../../../engine/http/api.ts'
import { LocalEngine } from '../../../engine/internal.ts'
import { Receiver } from '../http/receiver.ts'
import { rejection, until } from '../calls.ts'
import { record, Sources } from './source.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** A trigger whose dead letters go to a receiver, which answers with `status`. */
async function scene(filter = '$.n > 0') {
  const sources = new Sources()
  const receiver = new Receiver()
  await receiver.listen()
  const { url } = receiver
  closing.push(() => receiver.close())
  const engine = await LocalEngine.open(
    { channels: { dead: { kind: 'http', url, mode: 'structured' } }, outbound: { allowPrivate: ['127.0.0.1'] } },
    { connectors: sources.connectors },
  )
  closing.push(() => engine.close())
  const trigger = { type: 'kafka', name: 'orders', connection: 'main', topics: ['orders'], groupId: 'g', filter, deadLetter: 'dead' }
  await engine.deploy({ flow: 'f', triggers: [trigger], start: 'n', nodes: { n: { type: 'pass' } } })
  await until(() => sources.current !== undefined, 'a source')
  return { engine, receiver, host: sources.current!.host }
}

it('have the bytes as they came, whoever has found that they are none', async () => {
  const { engine, receiver, host } = await scene()
  const bytes = Buffer.from('{"n": oops\n')
  const original = { bytes, contentType: 'application/json' }
  const poison = new NotInFormat('it is no JSON')
  expect(await host.deliver({ ...record(1), event: null, original, poison })).toEqual({ outcome: 'deadLettered' })
  const wrong = Buffer.from('{"n":"text"}')
  expect(await host.deliver({ ...record(2, { n: 'text' }), original: { bytes: wrong } })).toEqual({ outcome: 'deadLettered' })
  // not from a broker that hands bytes on
  expect(await host.deliver(record(3, { n: [] }))).toEqual({ outcome: 'deadLettered' })
  const [first, second, third] = receiver.received.map(({ body }) => JSON.parse(body) as any)
  expect(first).toMatchObject({
    specversion: '1.0',
    type: 'fnflow.dead-letter',
    source: '/flows/f',
    data: {
      flow: 'f',
      trigger: { type: 'kafka', name: 'orders' },
      place: 'orders/0/1',
      reason: 'it is no JSON',
      contentType: 'application/json',
      data_base64: bytes.toString('base64'),
    },
  })
  expect(second.data.data_base64).toBe(wrong.toString('base64'))
  expect(Buffer.from(third.data.data_base64, 'base64').toString()).toBe('{"n":[]}')
  expect(new Set([first.id, second.id, third.id]).size).toBe(3)
  expect(await host.places.read()).toEqual(new Map([['main/orders/0', { next: 4 }]]))
  expect((await engine.triggers.get('f', 'orders')).counts).toMatchObject({ deadLettered: 3, started: 0 })
})

it('leave out bytes that the channel does not take, with their length and hash', async () => {
  const { receiver, host } = await scene()
  receiver.answer = ({ body }) => ({ status: body.length > 2000 ? 413 : 200 })
  const bytes = Buffer.alloc(3000, 'x')
  expect(await host.deliver({ ...record(1), original: { bytes }, poison: new NotInFormat('it is no JSON') })).toEqual({
    outcome: 'deadLettered',
  })
  const { data } = JSON.parse(receiver.received.at(-1)!.body) as any
  expect(data.left_out).toEqual({ length: 3000, sha256: createHash('sha256').update(bytes).digest('hex') })
  expect(data.data_base64).toBeUndefined()
})

it('hold a trigger up while their channel is away, which is then degraded and says why', async () => {
  const { engine, receiver, host } = await scene()
  const app = fastify()
  closing.push(() => app.close())
  await app.register(fnflowApi, { engine })
  receiver.answer = () => ({ status: 401 })
  const { handled, failure } = await host.deliverAll([record(1, { n: 1 }), record(2, { n: 'bad' }), record(3, { n: 3 })])
  expect(handled.map(({ outcome }) => outcome)).toEqual(['started'])
  expect(failure).toMatchObject({ code: 'channel-unavailable' })
  expect(await host.places.read()).toEqual(new Map([['main/orders/0', { next: 2 }]]))
  const ready = await app.inject('/readyz')
  expect([ready.statusCode, ready.json()]).toMatchObject([
    200,
    { status: 'degraded', triggers: [{ flow: 'f', name: 'orders', state: 'running', reason: expect.stringContaining('dead') }] },
  ])
  expect((await engine.triggers.get('f', 'orders')).error?.message).toContain('the dead-letter channel dead')
  receiver.answer = () => ({ status: 200 })
  const again = await host.deliverAll([record(2, { n: 'bad' }), record(3, { n: 3 })])
  expect(again.handled.map(({ outcome }) => outcome)).toEqual(['deadLettered', 'started'])
  expect((await engine.triggers.get('f', 'orders')).error).toBeUndefined()
  // readiness is asked for at most once a second
  await until(async () => (await app.inject('/readyz')).json<{ status: string }>().status === 'ready', 'ready again')
})

it('are no matter of a flow that is not there: the event waits', async () => {
  const { engine, receiver, host } = await scene()
  await engine.catalogue.remove('f')
  expect(await rejection(host.deliver(record(1)))).toMatchObject({ code: 'flow-not-found' })
  expect(receiver.received).toEqual([])
})

it('of a topic come first: while their channel is away, the message starts nothing', async () => {
  const { engine, receiver } = await scene()
  const subscribed = (flow: string, more: object) => ({
    flow,
    triggers: [{ type: 'topic', name: 't', topic: 'news', ...more }],
    start: 'n',
    nodes: { n: { type: 'pass' } },
  })
  await engine.deploy(subscribed('takes', {}))
  await engine.deploy(subscribed('fails', { filter: '$.record[0].smn.message > 1', deadLetter: 'dead' }))
  receiver.answer = () => ({ status: 401 })
  expect(await rejection(engine.triggers.publish('news', { message: 'text' }))).toMatchObject({ code: 'channel-unavailable' })
  expect((await engine.list({ flow: 'takes' })).items).toEqual([])
  expect((await engine.triggers.get('takes', 't')).inFlight).toBe(0)
  receiver.answer = () => ({ status: 200 })
  expect(await engine.triggers.publish('news', { message: 'text' })).toMatchObject({ executions: 1 })
  expect((await engine.list({ flow: 'takes' })).items).toHaveLength(1)
})
