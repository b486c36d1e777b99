import type { LookupAddress } from 'node:dns'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { checkUrl, Outbound, type OutboundOptions } from '../../../executors/outbound/outbound.ts'
import { OutboundRefused } from '../../../executors/outbound/refused.ts'

/** 127.0.0.2 stands for the public internet, 127.0.0.1 for what is in here. */
const OUT = '127.0.0.2'
const IN = '127.0.0.1'
const open: Outbound[] = []
const servers: Server[] = []
let port: number
let connections: string[] = []
let answer: (request: IncomingMessage, response: ServerResponse) => void

async function listen(host: string, at: number): Promise<number> {
  const server = createServer((request, response) => answer(request, response))
  server.on('connection', () => connections.push(host))
  servers.push(server)
  await new Promise<void>((resolve, reject) => server.on('error', reject).listen(at, host, resolve))
  return (server.address() as AddressInfo).port
}

beforeAll(async () => {
  port = await listen(OUT, 0)
  await listen(IN, port)
})
afterAll(async () => {
  await Promise.all(open.map((one) => one.close()))
  for (const server of servers) server.closeAllConnections()
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
})
beforeEach(() => {
  connections = []
  answer = (_request, response) => response.end('here')
})

/** One whose resolver answers each time the next of these, the last one for ever. */
function outbound(answers: readonly (readonly string[])[] = [], options: OutboundOptions = { allowPrivate: [OUT] }): Outbound {
  let at = 0
  const resolve = async (): Promise<readonly LookupAddress[]> =>
    (answers[Math.min(at++, answers.length - 1)] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  const made = new Outbound(options, { resolve })
  open.push(made)
  return made
}

const refusal = async (fetching: Promise<unknown>): Promise<string> => {
  const error = await fetching.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(OutboundRefused)
  return (error as Error).message
}

describe('a request', () => {
  it('reaches what is not private', async () => {
    expect(await (await outbound([[OUT]]).fetch(`http://out.example:${port}/`)).text()).toBe('here')
    expect(await (await outbound().fetch(`http://${OUT}:${port}/`)).text()).toBe('here')
    expect(connections).toEqual([OUT, OUT])
  })

  it.each([
    `http://${IN}`,
    'http://localhost',
    'http://2130706433',
    'http://0x7f.1',
    'http://0177.0.0.1',
    'http://0',
    'http://[::1]',
    'http://[::ffff:127.0.0.1]',
    'http://[::ffff:7f00:1]',
    'http://[64:ff9b::7f00:1]',
    'http://169.254.169.254',
    'http://[fd00:ec2::254]',
    'https://10.0.0.1',
  ])('to %s is refused without a connection', async (host) => {
    const made = new Outbound({ allowPrivate: [OUT] })
    open.push(made)
    expect(await refusal(made.fetch(`${host}:${port}/`))).toMatch(/is not of the public internet; server\.outbound\.allowPrivate/)
    expect(connections).toEqual([])
  })

  it('goes to the public addresses of a name alone, and its refusal does not say what the others are', async () => {
    const mixed = outbound([[IN, OUT, '::1']])
    for (let time = 0; time < 3; time++) expect((await mixed.fetch(`http://mixed.example:${port}/`)).status).toBe(200)
    expect(new Set(connections)).toEqual(new Set([OUT]))
    expect(await refusal(outbound([[IN, '10.0.0.9']]).fetch(`http://inside.example:${port}/`))).not.toMatch(/127\.|10\.0/)
  })

  it('follows no name that has come to mean something else (DNS rebinding)', async () => {
    answer = (_request, response) => response.setHeader('connection', 'close').end('here')
    const rebound = outbound([[OUT], [IN]])
    const url = `http://rebound.example:${port}/`
    expect(await (await rebound.fetch(url)).text()).toBe('here')
    await refusal(rebound.fetch(url))
    expect(connections).toEqual([OUT])
  })

  it('is not led elsewhere by redirects', async () => {
    let to = ''
    answer = (request, response) => (request.url === '/' ? response.writeHead(302, { location: to }).end() : response.end('the second'))
    const follow = outbound([[OUT]])
    to = '/second'
    expect(await (await follow.fetch(`http://out.example:${port}/`)).text()).toBe('the second')
    connections = []
    for (to of [`http://${IN}:${port}/second`, `http://[::ffff:127.0.0.1]:${port}/second`, 'http://169.254.169.254/latest/meta-data'])
      await refusal(follow.fetch(`http://out.example:${port}/`))
    for (to of ['file:///etc/passwd', 'data:text/plain,x', 'ftp://out.example/'])
      await expect(follow.fetch(`http://out.example:${port}/`)).rejects.toThrow('fetch failed')
    expect(connections).not.toContain(IN)
    const moved = outbound([[OUT], [IN]])
    answer = (_request, response) => response.writeHead(307, { location: `http://other.example:${port}/` }).end()
    await refusal(moved.fetch(`http://out.example:${port}/`, { method: 'POST', body: 'x' }))
    expect(connections).not.toContain(IN)
  })

  it('reaches private hosts and networks that are let through', async () => {
    const byName = outbound([[IN]], { allowPrivate: [`files.internal:${port}`] })
    expect((await byName.fetch(`http://files.internal:${port}/`)).status).toBe(200)
    await refusal(byName.fetch(`http://other.internal:${port}/`))
    expect((await outbound([[IN]], { allowPrivate: ['127.0.0.0/8'] }).fetch(`http://any.example:${port}/`)).status).toBe(200)
  })

  it('is of http or https, without user and password, and of a host that there is', async () => {
    for (const url of [
      'ftp://a.example/',
      'file:///etc/passwd',
      'data:,x',
      'javascript:1',
      'https://u:p@a.example/',
      'http://u@a.example/',
      'x',
      '',
    ])
      expect(() => checkUrl(url), url).toThrow(OutboundRefused)
    await expect(outbound([[]]).fetch('http://nowhere.example/')).rejects.toMatchObject({ cause: { code: 'ENOTFOUND' } })
    await expect(outbound([], { allowPrivate: ['10.0.0.0/99'] }).fetch('http://a.example/')).rejects.toThrow(RangeError)
  })
})
