import { describe, expect, test } from 'vitest'
import { needServices } from '../../services/need.ts'
import { TestHost } from '../host.ts'
import { begin, Lab, newName, numbered, numbers, WAIT } from './lab.ts'

const { rabbitmq } = needServices('rabbitmq')

const lastState = (host: TestHost) => host.states.at(-1)

describe('a queue that is declared', () => {
  test('is made, with its arguments, and read', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = newName()
    lab.forget(queue)
    const host = new TestHost()
    begin(rabbitmq, host, { queue, declare: true, arguments: { 'x-queue-type': 'quorum', 'x-max-length': 1000 } })
    await expect.poll(() => lastState(host)?.state, WAIT).toBe('running')
    await lab.apart((channel) => channel.assertQueue(queue, { arguments: { 'x-queue-type': 'quorum', 'x-max-length': 1000 } }))
    await lab.send(queue, ...numbered(3))
    await expect.poll(() => numbers(host).flat().sort(), WAIT).toEqual([0, 1, 2])
    await expect.poll(() => lab.ready(queue), WAIT).toBe(0)
  })

  test.each([
    ['fanout', {}, { routingKey: 'any' }, null],
    ['direct', { routingKey: 'orders' }, { routingKey: 'orders' }, { routingKey: 'others' }],
    ['topic', { routingKey: 'orders.*.eu' }, { routingKey: 'orders.new.eu' }, { routingKey: 'orders.new.us' }],
    ['headers', { bindingArguments: { 'x-match': 'all', kind: 'order' } }, { headers: { kind: 'order' } }, { headers: { kind: 'bill' } }],
  ])('is bound to a %s exchange', async (exchangeType, binding, fits, other) => {
    const lab = await Lab.open(rabbitmq)
    const [queue, exchange] = [newName(), newName('x')]
    lab.forget(queue)
    const host = new TestHost()
    begin(rabbitmq, host, { queue, exchange, exchangeType, declare: true, ...binding })
    await expect.poll(() => lastState(host)?.state, WAIT).toBe('running')
    const send = ({ routingKey = '', headers = {} }: { routingKey?: string; headers?: object }, body: number) =>
      lab.send(routingKey, { exchange, body, headers, messageId: `m${body}` })
    if (other !== null) await send(other, 1)
    await send(fits, 2)
    await expect.poll(() => numbers(host).flat(), WAIT).toEqual([2])
    expect(host.events[0]!.event).toMatchObject({ records: [{ exchange }] })
    await lab.apart((channel) => channel.deleteExchange(exchange))
  })

  test('otherwise is told with what can be done, and taken up when that is mended', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = await lab.queue({ arguments: { 'x-max-length': 5 } })
    const host = new TestHost()
    begin(rabbitmq, host, { queue, declare: true })
    await expect
      .poll(() => lastState(host)?.error, WAIT)
      .toMatch(/^406 PRECONDITION_FAILED - inequivalent arg 'x-max-length'.*; give the arguments/)
    expect(lastState(host)?.state).toBe('failed')
    await lab.apart((channel) => channel.deleteQueue(queue))
    await expect.poll(() => lastState(host), WAIT).toEqual({ state: 'running', error: undefined })
  })

  test('and deleted while it is read is made again', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = newName()
    lab.forget(queue)
    const host = new TestHost()
    begin(rabbitmq, host, { queue, declare: true })
    await expect.poll(() => lastState(host)?.state, WAIT).toBe('running')
    await lab.apart((channel) => channel.deleteQueue(queue))
    const error = `the broker has cancelled the consumer: queue '${queue}' is gone, or moves`
    await expect.poll(() => host.states, WAIT).toContainEqual({ state: 'reconnecting', error })
    await expect.poll(() => lastState(host)?.state, WAIT).toBe('running')
    await lab.send(queue, ...numbered(1))
    await expect.poll(() => numbers(host), WAIT).toEqual([[0]])
  })
})

describe('a queue that is not there', () => {
  test('is told, and read as soon as it is there', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = newName()
    const host = new TestHost()
    begin(rabbitmq, host, { queue })
    const error = `404 NOT_FOUND - no queue '${queue}' in vhost '/'; make it, or say declare: true`
    await expect.poll(() => lastState(host), WAIT).toEqual({ state: 'failed', error })
    await lab.queue({}, queue)
    await lab.send(queue, ...numbered(1))
    await expect.poll(() => numbers(host), WAIT).toEqual([[0]])
    expect(lastState(host)?.state).toBe('running')
  })

  test('or whose exchange is not, consumes nothing', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = await lab.queue()
    const exchange = newName('x')
    const host = new TestHost()
    await lab.send(queue, ...numbered(1))
    begin(rabbitmq, host, { queue, exchange })
    const error = `404 NOT_FOUND - no exchange '${exchange}' in vhost '/'; make it, or say declare: true`
    await expect.poll(() => lastState(host), WAIT).toEqual({ state: 'failed', error })
    expect([await lab.ready(queue), host.events]).toEqual([1, []])
  })
})

describe('a broker', () => {
  test('that refuses the user is told, without the password', async () => {
    const { hostname, port } = new URL(rabbitmq)
    const host = new TestHost()
    begin({ kind: 'rabbitmq', host: hostname, port: Number(port), username: 'nobody', password: 'sesame' }, host, { queue: 'q' })
    await expect.poll(() => lastState(host)?.error, WAIT).toMatch(/^403 ACCESS_REFUSED - Login was refused/)
    expect(lastState(host)?.state).toBe('failed')
    expect(JSON.stringify(host.states)).not.toContain('sesame')
  })

  test('that does not have the virtual host is told', async () => {
    const host = new TestHost()
    begin(rabbitmq, host, { queue: 'q', vhost: 'no/where' })
    await expect
      .poll(() => lastState(host)?.error, WAIT)
      .toMatch(/^530 NOT_ALLOWED - the broker refuses virtual host 'no\/where': it is not there/)
    expect(lastState(host)?.state).toBe('failed')
  })

  test('that is away is tried again', async () => {
    const host = new TestHost()
    begin('amqp://127.0.0.1:1', host, { queue: 'q' })
    await expect.poll(() => lastState(host), WAIT).toEqual({ state: 'connecting', error: 'connect ECONNREFUSED 127.0.0.1:1' })
  })

  test('that nobody has configured is told', async () => {
    const host = new TestHost()
    begin(rabbitmq, host, { queue: 'q', connection: 'other' })
    await expect.poll(() => lastState(host), WAIT).toEqual({ state: 'failed', error: 'there is no connection other of kind rabbitmq' })
  })
})
