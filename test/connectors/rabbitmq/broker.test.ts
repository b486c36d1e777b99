import { hash } from 'node:crypto'
import { describe, expect, onTestFinished, test } from 'vitest'
import { EventTooLarge } from '../../../connectors/channels/contract.ts'
import { addressOf } from '../../../connectors/rabbitmq/address.ts'
import { connect } from '../../../connectors/rabbitmq/amqp.ts'
import { Link } from '../../../connectors/rabbitmq/link.ts'
import { Publisher } from '../../../connectors/rabbitmq/publisher.ts'
import { Backoff } from '../../../connectors/triggers/backoff.ts'
import { LocalEngine } from '../../../engine/internal.ts'
import { freePort } from '../../../scripts/services/ports.ts'
import type { RabbitmqOptions } from '../../../scripts/services/rabbitmq.ts'
import { startServices } from '../../../scripts/services/start.ts'
import { newAuthority } from '../../engine/temporal/certificates.ts'
import { needServices } from '../../services/need.ts'
import { TestHost } from '../host.ts'
import { begin, Lab, numbered, numbers, openKind, range, WAIT } from './lab.ts'

needServices('rabbitmq')

/** A broker that starts, and others with it. */
const SLOW = 120_000

async function startBroker(options: RabbitmqOptions) {
  const { addresses, services, stop } = await startServices(['rabbitmq'], {
    log: () => undefined,
    own: true,
    options: { rabbitmq: options },
  })
  onTestFinished(stop)
  return { address: addresses.rabbitmq, service: services.rabbitmq }
}

describe('a broker of its own', () => {
  test('is reached over TLS, cuts what takes too long, and is taken up again when it was restarted', { timeout: SLOW }, async () => {
    const [authority, other] = [newAuthority(), newAuthority()]
    const [server, client] = [authority.sign('localhost'), authority.sign('client')]
    const port = await freePort()
    const { address, service } = await startBroker({
      tls: { ca: authority.ca, cert: server.cert, key: server.key, port, mutual: true },
      // looked at each second, not each minute
      advanced: '[{rabbit, [{channel_tick_interval, 1000}]}].',
      settings: { consumer_timeout: 1000 },
    })
    const tls = { ca: authority.ca, cert: client.cert, key: client.key }
    const mq = { kind: 'rabbitmq', host: 'localhost', port } as const
    const lab = await Lab.open(address)
    const queue = await lab.queue()

    // an authority that is not the server's, and no certificate of one's own
    const [strange, nobody] = [new TestHost(), new TestHost()]
    const sources = [
      begin({ ...mq, tls: { ...tls, ca: other.ca } }, strange, { queue }),
      begin({ ...mq, tls: { ca: authority.ca } }, nobody, { queue }),
    ]
    await expect.poll(() => strange.states.at(-1), WAIT).toEqual({ state: 'connecting', error: expect.stringMatching(/certificate/) })
    await expect.poll(() => nobody.states.at(-1), WAIT).toEqual({ state: 'connecting', error: expect.any(String) })
    await Promise.all(sources.map((source) => source.stop()))

    // messages that are held for longer than the broker waits come again, and start nothing twice
    const host = new TestHost()
    let isSlow = true
    host.fate = async (): Promise<'started'> => {
      while (isSlow) await new Promise((resolve) => setTimeout(resolve, 10))
      return 'started'
    }
    begin({ ...mq, tls }, host, { queue })
    await lab.send(queue, ...numbered(3))
    await expect
      .poll(() => host.states, WAIT)
      .toContainEqual({
        state: 'failed',
        error: expect.stringMatching(/^406 PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out/),
      })
    isSlow = false
    await expect.poll(() => host.counts, WAIT).toEqual({ deduplicated: 3 })
    expect(numbers(host).flat().sort()).toEqual(range(3))
    await expect.poll(() => lab.ready(queue), WAIT).toBe(0)

    await service.restart()
    const again = await Lab.open(address)
    await again.send(queue, { body: 3, messageId: 'm3' })
    await expect.poll(() => numbers(host).flat().sort(), WAIT).toEqual(range(4))
    expect(host.states).toContainEqual({ state: 'reconnecting', error: expect.any(String) })
    expect(host.states.at(-1)?.state).toBe('running')
  })

  test('that is short of memory takes no events, which is told; messages are still read', { timeout: SLOW }, async () => {
    const { address } = await startBroker({ settings: { 'vm_memory_high_watermark.absolute': '1MB' } })
    const lab = await Lab.open(address)
    const queue = await lab.queue()
    const host = new TestHost()
    begin(address, host, { queue })
    await expect.poll(() => host.states.at(-1)?.state, WAIT).toBe('running')

    const closed = new AbortController()
    const backoff = () => new Backoff({ firstMs: 50 })
    const link = new Link(() => connect(addressOf({ kind: 'rabbitmq', url: address, tls: false }, undefined, 'test')), backoff())
    const publisher = new Publisher({ exchange: '', routingKey: queue }, { link, backoff, closed: closed.signal, triedMs: 1000 })
    onTestFinished(() => publisher.close())
    const event = {
      specversion: '1.0' as const,
      id: 'one',
      source: '/tests',
      type: 'test',
      time: '2030-01-01T00:00:00.000Z',
      datacontenttype: 'application/json' as const,
      data: 1,
    }
    await expect(publisher.publish(event)).rejects.toThrow('not confirmed within 1 s: the broker takes no messages for now: low on memory')
    expect(link.health).toEqual({ state: 'failed', reason: 'the broker takes no messages: low on memory' })
    const waiting = publisher.publish(event)
    closed.abort()
    await expect(waiting).rejects.toThrow('the engine closes')
    expect(host.states.at(-1)?.state).toBe('running')
  })

  test(
    'that takes no large messages is told large events from others; of a dead letter the bytes are left out',
    { timeout: SLOW },
    async () => {
      const { address } = await startBroker({ settings: { max_message_size: 100_000 } })
      const lab = await Lab.open(address)
      const [queue, letters] = [await lab.queue(), await lab.queue()]
      const kind = openKind({ mq: { kind: 'rabbitmq', url: address, tls: false } })
      onTestFinished(() => kind.close!())
      const channel = kind.channel!('out', { connection: 'mq', exchange: '', routingKey: queue } as never)
      const eventOf = (id: string, data: string) => ({
        specversion: '1.0' as const,
        id,
        source: '/tests',
        type: 'test',
        time: '2030-01-01T00:00:00.000Z',
        datacontenttype: 'application/json' as const,
        data,
      })
      // those that are on their way with it are not refused
      const others = range(50).map((n) => channel.publish(eventOf(`e${n}`, 'x'.repeat(10_000))))
      const large = channel.publish(eventOf('large', 'x'.repeat(200_000)))
      const more = range(50).map((n) => channel.publish(eventOf(`f${n}`, 'x')))
      await expect(large).rejects.toThrow(EventTooLarge)
      await expect(large).rejects.toThrow(/^406 PRECONDITION_FAILED - message size \d+ (is )?larger than/)
      await Promise.all([...others, ...more])
      const ids = (await lab.drain(queue)).map(({ properties }) => String(properties.messageId))
      expect(new Set(ids)).toEqual(new Set(range(50).flatMap((n) => [`e${n}`, `f${n}`])))

      const engine = await LocalEngine.open({
        connections: { mq: { kind: 'rabbitmq', url: address } },
        channels: { dead: { connection: 'mq', exchange: '', routingKey: letters } as never },
      })
      onTestFinished(() => engine.close())
      const trigger = { type: 'rabbitmq', name: 'in', connection: 'mq', queue, format: 'json', deadLetter: 'dead' }
      await engine.deploy({ flow: 'f', triggers: [trigger], start: 'n', nodes: { n: { type: 'pass' } } })
      // as base64 it is larger than what the broker takes
      const bytes = Buffer.from('{'.repeat(90_000))
      await lab.send(queue, { body: bytes, messageId: 'poison' }, { body: { n: 1 }, messageId: 'good' })
      await expect.poll(async () => (await engine.triggers.get('f', 'in')).counts, WAIT).toMatchObject({ deadLettered: 1, started: 1 })
      const [letter] = await lab.drain(letters)
      const { data } = JSON.parse(letter!.content.toString()) as { data: object }
      expect(data).toMatchObject({ left_out: { length: bytes.length, sha256: hash('sha256', bytes, 'hex') } })
    },
  )
})
