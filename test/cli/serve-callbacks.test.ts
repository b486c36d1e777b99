import { createServer } from 'node:net'
import { afterAll, expect, it } from 'vitest'
import { fastify } from 'fastify'
import { listen, urlOf } from '../../cli/listen.ts'
import { firstLine, fnflow, folderWith, type Running } from './support.ts'

const servers: Running[] = []
afterAll(() => {
  for (const { child } of servers) child.kill('SIGKILL')
})

const FOLDER = {
  'functions.yaml': 'ask: { runtime: nodejs, code: ./f, handler: index.ask }\n',
  'f/index.mjs': 'export const ask = (_event, { callback }) => { console.log(callback.url) }\n',
  'flows/asks.json': { flow: 'asks', start: 'a', nodes: { a: { type: 'callback', function: 'ask' } } },
}

async function serve(cwd: string, ...more: string[]): Promise<{ readonly running: Running; readonly url: string }> {
  const running = fnflow(['serve', '--json', '--port', '0', ...more], { cwd })
  servers.push(running)
  return { running, url: (JSON.parse(await firstLine(running)) as { address: string }).address }
}

const post = (url: string, body: object): Promise<Response> =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })

/** What the functions were told, oldest first. */
async function callbackUrls(url: string, id: string, count: number): Promise<string[]> {
  let urls: string[] = []
  await expect
    .poll(
      async () => {
        const { items } = (await (await fetch(`${url}/v1/executions/${id}/logs`)).json()) as { items: { text: string }[] }
        return (urls = items.map(({ text }) => text)).length
      },
      { timeout: 20_000 },
    )
    .toBe(count)
  return urls
}

const start = async (url: string): Promise<string> =>
  ((await (await post(`${url}/v1/flows/asks/executions`, {})).json()) as { id: string }).id

it('URLs of callbacks lead to where the server listens, whatever port it has found', async () => {
  const { url } = await serve(folderWith(FOLDER))
  const id = await start(url)
  const [callback = ''] = await callbackUrls(url, id, 1)
  expect(callback.startsWith(`${url}/v1/callbacks/`)).toBe(true)
  expect((await post(callback, { status: 'succeeded', output: 7 })).status).toBe(200)
  expect(await (await fetch(`${url}/v1/executions/${id}?wait=20`)).json()).toMatchObject({ status: 'succeeded', output: 7 })
})

it('URLs of callbacks begin with server.publicUrl where that is given', async () => {
  const { url } = await serve(folderWith({ ...FOLDER, 'fnflow.yaml': 'server: { publicUrl: "https://flows.example/base" }\n' }))
  const [callback = ''] = await callbackUrls(url, await start(url), 1)
  expect(callback.startsWith('https://flows.example/base/v1/callbacks/')).toBe(true)
})

it('a port that was free, and is no more, is another one; one that was asked for is an error', async () => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as { port: number }
  const app = fastify()
  const url = await listen(app, '127.0.0.1', 0, port)
  expect(new URL(url).port).not.toBe(String(port))
  await app.close()
  const other = fastify()
  const error = await listen(other, '127.0.0.1', port, port).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ document: { errorType: 'CannotListen' } })
  await other.close()
  await new Promise((resolve) => taken.close(resolve))
})

it('an address that means all of them is reached at this machine’s own', () => {
  expect(['127.0.0.1', '0.0.0.0', '::', '::1', 'flows.example'].map((host) => urlOf(host, 80))).toEqual([
    'http://127.0.0.1:80',
    'http://127.0.0.1:80',
    'http://[::1]:80',
    'http://[::1]:80',
    'http://flows.example:80',
  ])
})
