import { describe, expect, it } from 'vitest'
import { checkConnection } from '../../../connectors/connections.ts'
import { addressOf } from '../../../connectors/rabbitmq/address.ts'
import type { RabbitmqConnection } from '../../../connectors/rabbitmq/connection.ts'

const addressed = (connection: object, vhost?: string) =>
  addressOf(checkConnection({ kind: 'rabbitmq', ...connection }) as RabbitmqConnection, vhost, 'test')

describe('the address of a connection', () => {
  it('has defaults', () => {
    expect(addressed({ url: 'amqp://h' }).options).toEqual({
      protocol: 'amqp',
      hostname: 'h',
      port: 5672,
      username: 'guest',
      password: 'guest',
      vhost: '%2F',
      heartbeat: 30,
    })
    expect(addressed({ url: 'amqps://h' }).options).toMatchObject({ protocol: 'amqps', port: 5671 })
    expect(addressed({ host: 'h' }).options).toEqual(addressed({ url: 'amqp://h' }).options)
  })

  it('is the same by URL and by its parts', () => {
    const parts = { host: '::1', port: 1234, username: 'üser', password: 'p/w:1@', vhost: '/two' }
    expect(addressed(parts)).toEqual(addressed({ url: 'amqp://%C3%BCser:p%2Fw%3A1%40@[::1]:1234/%2Ftwo' }))
    expect(addressed(parts).options).toMatchObject({ hostname: '::1', username: 'üser', password: 'p/w:1@' })
  })

  it('takes the virtual host of the trigger, then its own, then that of the URL', () => {
    const own = { url: 'amqp://h/url', vhost: 'own' }
    expect([addressed(own, 'trigger'), addressed(own), addressed({ url: own.url })].map(({ options }) => options.vhost)).toEqual([
      'trigger',
      'own',
      'url',
    ])
  })

  it('has the heartbeat of the connection, then that of the URL', () => {
    expect(addressed({ url: 'amqp://h?heartbeat=7' }).options.heartbeat).toBe(7)
    expect(addressed({ url: 'amqp://h?heartbeat=7', heartbeat: 0 }).options.heartbeat).toBe(0)
  })

  it('has what TLS needs', () => {
    const pem = '-----BEGIN CERTIFICATE-----'
    const { options, socket } = addressed({ host: 'h', tls: { ca: pem, cert: pem, key: pem, serverName: 'mq' } })
    expect([options.protocol, options.port]).toEqual(['amqps', 5671])
    expect(socket).toMatchObject({ ca: pem, cert: pem, key: pem, servername: 'mq' })
    expect(addressed({ host: 'h', tls: true }).options.protocol).toBe('amqps')
  })
})
