import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createEngine } from '../../../engine/create-engine.ts'
import { eventStream } from '../../../engine/http/events.ts'
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

test('the source of who takes nothing is closed, and goes on behind what it has told when something is taken again', async () => {
  const opened: number[] = []
  let isOpen = false
  let told = 0
  let openedAt = -1
  async function* numbers(): AsyncGenerator<string, void, undefined> {
    opened.push(told)
    isOpen = true
    try {
      while (told < 40) {
        told += 1
        yield `${told}:${'x'.repeat(100_000)};`
        await new Promise((resolve) => setImmediate(resolve))
      }
    } finally {
      isOpen = false
    }
  }
  const again = {
    hasAdvanced: () => told !== openedAt,
    open() {
      openedAt = told
      return numbers()
    },
  }
  // so slow that it is not cut off meanwhile, however long this takes
  const outbox = new Outbox(numbers(), { lookMs: 600, again })
  await expect.poll(() => opened.length === 1 && !isOpen && told > 10, { timeout: 20_000 }).toBe(true)
  let text = ''
  for await (const part of outbox) text += String(part)
  expect(text.split(';').map((one) => Number(one.split(':')[0]))).toEqual([...Array.from({ length: 40 }, (_, at) => at + 1), 0])
  expect(opened.length).toBeGreaterThan(1)
})

test('a client of events that takes nothing does not keep the engine following the execution', { timeout: 60_000 }, async () => {
  const engine = await createEngine({ functions })
  onTestFinished(() => engine.close())
  await engine.deploy(flowOf(8, 300_000))
  const { id } = await engine.start('large')
  const following = new Set<object>()
  const counted = new Proxy(engine, {
    get(target, name) {
      if (name !== 'events') return Reflect.get(target, name) as unknown
      return async function* (...given: Parameters<typeof engine.events>) {
        const own = {}
        following.add(own)
        try {
          yield* engine.events(...given)
        } finally {
          following.delete(own)
        }
      }
    },
  })
  const left = new AbortController()
  const stream = await eventStream(counted, id, undefined, left.signal)
  await expect.poll(() => following.size).toBe(1)
  await engine.answer(id, 'first', { status: 'succeeded', output: {} })
  await engine.result(id)
  await expect.poll(() => following.size, { timeout: 20_000 }).toBe(0)
  const data: string[] = []
  for await (const part of stream) data.push(String(part))
  const events = data
    .join('')
    .split('\n\n')
    .filter((event) => event.startsWith('event: '))
  const nodes = events
    .filter((event) => event.startsWith('event: node'))
    .map((event) => JSON.parse(event.split('\ndata: ')[1]!) as { id: string; status: string })
  const last = new Map(nodes.map((node) => [node.id, node.status]))
  expect([...last]).toEqual(expect.arrayContaining(Array.from({ length: 8 }, (_, at) => [`n${at}`, 'succeeded'])))
  expect(events.at(-1)).toMatch(/^event: execution\n.*"status":"succeeded"/s)
  const ids = events.map((event) => Number(/^id: (\d+)$/m.exec(event)?.[1]))
  expect(ids).toEqual([...ids].sort((a, b) => a - b))
  left.abort()
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
