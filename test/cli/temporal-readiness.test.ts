import { afterAll, expect, test } from 'vitest'
import { Proxy } from '../connectors/proxy.ts'
import { freePort } from '../../cli/listen.ts'
import { newDatabase, newNamespace, temporalServices } from '../engine/temporal/services.ts'
import { firstLine, fnflow, folderWith, type Running } from './support.ts'

const { address } = temporalServices()

/** What a server stands on, behind something that can be taken away. */
class Behind {
  private readonly target: number
  private proxy: Proxy | null = null
  port = 0

  constructor(target: number) {
    this.target = target
  }

  async up(): Promise<void> {
    if (this.port === 0) this.port = await freePort('127.0.0.1')
    this.proxy = new Proxy(this.target)
    await this.proxy.listen(this.port)
  }

  down(): void {
    this.proxy?.close()
    this.proxy = null
  }
}

let server: Running | undefined
const held: Behind[] = []
afterAll(async () => {
  server?.child.kill('SIGKILL')
  await server?.catch(() => undefined)
  for (const one of held) one.down()
})

test('/readyz of a server on a cluster says what is away, and that it is back', { timeout: 240_000 }, async () => {
  const [store, namespace] = await Promise.all([newDatabase(), newNamespace()])
  const database = new URL(store)
  const temporal = new Behind(Number(address.split(':')[1]))
  const postgresql = new Behind(Number(database.port))
  held.push(temporal, postgresql)
  await Promise.all([temporal.up(), postgresql.up()])
  database.port = String(postgresql.port)
  const env = {
    FNFLOW_ENGINE: 'temporal',
    FNFLOW_STORE: database.href,
    FNFLOW_TEMPORAL_ADDRESS: `127.0.0.1:${temporal.port}`,
    FNFLOW_TEMPORAL_NAMESPACE: namespace,
  }
  server = fnflow(['serve', '--json', '--port', '0'], { cwd: folderWith(), env })
  const { address: url } = JSON.parse(await firstLine(server)) as { address: string }
  const ask = async (path: string): Promise<{ status: number; body: any; text: string }> => {
    const response = await fetch(url + path)
    const text = await response.text()
    return { status: response.status, body: JSON.parse(text) as unknown, text }
  }
  const becomes = (status: number, states: { temporal: string; postgresql: string }): Promise<void> =>
    expect
      .poll(
        async () => {
          const { status: found, body } = await ask('/readyz')
          return [found, body.dependencies?.temporal?.state, body.dependencies?.postgresql?.state]
        },
        { timeout: 60_000 },
      )
      .toEqual([status, states.temporal, states.postgresql])

  await becomes(200, { temporal: 'ok', postgresql: 'ok' })
  postgresql.down()
  await becomes(503, { temporal: 'ok', postgresql: 'failed' })
  const away = await ask('/readyz')
  expect(away.body).toMatchObject({ code: 'not-ready', state: 'unavailable' })
  expect(away.text).not.toMatch(/127\.0\.0\.1|ECONN|password/)
  expect((await ask('/healthz')).status).toBe(200)
  // what needs it is 503 as well, and says nothing of where it is
  const list = await ask('/v1/executions')
  expect(list).toMatchObject({ status: 503 })
  expect(list.text).not.toMatch(/127\.0\.0\.1|ECONN/)
  await postgresql.up()
  await becomes(200, { temporal: 'ok', postgresql: 'ok' })

  temporal.down()
  await becomes(503, { temporal: 'failed', postgresql: 'ok' })
  expect((await ask('/healthz')).status).toBe(200)
  await temporal.up()
  await becomes(200, { temporal: 'ok', postgresql: 'ok' })
  server.child.kill('SIGTERM')
  expect((await server).code).toBe(0)
})
