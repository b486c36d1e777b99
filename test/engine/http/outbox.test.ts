import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { createEngine } from '../../../engine/create-engine.ts'
import { Outbox } from '../../../engine/http/outbox.ts'
import { createServer } from '../../../engine/http/server.ts'

async function* texts(count: number, bytes: number, taken: { count: number }): AsyncGenerator<string, void, undefined> {
  for (let at = 0; at < count; at++) {
    taken.count += 1
    yield 'x'.repeat(bytes)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('who reads gets all of it, however much there is', async () => {
  const taken = { count: 0 }
  let bytes = 0
  for await (const part of new Outbox(texts(300, 100_000, taken), { lookMs: 50 })) {
    bytes += (part as Buffer).length
    if (bytes % 50 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  expect(bytes).toBe(30_000_000)
})

test('who takes nothing is cut off when more than 1 MiB waits, and no more is taken for it', async () => {
  const taken = { count: 0 }
  const outbox = new Outbox(texts(1000, 100_000, taken), { lookMs: 20 })
  const [error] = (await once(outbox, 'error')) as [Error]
  expect(error.message).toContain('does not read')
  expect(taken.count).toBeLessThan(20)
})

test('who is slow is waited for', async () => {
  const outbox = new Outbox(texts(30, 100_000, { count: 0 }), { lookMs: 50 })
  let bytes = 0
  for await (const part of outbox) {
    bytes += (part as Buffer).length
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  expect(bytes).toBe(3_000_000)
})

const functions = { large: ({ at, bytes }: any) => ({ at, text: 'y'.repeat(bytes) }), ask: () => null }

/** Waits for its first node, and then has outputs of some size. */
function flowOf(count: number, bytes: number): object {
  const nodes = Array.from({ length: count }, (_, at) => [
    `n${at}`,
    { type: 'function', function: 'large', params: { at, bytes }, ...(at < count - 1 ? { next: `n${at + 1}` } : {}) },
  ])
  return {
    flow: 'large',
    start: 'first',
    nodes: { first: { type: 'callback', function: 'ask', next: 'n0' }, ...Object.fromEntries(nodes) },
  }
}

async function serving(count: number, bytes: number) {
  const engine = await createEngine({ functions })
  await engine.deploy(flowOf(count, bytes))
  const app = await createServer({ engine })
  const { port } = new URL(await app.listen({ port: 0, host: '127.0.0.1' }))
  const { id } = await engine.start('large')
  const go = () => engine.answer(id, 'first', { status: 'succeeded', output: {} })
  const path = `/v1/executions/${id}/events`
  const read = async (): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    let last = ''
    for await (const chunk of response.body!) last = (last + Buffer.from(chunk).toString()).slice(-600)
    return last
  }
  const end = async () => {
    await app.close()
    await engine.close()
  }
  return { app, port: Number(port), path, go, read, end }
}

test('100 clients of one execution get all of it', { timeout: 60_000 }, async () => {
  const server = await serving(20, 100)
  const readers = Array.from({ length: 100 }, () => server.read())
  await new Promise((resolve) => setTimeout(resolve, 200))
  await server.go()
  for (const last of await Promise.all(readers)) expect(last).toContain('event: execution')
  await server.end()
})

test(
  'a client that does not read its events is cut off, and the memory does not grow with it; another one gets all',
  { timeout: 60_000 },
  async () => {
    const server = await serving(60, 500_000)
    const deaf = connect(server.port, '127.0.0.1')
    deaf.on('error', () => undefined)
    deaf.pause()
    deaf.write(`GET ${server.path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
    const reader = server.read()
    await new Promise((resolve) => setTimeout(resolve, 200))
    await server.go()
    expect(await reader).toContain('event: execution')
    const connections = () => new Promise((resolve) => server.app.server.getConnections((_error, count) => resolve(count)))
    server.app.server.closeIdleConnections()
    await expect.poll(connections, { timeout: 40_000 }).toBe(0)
    deaf.destroy()
    await server.end()
  },
)
