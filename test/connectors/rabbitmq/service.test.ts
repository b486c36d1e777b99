import { connect, type ChannelModel } from 'amqplib'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../../scripts/services/ports.ts'
import { findOrInstall } from '../../../scripts/services/rabbitmq.ts'
import { startServices } from '../../../scripts/services/start.ts'
import { newAuthority } from '../../engine/temporal/certificates.ts'
import { alive, processesOf } from '../../scripts/services/lab.ts'
import { needServices } from '../../services/need.ts'

needServices('rabbitmq')

async function connected(...args: Parameters<typeof connect>): Promise<ChannelModel> {
  const connection = await connect(...args)
  connection.on('error', () => undefined)
  onTestFinished(() => connection.close().catch(() => undefined))
  return connection
}

test(
  'a broker listens with TLS, is there again with its messages after it was killed, and leaves no process',
  { timeout: 120_000 },
  async () => {
    const authority = newAuthority()
    const { cert, key } = authority.sign('localhost')
    const port = await freePort()
    const { addresses, services, stop } = await startServices(['rabbitmq'], {
      log: () => undefined,
      own: true,
      options: { rabbitmq: { tls: { ca: authority.ca, cert, key, port } } },
    })
    onTestFinished(stop)
    const sender = await (await connected(addresses.rabbitmq)).createConfirmChannel()
    await sender.assertQueue('kept', { durable: true })
    sender.sendToQueue('kept', Buffer.from('here'), { persistent: true })
    await sender.waitForConfirms()

    const first = processesOf(services.rabbitmq.pid!)
    await services.rabbitmq.kill()
    expect(alive(first)).toEqual([])
    await services.rabbitmq.restart()
    const secure = await connected(`amqps://guest:guest@localhost:${port}/`, { ca: [Buffer.from(authority.ca)] })
    const message = await (await secure.createChannel()).get('kept')
    expect(message && message.content.toString()).toBe('here')

    const all = processesOf(services.rabbitmq.pid!)
    // the shell's, the node's and its mapper's
    expect(all.length).toBeGreaterThan(3)
    await stop()
    expect(alive(all)).toEqual([])
  },
)

test('RabbitMQ that is missing, and cannot be installed, is asked for in one line', async () => {
  const path = process.env['PATH']
  process.env['PATH'] = '/nowhere'
  onTestFinished(() => void (process.env['PATH'] = path))
  const message =
    "rabbitmq can't be had: there is no /nowhere/rabbitmq-server. Install RabbitMQ 3.10 or later (Debian: apt-get install rabbitmq-server), " +
    'or give a running one: FNFLOW_TEST_RABBITMQ=amqp://user:password@host:port/vhost'
  await expect(findOrInstall(() => undefined, '/nowhere')).rejects.toThrow(message)
})
