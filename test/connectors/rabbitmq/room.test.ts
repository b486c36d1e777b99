/** What is taken of a queue is what there is room for: nothing goes back, which the broker counts as a failure of the message. */
import type { Options } from 'amqplib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { LocalEngine } from '../../../engine/internal.ts'
import { pause } from '../../engine/calls.ts'
import { needServices } from '../../services/need.ts'
import { TestHost } from '../host.ts'
import { begin, Lab, messagesOf, newName, numbered, numbers, range, WAIT } from './lab.ts'

const { rabbitmq } = needServices('rabbitmq')

/** A queue that gives up a message which was put back more often than `limit`, and where those go. */
async function limited(lab: Lab, limit: number): Promise<{ readonly queue: string; readonly dead: string }> {
  const dead = await lab.queue()
  const args = { 'x-queue-type': 'quorum', 'x-delivery-limit': limit, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead }
  return { queue: await lab.queue({ arguments: args } satisfies Options.AssertQueue), dead }
}

const cameAgain = (host: TestHost): boolean => host.events.some(({ event }) => JSON.stringify(event).includes('"redelivered":true'))

describe('a flow that is slower than its queue', () => {
  test.each([1, 2])('is given each message once, whatever the delivery limit: %s', { timeout: 60_000 }, async (limit) => {
    const lab = await Lab.open(rabbitmq)
    const { queue, dead } = await limited(lab, limit)
    const engine = await LocalEngine.open({ connections: { mq: { kind: 'rabbitmq', url: rabbitmq } } })
    onTestFinished(() => engine.close())
    await lab.send(queue, ...numbered(50))
    await engine.deploy({
      flow: 'slow',
      triggers: [{ type: 'rabbitmq', name: 'in', connection: 'mq', queue, maxInFlight: 1, input: { n: '$.records[0].messages[0]' } }],
      start: 'kind',
      nodes: {
        kind: {
          type: 'condition',
          branches: [
            { when: '$.n < 3', next: 'long' },
            { default: true, next: 'short' },
          ],
        },
        // longer than an acknowledgement is withheld
        long: { type: 'wait', seconds: 1.3 },
        short: { type: 'wait', seconds: 0.03 },
      },
    })
    await expect.poll(async () => (await engine.triggers.get('slow', 'in')).counts.started, WAIT).toBe(50)
    await expect.poll(() => lab.ready(queue), WAIT).toBe(0)
    const { items } = await engine.list({ limit: 200 })
    const inputs = await Promise.all(items.map(async ({ id }) => (await engine.describe(id)).input))
    expect(inputs.map((input) => (input as { n: number }).n).sort((a, b) => a - b)).toEqual(range(50))
    expect((await engine.triggers.get('slow', 'in')).counts).toMatchObject({ started: 50, deduplicated: 0 })
    expect(await lab.ready(dead)).toBe(0)
  })

  test('stands still for long, again and again, and nothing comes twice', async () => {
    const lab = await Lab.open(rabbitmq)
    const { queue, dead } = await limited(lab, 1)
    const host = new TestHost(2)
    begin(rabbitmq, host, { queue })
    await lab.send(queue, ...numbered(12))
    for (let ended = 0; ended < 10; ended++) {
      await expect.poll(() => host.events.length, WAIT).toBe(ended + 2)
      // by then the consumer has gone, and all is acknowledged
      await expect.poll(async () => (await lab.channel.checkQueue(queue)).consumerCount, WAIT).toBe(0)
      expect(await lab.ready(queue)).toBe(10 - ended)
      host.end()
    }
    await expect.poll(() => host.events.length, WAIT).toBe(12)
    expect(numbers(host).flat()).toEqual(range(12))
    expect([cameAgain(host), await lab.ready(dead)]).toEqual([false, 0])
  })

  test('takes more at a time when there is more room', async () => {
    const lab = await Lab.open(rabbitmq)
    const { queue, dead } = await limited(lab, 1)
    const host = new TestHost(1)
    begin(rabbitmq, host, { queue, prefetch: 64 })
    await lab.send(queue, ...numbered(200))
    await expect.poll(() => host.events.length, WAIT).toBe(1)
    host.end(150)
    await expect.poll(() => host.events.length, WAIT).toBe(151)
    await expect.poll(() => lab.ready(queue), WAIT).toBe(49)
    host.end(49)
    await expect.poll(() => host.events.length, WAIT).toBe(200)
    expect([cameAgain(host), await lab.ready(dead)]).toEqual([false, 0])
  })

  test('and takes batches has no more messages than batches that it may start', async () => {
    const lab = await Lab.open(rabbitmq)
    const { queue, dead } = await limited(lab, 1)
    const host = new TestHost(2)
    begin(rabbitmq, host, { queue, batch: { size: 10, window: '1s' } })
    await lab.send(queue, ...numbered(55))
    await expect.poll(() => host.events.length, WAIT).toBe(2)
    await expect.poll(() => lab.ready(queue), WAIT).toBe(35)
    for (const events of [3, 4, 5, 6]) {
      await expect.poll(async () => (await lab.channel.checkQueue(queue)).consumerCount, WAIT).toBe(0)
      host.end()
      await expect.poll(() => host.events.length, WAIT).toBe(events)
    }
    expect(host.events.map(({ event }) => messagesOf(event).length)).toEqual([10, 10, 10, 10, 10, 5])
    expect([cameAgain(host), await lab.ready(dead)]).toEqual([false, 0])
  })
})

describe('messages that cannot be started', () => {
  test('are held, and not put back, for as long as a broker lets them', async () => {
    const lab = await Lab.open(rabbitmq)
    const { queue, dead } = await limited(lab, 1)
    const host = new TestHost()
    let isAway = true
    host.fate = () => {
      if (isAway) throw new Error('the store is away')
      return 'started'
    }
    begin(rabbitmq, host, { queue })
    await lab.send(queue, ...numbered(20))
    await expect.poll(() => lab.ready(queue), WAIT).toBe(0)
    await pause(1500)
    expect(await lab.ready(queue)).toBe(0)
    isAway = false
    await expect.poll(() => host.events.length, WAIT).toBe(20)
    expect([cameAgain(host), await lab.ready(dead)]).toEqual([false, 0])
  })

  test('go back in the end; then one at a time is tried, until one is started', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = await lab.queue({}, newName())
    const host = new TestHost()
    let isAway = true
    let tries = 0
    host.fate = () => {
      tries += 1
      if (isAway) throw new Error('the store is away')
      return 'started'
    }
    begin(rabbitmq, host, { queue }, { heldMs: 400 })
    await lab.send(queue, ...numbered(20))
    // all were in hand, then they were put back, and one of them is tried again
    await expect.poll(() => tries, WAIT).toBeGreaterThan(20)
    await expect.poll(() => lab.ready(queue), WAIT).toBe(19)
    isAway = false
    await expect.poll(() => host.events.length, WAIT).toBe(20)
    await expect.poll(() => lab.ready(queue), WAIT).toBe(0)
    expect(
      numbers(host)
        .flat()
        .sort((a, b) => Number(a) - Number(b)),
    ).toEqual(range(20))
  })
})
