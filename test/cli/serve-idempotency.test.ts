import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { firstLine, fnflow, folderWith, FUNCTIONS, type Running } from './support.ts'

const servers: Running[] = []
afterAll(() => {
  for (const { child } of servers) child.kill('SIGKILL')
})

const SEAM = new URL('kill-seam.mjs', import.meta.url).href
const ASKS = {
  flow: 'asks',
  start: 'a',
  nodes: { a: { type: 'callback', function: 'ask', params: { token: '$$.callback.token' } } },
}
const FOLDER = {
  ...FUNCTIONS,
  'flows/asks.json': ASKS,
  'flows/broken.json': { flow: 'broken', start: 'a', nodes: { a: { type: 'function', function: 'broken' } } },
}

interface Answer {
  readonly status: number
  readonly body: any
  readonly location: string | null
}

/** Servers of one folder and store, one behind the other. */
class Lab {
  readonly folder = folderWith(FOLDER)
  private readonly killFile = join(this.folder, 'kill')
  private running: Running | null = null
  private url = ''

  async start(): Promise<void> {
    this.running = fnflow(['serve', '--json', '--port', '0', '--store', 'store'], {
      cwd: this.folder,
      env: { NODE_OPTIONS: `--import=${SEAM}`, KILL_FILE: this.killFile },
    })
    servers.push(this.running)
    this.url = (JSON.parse(await firstLine(this.running)) as { address: string }).address
  }

  /** The server dies at this moment of the next request with a key. */
  dieAt(moment: string): void {
    writeFileSync(this.killFile, moment)
  }

  async died(): Promise<boolean> {
    await this.running
    return !existsSync(this.killFile)
  }

  kill(): void {
    this.running?.child.kill('SIGKILL')
  }

  async post(path: string, body: unknown, key: string | null): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method: 'POST',
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === null ? {} : { 'idempotency-key': key }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: await response.json(), location: response.headers.get('location') }
  }

  async get(path: string): Promise<any> {
    return (await fetch(this.url + path)).json()
  }

  async count(query: string): Promise<number> {
    return (await this.get(`/v1/executions?${query}&limit=200`)).items.length
  }

  /** The token that an execution of {@link ASKS} waits with. */
  async tokenOf(id: string): Promise<string> {
    const token = async (): Promise<string | undefined> =>
      /"token":"([^"]+)"/.exec((await this.get(`/v1/executions/${id}/logs`)).items?.[0]?.text ?? '')?.[1]
    await expect.poll(token, { timeout: 20_000 }).toBeDefined()
    await expect.poll(async () => (await this.get(`/v1/executions/${id}/nodes`)).items?.[0]?.status, { timeout: 20_000 }).toBe('waiting')
    return (await token())!
  }
}

/** A request on each route with an effect: what it takes, and how often its effect is there in the end. */
interface Case {
  readonly name: string
  prepare(lab: Lab): Promise<{ readonly path: string; readonly body?: unknown; readonly effects: () => Promise<number> }>
}

/** An execution that has failed. */
async function failed(lab: Lab): Promise<string> {
  const { id } = (await lab.post('/v1/flows/broken/executions', {}, null)).body
  expect(await lab.get(`/v1/executions/${id}?wait=20`)).toMatchObject({ status: 'failed' })
  return id as string
}

async function asking(lab: Lab): Promise<string> {
  return (await lab.post('/v1/flows/asks/executions', {}, null)).body.id as string
}

async function retriesOf(lab: Lab, id: string): Promise<number> {
  const { items } = await lab.get('/v1/executions?flow=broken&limit=200')
  return items.filter(({ retryOf }: any) => retryOf === id).length
}

const CASES: readonly Case[] = [
  {
    name: 'start',
    prepare: async (lab) => {
      const before = await lab.count('flow=asks')
      return { path: '/v1/flows/asks/executions', body: { input: 'start' }, effects: async () => (await lab.count('flow=asks')) - before }
    },
  },
  {
    name: 'start-by-name',
    prepare: async (lab) => {
      const name = `n${await lab.count('flow=asks')}`
      const before = await lab.count('flow=asks')
      return { path: '/v1/flows/asks/executions', body: { name }, effects: async () => (await lab.count('flow=asks')) - before }
    },
  },
  {
    name: 'retry',
    prepare: async (lab) => {
      const id = await failed(lab)
      return { path: `/v1/executions/${id}/retry`, effects: () => retriesOf(lab, id) }
    },
  },
  {
    name: 'rerun',
    prepare: async (lab) => {
      const id = await failed(lab)
      return { path: `/v1/executions/${id}/rerun`, body: { from: 'a', input: 1 }, effects: () => retriesOf(lab, id) }
    },
  },
  {
    name: 'stop',
    prepare: async (lab) => {
      const id = await asking(lab)
      const isStopped = async (): Promise<boolean> => (await lab.get(`/v1/executions/${id}`)).status === 'cancelled'
      return { path: `/v1/executions/${id}/stop`, effects: async () => Number(await isStopped()) }
    },
  },
  {
    name: 'callback',
    prepare: async (lab) => {
      const id = await asking(lab)
      return {
        path: `/v1/callbacks/${await lab.tokenOf(id)}`,
        body: { status: 'succeeded', output: 7 },
        effects: async () => Number((await lab.get(`/v1/executions/${id}/nodes`)).items[0].status === 'succeeded'),
      }
    },
  },
]

describe.each(['before effect', 'after effect', 'before answer', 'after answer'])(
  'a server that dies %s of a request with a key',
  (moment) => {
    it('has its effect once, and answers when it is back', async () => {
      const lab = new Lab()
      await lab.start()
      for (const { name, prepare } of CASES) {
        const { path, body, effects } = await prepare(lab)
        lab.dieAt(moment)
        await expect(lab.post(path, body, name), name).rejects.toThrow()
        expect(await lab.died(), name).toBe(true)
        await lab.start()
        expect(await effects(), name).toBe(moment === 'before effect' ? 0 : 1)
        const answer = await lab.post(path, body, name)
        expect(Math.trunc(answer.status / 100), `${name}: ${JSON.stringify(answer.body)}`).toBe(2)
        expect(await lab.post(path, body, name), name).toEqual(answer)
        expect(await effects(), name).toBe(1)
        expect((await lab.post(path, { other: true }, name)).status, name).toBe(body === undefined ? 409 : 422)
      }
      lab.kill()
    })
  },
)

it('a server that is killed at any moment starts nothing twice', async () => {
  const lab = new Lab()
  await lab.start()
  const answers = new Map<string, Answer>()
  for (let round = 0; round < 10; round++) {
    const keys = Array.from({ length: 5 }, (_, at) => `${round}-${at}`)
    const post = (key: string): Promise<void> =>
      lab.post('/v1/flows/asks/executions', { input: key }, key).then((answer) => void answers.set(key, answer))
    const sent = keys.map((key) => post(key).catch(() => undefined))
    await sleep(Math.random() * 12)
    lab.kill()
    await Promise.all(sent)
    await lab.died()
    await lab.start()
    for (const key of keys) {
      const again = await lab.post('/v1/flows/asks/executions', { input: key }, key)
      expect(again.status).toBe(202)
      expect(again.location).toBe(`/v1/executions/${again.body.id}`)
      // whoever had an answer has the same again
      expect(again).toEqual(answers.get(key) ?? again)
      answers.set(key, again)
    }
  }
  const { items } = await lab.get('/v1/executions?flow=asks&limit=200')
  expect(items).toHaveLength(50)
  expect(new Set([...answers.values()].map(({ body }) => body.id)).size).toBe(50)
  lab.kill()
})
