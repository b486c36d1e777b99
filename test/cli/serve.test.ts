import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { curl } from './curl.ts'
import { firstLine, fnflow, folderWith, FUNCTIONS, oneFunction, ROOT, type Running } from './support.ts'

const servers: Running[] = []
afterAll(() => {
  for (const { child } of servers) child.kill('SIGKILL')
})

const ASKS = {
  flow: 'asks',
  start: 'a',
  nodes: { a: { type: 'callback', function: 'ask', next: 'b' }, b: { type: 'function', function: 'hello' } },
}

/** A server of a folder, and where it listens. */
async function serve(cwd: string, ...more: string[]): Promise<{ readonly running: Running; readonly url: string }> {
  const running = fnflow(['serve', '--json', '--port', '0', ...more], { cwd })
  servers.push(running)
  const { address } = JSON.parse(await firstLine(running)) as { address: string }
  return { running, url: address }
}

async function post(url: string, body: object = {}): Promise<{ readonly status: number; readonly body: any }> {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  return { status: response.status, body: await response.json() }
}

const get = async (url: string): Promise<any> => (await fetch(url)).json()

it('docs/http.md: its commands do what it says', async () => {
  const page = readFileSync(join(ROOT, 'docs/http.md'), 'utf8')
  const [serving = '', ...curls] = [...page.matchAll(/^\$ (.*)$/gm)].map(([, line]) => line as string)
  expect(serving).toMatch(/^fnflow serve .*--store \.\/data$/)
  const args = serving.replace('./data', folderWith()).split(' ').slice(2)
  const { url } = await serve(ROOT, ...args)
  const answers: string[] = []
  for (const line of curls) answers.push(await curl(line.replace('localhost:8900', new URL(url).host)))
  const yaml = answers.splice(3, 1)[0]
  expect(yaml).toBe(readFileSync(join(ROOT, 'examples/approval/flow.yaml'), 'utf8'))
  expect(answers.map((answer) => JSON.parse(answer) as unknown)).toMatchObject([
    { flow: 'approval', version: 'latest' },
    { version: '1', description: 'as approved' },
    { alias: 'prod' },
    { flow: 'approval', status: 'running' },
    { items: [{ flow: 'approval', status: 'running' }] },
  ])
})

describe('fnflow serve', () => {
  const folder = folderWith({
    ...FUNCTIONS,
    'flows/hello.json': oneFunction('hello'),
    'flows/asks.json': ASKS,
    'flows/wrong.yaml': 'flow: wrong\nstart: nowhere\nnodes:\n  a: { type: pass }\n',
  })

  it('deploys a folder, tells of what is broken in it, runs flows, and ends in good order when it is told to', async () => {
    const { running, url } = await serve(folder)
    const { body, status } = await post(`${url}/v1/flows/calls-hello/executions`, { input: { name: 'you' } })
    expect([status, body.flow]).toEqual([202, 'calls-hello'])
    expect(await get(`${url}/v1/executions/${body.id}?wait=20`)).toMatchObject({ status: 'succeeded', output: { hello: 'you' } })
    expect((await get(`${url}/v1/executions/${body.id}/logs`)).items).toMatchObject([{ text: 'hello {"name":"you"}', node: 'a' }])
    running.child.kill('SIGTERM')
    const { code, stderr } = await running
    expect(code).toBe(0)
    expect(stderr).toMatch(/wrong\.yaml:2:8 /)
    expect(stderr).toMatch(/deployed calls-hello/)
    expect(stderr).toMatch(/stopping/)
  })

  it('refuses starts past limits.executions and limits.startsPerSecond', async () => {
    const url = async (limits: object): Promise<string> =>
      (await serve(folderWith({ ...FUNCTIONS, 'flows/asks.json': ASKS, 'fnflow.yaml': JSON.stringify({ limits }) }))).url
    const few = await url({ executions: 1 })
    const start = (at: string): ReturnType<typeof post> => post(`${at}/v1/flows/asks/executions`)
    expect((await start(few)).status).toBe(202)
    expect(await start(few)).toMatchObject({
      status: 429,
      body: { code: 'too-many-executions', detail: expect.stringMatching(/at most 1 /) },
    })
    const slow = await url({ startsPerSecond: 1 })
    const answers = await Promise.all([start(slow), start(slow), start(slow)])
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 429, 429])
    expect(answers.find(({ status }) => status === 429)!.body.detail).toMatch(/1 executions may be started a second/)
  })

  it('goes on behind kill -9 with what ran, for whoever follows it', async () => {
    const first = await serve(folder, '--store', 'killed')
    const { id } = (await post(`${first.url}/v1/flows/asks/executions`)).body
    const waits = async (url: string): Promise<boolean> => (await get(`${url}/v1/executions/${id}/nodes`)).items?.[0]?.status === 'waiting'
    await expect.poll(() => waits(first.url), { timeout: 20_000 }).toBe(true)
    first.running.child.kill('SIGKILL')
    await first.running
    const second = await serve(folder, '--store', 'killed')
    expect(await waits(second.url)).toBe(true)
    const stream = fetch(`${second.url}/v1/executions/${id}/events`).then((response) => response.text())
    await sleep(200)
    expect((await post(`${second.url}/v1/executions/${id}/stop`)).status).toBe(202)
    expect(await stream).toMatch(/"status":"cancelled"/)
    second.running.child.kill('SIGTERM')
    expect((await second.running).code).toBe(0)
  })

  it('ends waits and streams when it is told to stop, also of clients that do not read', async () => {
    const { running, url } = await serve(folder, '--store', 'ended')
    const { id } = (await post(`${url}/v1/flows/asks/executions`)).body
    await expect.poll(async () => (await get(`${url}/v1/executions/${id}/nodes`)).items?.[0]?.status, { timeout: 20_000 }).toBe('waiting')
    const wait = get(`${url}/v1/executions/${id}?wait=60`)
    const stalled = connect(Number(new URL(url).port), '127.0.0.1').pause()
    stalled.write(`GET /v1/executions/${id}/events HTTP/1.1\r\nhost: localhost\r\n\r\n`)
    const seen: string[] = []
    const stream = (await fetch(`${url}/v1/executions/${id}/events`)).body!.pipeThrough(new TextDecoderStream())
    const reading = (async () => {
      for await (const text of stream) seen.push(text)
    })().catch(() => undefined)
    await expect.poll(() => seen.join('')).toMatch(/event: node\nid: (\d+)\ndata: .*"status":"waiting"/)
    // who knows all that there is still gets an answer at once
    const last = /.*id: (\d+)/s.exec(seen.join(''))?.[1] ?? ''
    const again = await fetch(`${url}/v1/executions/${id}/events`, { headers: { 'last-event-id': last } })
    expect(again.status).toBe(200)
    const began = performance.now()
    running.child.kill('SIGTERM')
    expect(await wait).toMatchObject({ status: 'running' })
    await reading
    expect((await running).code).toBe(0)
    expect(performance.now() - began).toBeLessThan(8000)
    stalled.destroy()
  })

  it('answers what is no request, or too much of one, with a problem, and goes on', async () => {
    const { url } = await serve(folder, '--store', 'hostile')
    const port = Number(new URL(url).port)
    const raw = (text: string): Promise<string> =>
      new Promise((resolve, reject) => {
        let answer = ''
        const socket = connect(port, '127.0.0.1', () => socket.write(text))
        socket.on('data', (data) => (answer += data.toString()))
        socket.on('error', reject)
        socket.on('close', () => resolve(answer))
      })
    const head = 'GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n'
    for (const [text, status, code] of [
      ['HELLO\r\n\r\n', 400, 'bad-request'],
      [`${head}x: ${'y'.repeat(20_000)}\r\n\r\n`, 431, 'headers-too-large'],
      [`POST /healthz HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`, 400, 'bad-request'],
      [head.replace('/healthz', '/v1/%zz') + '\r\n', 400, 'bad-request'],
    ] as const) {
      const answer = await raw(text)
      expect(answer, text.slice(0, 40)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
      expect(answer).toMatch(/content-type: application\/problem\+json/)
      expect(answer).toContain(`"code":"${code}"`)
    }
    expect(await raw(`${head}\r\n`)).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('says what keeps it from listening', async () => {
    const { url } = await serve(folder, '--store', 'taken')
    const { port } = new URL(url)
    expect(await fnflow(['serve', '--port', port, '--store', 'another'], { cwd: folder })).toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringMatching(
        new RegExp(`cannot listen at 127\\.0\\.0\\.1:${port}: another process has it; --port names another`),
      ) as unknown,
    })
    expect(await fnflow(['serve', '--port', '0', '--store', 'taken'], { cwd: folder })).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/store-locked/) as unknown,
    })
    for (const [args, message] of [
      [['--host', '0.0.0.0'], /listens on this machine only/],
      [['--port', '70000'], /a port from 0 to 65535 is expected/],
      [['--flows', 'nowhere'], /no folder nowhere/],
      [['--functions', 'nowhere.yaml'], /no functions file nowhere\.yaml/],
    ] as const)
      expect(await fnflow(['serve', ...args], { cwd: folder }), args.join(' ')).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(message) as unknown,
      })
  })
})
