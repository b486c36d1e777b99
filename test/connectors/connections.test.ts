import { describe, expect, it } from 'vitest'
import { checkConnection } from '../../connectors/connections.ts'
import { WrongOption } from '../../connectors/wrong-option.ts'

function problem(value: unknown): string {
  try {
    checkConnection(value)
  } catch (error) {
    if (error instanceof WrongOption) return `${error.at.join('.')}: ${error.message}`
    throw error
  }
  return 'none'
}

const PEM = '-----BEGIN CERTIFICATE-----'

describe('connections', () => {
  it('are taken with what is left out', () => {
    expect(checkConnection({ kind: 'kafka', brokers: ['a:9092'], sasl: null })).toEqual({ kind: 'kafka', brokers: ['a:9092'], tls: false })
    const sasl = { mechanism: 'plain', username: 'u', password: 'p' }
    expect(checkConnection({ kind: 'kafka', brokers: ['a:9092'], sasl, tls: { ca: PEM } })).toMatchObject({ sasl, tls: { ca: PEM } })
    expect(checkConnection({ kind: 'rabbitmq', url: 'amqps://u:p@h' })).toEqual({ kind: 'rabbitmq', url: 'amqps://u:p@h', tls: true })
  })

  it.each([
    [null, ': expected a connection'],
    [{ kind: 'nats' }, 'kind: expected kafka or rabbitmq'],
    [{ kind: 'kafka' }, 'brokers: expected a list of brokers'],
    [{ kind: 'kafka', brokers: ['localhost'] }, 'brokers.0: expected host:port'],
    [{ kind: 'kafka', brokers: ['localhost:99999'] }, 'brokers.0: expected host:port'],
    [{ kind: 'kafka', brokers: ['a:1'], topic: 'x' }, 'topic: a connection of kind kafka has no topic'],
    [{ kind: 'kafka', brokers: ['a:1'], sasl: { mechanism: 'gssapi' } }, 'sasl.mechanism: expected plain, '],
    [{ kind: 'kafka', brokers: ['a:1'], sasl: { mechanism: 'plain', username: 'u' } }, 'sasl.password: expected a password'],
    [{ kind: 'kafka', brokers: ['a:1'], tls: { ca: 'ca.pem' } }, 'tls.ca: expected a PEM text'],
    [{ kind: 'kafka', brokers: ['a:1'], tls: { cert: PEM } }, 'tls.key: expected cert and key together'],
    [{ kind: 'rabbitmq' }, 'url: expected url: amqp://'],
    [{ kind: 'rabbitmq', host: 'h', url: 'amqp://h' }, 'host: expected url, or host, port, username, password: not both'],
    [{ kind: 'rabbitmq', host: 'h', port: 70_000 }, 'port: expected a port'],
    [{ kind: 'rabbitmq', url: 'amqp://h', heartbeat: -1 }, 'heartbeat: expected a number of seconds'],
    [{ kind: 'rabbitmq', url: 'amqp://u:se%cret@h' }, 'url: expected a URL such as amqp://'],
    [{ kind: 'rabbitmq', url: 'http://h' }, 'url: expected a URL such as amqp://'],
    [{ kind: 'rabbitmq', url: 'amqp://u:secret@h', tls: true }, 'url: expected a URL that begins with amqps://'],
  ])('that are wrong are refused without repeating them: %j', (value, message) => {
    expect(problem(value)).toContain(message)
    expect(problem(value)).not.toContain('secret')
  })
})
