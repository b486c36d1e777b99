/** A broker of its own, which asks who is there. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KafkaConnection } from '../../../connectors/kafka/connection.ts'
import { freePort } from '../../../scripts/services/ports.ts'
import { startServices, type RunningServices } from '../../../scripts/services/start.ts'
import { until } from '../../engine/calls.ts'
import { newAuthority } from '../../engine/temporal/certificates.ts'
import { needServices } from '../../services/need.ts'
import { TestHost } from '../host.ts'
import { Lab, sourceOf, triggerOf } from './lab.ts'
import { count, numbersOf } from './numbers.ts'

needServices('kafka')

const START_MS = 180_000
const USER = { username: 'fnflow', password: 'pass-0af765' }
const authority = newAuthority()
const client = authority.sign('client')
let services: RunningServices<'kafka'>
let lab: Lab
let ports: { sasl: number; saslTls: number; mutualTls: number }
let topic: string

beforeAll(async () => {
  ports = { sasl: await freePort(), saslTls: await freePort(), mutualTls: await freePort() }
  const { ca } = authority
  const { cert, key } = authority.sign('broker')
  const secure = { ...USER, saslPort: ports.sasl, saslTlsPort: ports.saslTls, mutualTlsPort: ports.mutualTls, ca, cert, key }
  services = await startServices(['kafka'], { log: () => undefined, options: { kafka: { secure } } })
  lab = new Lab(services.addresses.kafka)
  topic = await lab.topic()
  await lab.numbers(topic, 1, 3)
}, START_MS)

afterAll(() => services?.stop(), START_MS)

type Connection = Omit<KafkaConnection, 'kind'>
const overTls = (more: Partial<Connection> = {}): Connection => ({ brokers: [`localhost:${ports.mutualTls}`], ...more })

/** Resolves to the error that the trigger shows. */
async function refusalOf(connection: Connection): Promise<string> {
  const host = new TestHost()
  const { source, troubles, end } = sourceOf(connection, triggerOf({ topics: [topic] }), host)
  await source.start()
  await until(() => host.states.some(({ state }) => state === 'failed'), 'the refusal')
  await end()
  expect(host.events).toEqual([])
  expect(troubles.length).toBeGreaterThan(0)
  return host.states.find(({ state }) => state === 'failed')!.error!
}

async function reads(connection: Connection): Promise<void> {
  const host = new TestHost()
  const { source, end } = sourceOf(connection, triggerOf({ topics: [topic] }), host)
  await source.start()
  await until(() => host.events.length === 3, 'the records')
  expect(numbersOf(host)).toEqual({ 0: count(1, 3) })
  await end()
}

describe('a connection', () => {
  it.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)('with %s is let in with the right password alone', async (mechanism) => {
    const brokers = [`127.0.0.1:${ports.sasl}`]
    await reads({ brokers, sasl: { mechanism, ...USER } })
    const refusal = await refusalOf({ brokers, sasl: { mechanism, ...USER, password: 'wrong-5c1d90' } })
    expect(refusal).toMatch(/authentication failed|invalid credentials/i)
    expect(refusal).not.toContain('wrong-5c1d90')
  })

  it('with SASL over TLS is let in, and knows whom it speaks to', async () => {
    const sasl = { mechanism: 'scram-sha-512', ...USER } as const
    const brokers = [`localhost:${ports.saslTls}`]
    await reads({ brokers, sasl, tls: { ca: authority.ca } })
    expect(await refusalOf({ brokers, sasl, tls: true })).toMatch(/certificate/)
    expect(await refusalOf({ brokers, sasl, tls: { ca: authority.ca, serverName: 'elsewhere.example' } })).toMatch(
      /altnames|does not match/,
    )
  })

  it('with a certificate of its own is let in; without one, or with a stranger’s, it is not', async () => {
    const { ca } = authority
    await reads(overTls({ tls: { ca, cert: client.cert, key: client.key } }))
    expect(await refusalOf(overTls({ tls: { ca } }))).toMatch(/certificate/i)
    const stranger = newAuthority().sign('client')
    expect(await refusalOf(overTls({ tls: { ca, cert: stranger.cert, key: stranger.key } }))).toMatch(/certificate|unknown ca/i)
  })
})
