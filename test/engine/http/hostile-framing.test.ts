import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FastifyInstance } from 'fastify'
import type { Engine } from '../../../engine/api.ts'
import { createEngine } from '../../../engine/create-engine.ts'
import { createServer } from '../../../engine/http/server.ts'
import { sendRaw } from './raw-socket.ts'

/** Requests whose end can be seen in two ways, floods, and those that never end: over real sockets, byte for byte. */
let engine: Engine
let app: FastifyInstance
let port: number

beforeAll(async () => {
  engine = await createEngine({ functions: { next: ({ n }: any) => ({ n: n + 1 }) } })
  await engine.deploy({ flow: 'std', start: 'a', nodes: { a: { type: 'function', function: 'next' } } })
  app = await createServer({ engine, patience: { headersMs: 500, requestMs: 1000 } })
  port = Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port)
})
afterAll(async () => {
  await app.close()
  await engine.close()
})

const BODY = '{"input":{"n":1}}'
const POST = 'POST /v1/flows/std/executions HTTP/1.1\r\n'
const HOST = 'Host: localhost\r\n'
const HEAD = `${POST}${HOST}Content-Type: application/json\r\n`
const LENGTH = `Content-Length: ${BODY.length}\r\n`
const CHUNKED = 'Transfer-Encoding: chunked\r\n'
const WHOLE = `${HEAD}${LENGTH}\r\n${BODY}`
const CHUNKS = `11\r\n${BODY}\r\n0\r\n\r\n`

const started = async (): Promise<number> => (await engine.list({ limit: 200 })).items.length

describe('a request whose end can be seen in two ways is refused, and so is what is behind it', () => {
  it.each([
    ['a length and chunks', `${HEAD}Content-Length: 6\r\n${CHUNKED}\r\n0\r\n\r\n${WHOLE}`],
    ['chunks and a length', `${HEAD}${CHUNKED}Content-Length: 4\r\n\r\n${CHUNKS}${WHOLE}`],
    ['two lengths', `${HEAD}${LENGTH}Content-Length: 5\r\n\r\n${BODY}`],
    ['two lengths that are the same', `${HEAD}${LENGTH}${LENGTH}\r\n${BODY}`],
    ['a list of lengths', `${HEAD}Content-Length: 17, 17\r\n\r\n${BODY}`],
    ['a negative length', `${HEAD}Content-Length: -1\r\n\r\n${BODY}`],
    ['a length with a sign', `${HEAD}Content-Length: +17\r\n\r\n${BODY}`],
    ['a length in another base', `${HEAD}Content-Length: 0x11\r\n\r\n${BODY}`],
    ['a length beyond all numbers', `${HEAD}Content-Length: 99999999999999999999999\r\n\r\n${BODY}`],
    ['a space before the colon', `${HEAD}Content-Length : 17\r\n\r\n${BODY}`],
    ['lines that end without CR', WHOLE.replaceAll('\r\n', '\n')],
    ['one line that ends without CR', `${HEAD}X: a\n${LENGTH}\r\n${BODY}`],
    ['a CR without LF', `${HEAD}X: a\rContent-Length: 3\r\n${LENGTH}\r\n${BODY}`],
    ['a folded header', `${HEAD}X: a\r\n b\r\n${LENGTH}\r\n${BODY}`],
    ['a folded transfer-encoding', `${HEAD}Transfer-Encoding:\r\n chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n${WHOLE}`],
    ['a transfer-encoding before a space', `${HEAD}Transfer-Encoding : chunked\r\n\r\n${CHUNKS}`],
    ['a transfer-encoding that is nearly chunked', `${HEAD}Transfer-Encoding: xchunked\r\n\r\n${CHUNKS}`],
    ['a transfer-encoding that does not end with chunked', `${HEAD}Transfer-Encoding: chunked, identity\r\n\r\n${CHUNKS}`],
    ['two transfer-encodings', `${HEAD}Transfer-Encoding: identity\r\n${CHUNKED}\r\n${CHUNKS}${WHOLE}`],
    ['a compressed transfer', `${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n${CHUNKS}${WHOLE}`],
    ['chunks in HTTP/1.0', `${HEAD.replace('1.1', '1.0')}${CHUNKED}Connection: keep-alive\r\n\r\n${CHUNKS}${WHOLE}`],
    ['a chunk size with 0x', `${HEAD}${CHUNKED}\r\n0x11\r\n${BODY}\r\n0\r\n\r\n${WHOLE}`],
    ['a negative chunk size', `${HEAD}${CHUNKED}\r\n-11\r\n${BODY}\r\n0\r\n\r\n${WHOLE}`],
    ['a chunk size beyond all numbers', `${HEAD}${CHUNKED}\r\nffffffffffffffffff\r\n${BODY}\r\n0\r\n\r\n${WHOLE}`],
    ['chunks that end without CR', `${HEAD}${CHUNKED}\r\n11\n${BODY}\n0\n\n${WHOLE}`],
    ['a chunk longer than its size', `${HEAD}${CHUNKED}\r\n5\r\n${BODY}\r\n0\r\n\r\n${WHOLE}`],
    ['a length behind the chunks', `${HEAD}${CHUNKED}\r\n11\r\n${BODY}\r\n0\r\nContent-Length: 3\r\n\r\n${WHOLE}`],
    ['two hosts', `${POST}${HOST}Host: evil.example\r\nContent-Type: application/json\r\n${LENGTH}\r\n${BODY}${WHOLE}`],
    ['no host', `${POST}Content-Type: application/json\r\n${LENGTH}\r\n${BODY}${WHOLE}`],
    ['another host in its target', `${HEAD.replace(' /', ' http://evil.example/')}${LENGTH}\r\n${BODY}${WHOLE}`],
    ['an unknown expectation', `${HEAD}${LENGTH}Expect: nonsense\r\n\r\n${BODY}${WHOLE}`],
    ['a NUL in a header', `${HEAD}X: a\0b\r\n${LENGTH}\r\n${BODY}`],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ])('%s', async (_name, text) => {
    const before = await started()
    const heard = await sendRaw(port, text)
    // where the head is refused before the parser gives up on the body, both say so
    expect(new Set(heard.statuses)).toEqual(new Set([400]))
    expect(heard.closed).toBe(true)
    expect(heard.text).toMatch(/content-type: application\/problem\+json/i)
    expect(heard.text).toContain('"code":"bad-request"')
    expect(await started()).toBe(before)
  })

  it.each([
    ['FROB', WHOLE],
    ['get', WHOLE],
    ['QUERY', ''],
    ['PROPFIND', ''],
  ])('%s is a method that no path takes', async (method, behind) => {
    const before = await started()
    const line = (path: string): string => `${method} ${path} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n${behind}`
    const heard = await sendRaw(port, line('/v1/flows?x=1'))
    expect(heard).toMatchObject({ statuses: [405], closed: true })
    expect(heard.text).toMatch(/^allow: GET, HEAD, POST\r$/im)
    expect(heard.text).toContain('"code":"method-not-allowed"')
    expect(await sendRaw(port, line('/nowhere'))).toMatchObject({ statuses: [404], closed: true })
    expect(await started()).toBe(before)
  })

  it('CONNECT is closed', async () => {
    const heard = await sendRaw(port, `CONNECT evil.example:443 HTTP/1.1\r\n${HOST}\r\n${WHOLE}`)
    expect(heard).toMatchObject({ statuses: [], closed: true })
  })

  it('what is right is taken, also two requests at once', async () => {
    const before = await started()
    const absolute = WHOLE.replace(' /', ' http://localhost/')
    expect(await sendRaw(port, WHOLE + `${HEAD}${CHUNKED}\r\n${CHUNKS}` + absolute, 1000)).toMatchObject({ statuses: [202, 202, 202] })
    expect(await started()).toBe(before + 3)
  })
})

describe('floods', () => {
  it.each([
    ['a long header', `GET /healthz HTTP/1.1\r\n${HOST}X: ${'b'.repeat(17_000)}\r\n\r\n`],
    ['many headers', `GET /healthz HTTP/1.1\r\n${HOST}${'a: b\r\n'.repeat(3000)}\r\n`],
    ['a long target', `GET /${'a'.repeat(17_000)} HTTP/1.1\r\n${HOST}\r\n`],
    ['a long trailer', `${HEAD}${CHUNKED}\r\n11\r\n${BODY}\r\n0\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
  ])('%s: 431, and closed', async (_name, text) => {
    const before = await started()
    const heard = await sendRaw(port, text)
    expect(heard).toMatchObject({ statuses: [431], closed: true })
    expect(heard.text).toContain('"code":"headers-too-large"')
    expect(await started()).toBe(before)
  })

  it('headers without end: 431, however they come', async () => {
    // more would be reset by the server's end before it is read
    const heard = await sendRaw(port, `GET /healthz HTTP/1.1\r\n${HOST}${'a: b\r\n'.repeat(3000)}`)
    expect(heard).toMatchObject({ statuses: [431], closed: true })
  })

  it('as many headers as Node counts are not silently left out', async () => {
    const many = 'a: b\r\n'.repeat(2500)
    const before = await started()
    // the length comes last: a server that no longer counts it takes the body for the next request
    const heard = await sendRaw(port, `${POST}${HOST}${many}Content-Type: application/json\r\n${LENGTH}\r\n${BODY}`)
    expect(heard).toMatchObject({ closed: true })
    expect(heard.statuses.every((status) => status >= 400)).toBe(true)
    expect(await started()).toBe(before)
  })
})

describe('requests that do not end', () => {
  it.each([
    ['the head', `GET /healthz HTTP/1.1\r\nHost: loc`],
    ['nothing but a line', 'POST /v1/flows HTTP/1.1\r\n'],
    ['the body', `${HEAD}${LENGTH}\r\n${BODY.slice(0, 5)}`],
    ['the chunks', `${HEAD}${CHUNKED}\r\n11\r\n${BODY.slice(0, 5)}`],
  ])('%s: 408 in time, and closed', async (_name, text) => {
    const before = await started()
    const heard = await sendRaw(port, text)
    expect(heard).toMatchObject({ statuses: [408], closed: true })
    expect(heard.text).toContain('"code":"request-timeout"')
    expect(await started()).toBe(before)
  })

  it('hold up nobody else', async () => {
    const slow = Array.from({ length: 200 }, () => sendRaw(port, `${HEAD}${LENGTH}\r\n${BODY.slice(0, 5)}`))
    const response = await fetch(`http://127.0.0.1:${port}/healthz`)
    expect(response.status).toBe(200)
    for (const heard of await Promise.all(slow)) expect(heard).toMatchObject({ statuses: [408], closed: true })
  })
})
