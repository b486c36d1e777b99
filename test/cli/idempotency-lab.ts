import { setTimeout as sleep } from 'node:timers/promises'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { zipOf } from '../executors/zips.ts'
import { firstLine, fnflow, folderWith, FUNCTIONS, type Running } from './support.ts'

/** Preloaded by servers: ends them at a moment. */
const SEAM = new URL('kill-seam.mjs', import.meta.url).href
const ASKS = {
  flow: 'asks',
  start: 'a',
  nodes: { a: { type: 'callback', function: 'ask', params: { token: '$$.callback.token' } } },
}
/** The files of a server that {@link CASES} run on. */
export const FOLDER = {
  ...FUNCTIONS,
  'flows/asks.json': ASKS,
  'flows/broken.json': { flow: 'broken', start: 'a', nodes: { a: { type: 'function', function: 'broken' } } },
}

const servers: Running[] = []

/** Ends all servers; to be called behind the tests. */
export function killServers(): void {
  for (const { child } of servers) child.kill('SIGKILL')
}

export interface Answer {
  readonly status: number
  readonly body: any
  readonly location: string | null
}

/** Servers of one folder and store, one behind the other. */
export class Lab {
  readonly folder: string
  private readonly args: readonly string[]
  private readonly env: NodeJS.ProcessEnv
  private readonly killFile: string
  private running: Running | null = null
  private url = ''

  constructor(folder: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.folder = folder
    this.args = args
    // of this server alone, whoever else shares the folder
    this.killFile = join(folderWith(), 'kill')
    this.env = { ...env, NODE_OPTIONS: `--import=${SEAM}`, KILL_FILE: this.killFile }
  }

  async start(): Promise<void> {
    this.running = fnflow(['serve', '--json', '--port', '0', ...this.args], { cwd: this.folder, env: this.env })
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

  async put(path: string, body: unknown): Promise<void> {
    const headers = { 'content-type': 'application/json' }
    const { ok } = await fetch(this.url + path, { method: 'PUT', headers, body: JSON.stringify(body) })
    expect(ok).toBe(true)
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
export interface Case {
  readonly name: string
  /** @param key May name what is made for it. */
  prepare(lab: Lab, key: string): Promise<{ readonly path: string; readonly body?: unknown; readonly effects: () => Promise<number> }>
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

export const CASES: readonly Case[] = [
  {
    name: 'start',
    prepare: async (lab, key) => {
      await lab.put(`/v1/flows/${key}`, { ...ASKS, flow: key })
      return { path: `/v1/flows/${key}/executions`, body: { input: 'start' }, effects: () => lab.count(`flow=${key}`) }
    },
  },
  {
    name: 'start-by-name',
    prepare: async (lab, key) => {
      await lab.put(`/v1/flows/${key}`, { ...ASKS, flow: key })
      return { path: `/v1/flows/${key}/executions`, body: { name: 'one' }, effects: () => lab.count(`flow=${key}`) }
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
  {
    name: 'create',
    prepare: async (lab, key) => ({
      path: '/v1/flows',
      body: { ...ASKS, flow: `new-${key}` },
      effects: async () => Number((await lab.get(`/v1/flows/new-${key}`)).flow === `new-${key}`),
    }),
  },
  {
    name: 'create-function',
    prepare: async (lab, key) => ({
      path: '/v1/functions',
      body: {
        name: `new-${key}`,
        runtime: 'nodejs',
        handler: 'index.handler',
        code: zipOf([{ name: 'index.mjs', content: 'export const handler = () => 1' }]).toString('base64'),
      },
      effects: async () => Number((await lab.get(`/v1/functions/default/new-${key}`)).name === `new-${key}`),
    }),
  },
  {
    name: 'publish',
    prepare: async (lab, key) => {
      await lab.put(`/v1/flows/${key}`, { ...ASKS, flow: key })
      return { path: `/v1/flows/${key}/versions`, body: {}, effects: async () => (await lab.get(`/v1/flows/${key}/versions`)).items.length }
    },
  },
  {
    name: 'answer-node',
    prepare: async (lab) => {
      const id = await asking(lab)
      await lab.tokenOf(id)
      return {
        path: `/v1/executions/${id}/nodes/a/callback`,
        body: { status: 'succeeded', output: 7 },
        effects: async () => Number((await lab.get(`/v1/executions/${id}/nodes`)).items[0].status === 'succeeded'),
      }
    },
  },
  {
    name: 'topic',
    prepare: async (lab, key) => {
      const triggers = [{ type: 'topic', name: 'heard', topic: key }]
      for (const flow of [`${key}-a`, `${key}-b`]) await lab.put(`/v1/flows/${flow}`, { ...ASKS, flow, triggers })
      // of what another server deploys, a server knows within 2 s who is subscribed
      await sleep(2100)
      return {
        path: `/v1/topics/${key}/messages`,
        body: { message: { n: 1 } },
        effects: async () => ((await lab.count(`flow=${key}-a`)) + (await lab.count(`flow=${key}-b`))) / 2,
      }
    },
  },
  {
    name: 'fire',
    prepare: async (lab, key) => {
      await lab.put(`/v1/flows/${key}`, { ...ASKS, flow: key, triggers: [{ type: 'topic', name: 'heard', topic: key }] })
      return { path: `/v1/triggers/${key}/heard/fire`, body: { event: {} }, effects: () => lab.count(`flow=${key}`) }
    },
  },
  {
    name: 'disable',
    prepare: async (lab, key) => {
      await lab.put(`/v1/flows/${key}`, { ...ASKS, flow: key, triggers: [{ type: 'topic', name: 'heard', topic: key }] })
      const isEnabled = async (): Promise<boolean> => (await lab.get(`/v1/triggers/${key}/heard`)).enabled
      return { path: `/v1/triggers/${key}/heard/disable`, effects: async () => Number(!(await isEnabled())) }
    },
  },
]
