import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { firstLine, fnflow, folderWith, ROOT } from '../../cli/support.ts'
import { needServices } from '../../services/need.ts'
import { Client, WAIT } from './lab.ts'

const { rabbitmq } = needServices('rabbitmq')
const EXAMPLE = join(ROOT, 'examples/mail')

it('examples/mail: messages start what the README says', async () => {
  const readme = readFileSync(join(EXAMPLE, 'README.md'), 'utf8')
  const config = /serve --config (\S+)/.exec(readme)?.[1]
  expect(config).toBe('examples/mail/fnflow.yaml')
  const running = fnflow(['serve', '--config', config!, '--store', folderWith(), '--json', '--port', '0'], {
    cwd: ROOT,
    env: { AMQP_URL: rabbitmq },
  })
  const client = await Client.open(rabbitmq)
  onTestFinished(async () => {
    running.child.kill('SIGTERM')
    await running
    await client.channel.deleteQueue('fnflow-mail')
    await client.channel.deleteExchange('mail')
    await client.close()
  })
  const { address } = JSON.parse(await firstLine(running)) as { address: string }
  const trigger = async (): Promise<unknown> => (await fetch(`${address}/v1/triggers/mail/inbox`)).json()
  await expect.poll(trigger, WAIT).toMatchObject({ type: 'rabbitmq', state: 'running' })
  const published = [...readme.matchAll(/^\$ rabbitmqadmin publish exchange=(\S+) routing_key=(\S+) properties='(.*?)' payload='(.*)'$/gm)]
  expect(published).toHaveLength(4)
  for (const [, exchange = '', routingKey = '', properties = '', payload = ''] of published) {
    const { message_id: messageId } = JSON.parse(properties) as { message_id: string }
    await client.send(routingKey, { exchange, messageId, body: Buffer.from(payload) })
  }
  await expect.poll(trigger, WAIT).toMatchObject({ counts: { started: 2, deduplicated: 1, filtered: 1, withoutId: 0 } })
  const { items } = (await (await fetch(`${address}/v1/executions?flow=mail`)).json()) as { items: { id: string; status: string }[] }
  const outputs = await Promise.all(
    items.map(async ({ id }) => (await fetch(`${address}/v1/executions/${id}`)).json() as Promise<{ output: unknown }>),
  )
  const expected = JSON.parse(readFileSync(join(EXAMPLE, 'expected-output.json'), 'utf8')) as unknown
  expect(outputs.map(({ output }) => output)).toEqual(expect.arrayContaining([expected, { order: '18', state: 'in review' }]))
  const ready = (await (await fetch(`${address}/readyz`)).json()) as { dependencies: object }
  expect(ready).toMatchObject({ status: 'ready', dependencies: { 'connection mq': { state: 'ok' } } })
})
