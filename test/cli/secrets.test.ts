/**
 * Plants secrets in a server's configuration, functions and requests, asks all of its routes, rightly and wrongly, and looks for them in all that it has
 * answered and logged.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { homedir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, it } from 'vitest'
import { firstLine, fnflow, folderWith, ROOT, type Running } from './support.ts'

const servers: Running[] = []
afterAll(() => {
  for (const { child } of servers) child.kill('SIGKILL')
})

const SECRET = 'planted-env-secret-5f1c'
const CONFIGURED = 'planted-config-key-77aa'
const PASSWORD = 'planted-pg-password-09be'

const FILES = {
  'fnflow.yaml': `
server:
  keys: [{ name: configured, role: admin, key: { from: env, name: CONFIGURED_KEY } }]
`,
  'functions.yaml': `
uses: { runtime: nodejs, code: ./f, handler: index.uses, environment: { secrets: { TOKEN: { from: env, name: PLANTED } } } }
fails: { runtime: nodejs, code: ./f, handler: index.fails, environment: { secrets: { TOKEN: { from: env, name: PLANTED } } } }
gone: { runtime: nodejs, code: ./f, handler: index.gone }
broken: { runtime: nodejs, code: ./f, handler: broken.handler }
ask: { runtime: nodejs, code: ./f, handler: index.ask }
imports: { runtime: nodejs, code: ./f, handler: imports.handler }
reads: { runtime: nodejs, code: ./f, handler: reads.handler }
moved: { runtime: nodejs, code: ./moved, handler: index.handler }
absent: { runtime: nodejs, code: ./f, handler: absent.handler }
pygone: { runtime: python, code: ./f, handler: absent.handler }
pyfails: { runtime: python, code: ./f, handler: py.handler }
pybroken: { runtime: python, code: ./f, handler: pybroken.handler }
`,
  'f/index.mjs': `
import { writeFileSync } from 'node:fs'
export const uses = () => ({ length: process.env.TOKEN.length })
export const fails = () => { throw new TypeError('broken on purpose') }
export const ask = (event, context) => {
  writeFileSync(new URL('../token.json', import.meta.url), JSON.stringify({ event, callback: context.callback }))
  return null
}
`,
  'f/broken.mjs': `throw new RangeError('at load')`,
  'f/py.py': `def handler(event, context):\n    return open(__file__ + '.nowhere').read()\n`,
  'f/pybroken.py': `def handler(:\n`,
  'f/imports.mjs': `import './nowhere.mjs'`,
  'f/reads.mjs': `import { readFileSync } from 'node:fs'\nexport const handler = () => readFileSync(new URL('nowhere.txt', import.meta.url))`,
  'flows/uses.json': { flow: 'uses', start: 'a', nodes: { a: { type: 'function', function: 'uses' } } },
  'flows/fails.json': { flow: 'fails', start: 'a', nodes: { a: { type: 'function', function: 'fails' } } },
  'flows/gone.json': { flow: 'gone', mode: 'express', start: 'a', nodes: { a: { type: 'function', function: 'gone' } } },
  'flows/breaks.json': { flow: 'breaks', start: 'a', nodes: { a: { type: 'function', function: 'broken' } } },
  'flows/asks.json': {
    flow: 'asks',
    start: 'a',
    nodes: { a: { type: 'callback', function: 'ask', params: { token: '$$.callback.token', url: '$$.callback.url' } } },
  },
} as const

const FAILING = ['fails', 'gone', 'broken', 'imports', 'reads', 'moved', 'absent', 'pygone', 'pyfails', 'pybroken']

type Document = { readonly paths: Record<string, Record<string, { readonly operationId: string }>> }

it('no secret and no path of the host is in any answer, nor any secret in the log', async () => {
  const folder = folderWith(FILES)
  const added = await fnflow(['keys', 'add', 'ops', '--role', 'admin'], { cwd: folder })
  const env = { PLANTED: SECRET, CONFIGURED_KEY: CONFIGURED }
  const running = fnflow(['serve', '--json', '--port', '0'], { cwd: folder, env })
  servers.push(running)
  const { address } = JSON.parse(await firstLine(running)) as { address: string }
  const key = added.stdout.trim()
  const answers: { readonly what: string; readonly text: string }[] = []

  /** What an answer says, its head included; a stream for a moment only. */
  async function ask(method: string, path: string, body?: string, headers: Record<string, string> = {}): Promise<any> {
    const leave = new AbortController()
    const response = await fetch(address + path, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body }),
      signal: leave.signal,
    })
    let text = ''
    const reading = (async () => {
      for await (const part of response.body ?? []) text += Buffer.from(part).toString()
    })().catch(() => undefined)
    await Promise.race([reading, sleep(3000)])
    leave.abort()
    answers.push({ what: `${method} ${path}`, text: `${response.status} ${JSON.stringify([...response.headers])}\n${text}` })
    try {
      return JSON.parse(text) as unknown
    } catch {
      return text
    }
  }

  const ids: string[] = []
  for (const flow of ['asks', 'uses', 'fails', 'breaks']) {
    const { id } = await ask('POST', `/v1/flows/${flow}/executions`, '{}')
    ids.push(id)
    if (flow !== 'asks') expect((await ask('GET', `/v1/executions/${id}?wait=20`)).status).not.toBe('running')
  }
  const file = join(folder, 'token.json')
  await expect.poll(() => existsSync(file), { timeout: 20_000 }).toBe(true)
  await expect.poll(async () => (await ask('GET', `/v1/executions/${ids[0]}/nodes`)).items[0].status).toBe('waiting')
  const { event, callback } = JSON.parse(readFileSync(file, 'utf8')) as Record<'event' | 'callback', { token: string; url: string }>
  expect(event).toEqual(callback)

  // each route, of each thing, rightly and wrongly
  const { paths } = (await ask('GET', '/openapi.json')) as Document
  expect(Object.keys(paths).length).toBeGreaterThan(15)
  const bodies = [
    undefined,
    '{}',
    '{"flow":"x","start":"a","nodes":{"a":{"type":"function","function":"nowhere"}}}',
    '[1',
    'flow: [',
    '\u0000',
  ]
  const fill = (path: string, thing: string): string => path.replaceAll(/\{(\w+)\}/g, (_, name: string) => (name === 'node' ? 'a' : thing))
  for (const [path, operations] of Object.entries(paths)) {
    // an answer would use the token up, and DELETE take away what is looked at
    for (const method of Object.keys(operations).filter((one) => one !== 'delete')) {
      const isExecution = path.includes('/executions/{id}')
      const things = isExecution
        ? [...ids, 'nobody']
        : path.includes('{app}')
          ? []
          : ['asks', 'fails', 'gone', 'nobody', '%2e%2e%2f', '%00']
      const urls = path.includes('{app}')
        ? [...FAILING, 'uses', 'nobody'].map((name) => path.replace('{app}', 'default').replace('{name}', name))
        : path.includes('{')
          ? things.map((thing) => fill(path, thing))
          : [path]
      for (const url of urls) {
        if (method === 'get') for (const query of ['', '?limit=1', '?nonsense=1']) await ask('GET', url + query)
        else if (!/\/(stop|retry)$/.test(url) || url.includes('nobody'))
          for (const body of bodies)
            await ask(method.toUpperCase(), url, body, body === 'flow: [' ? { 'content-type': 'application/yaml' } : {})
      }
    }
  }
  for (const headers of [{ authorization: `Bearer ${key}x` }, { authorization: `Basic ${key}` }, { authorization: '' }])
    await ask('GET', '/v1/executions', undefined, headers)
  for (const path of ['/keys.json', '/data/keys.json', '/../keys.json', '/%2e%2e/functions.yaml', '/v1/flows/%zz']) await ask('GET', path)
  // used, used again, and failed
  for (let at = 0; at < 2; at++) await ask('POST', `/v1/callbacks/${callback.token}`, '{"status":"succeeded"}', { authorization: '' })
  expect((await ask('GET', `/v1/executions/${ids[0]}?wait=20`)).status).toBe('succeeded')

  running.child.kill('SIGTERM')
  const { code, stdout, stderr } = await running
  expect(code).toBe(0)
  // what was looked through is what was meant to be
  expect(answers.length).toBeGreaterThan(200)
  const all = answers.map(({ text }) => text).join('\n')
  for (const wanted of [
    'broken on purpose',
    'at load',
    'HandlerNotFound',
    '"status":"waiting"',
    'flow-invalid',
    'malformed-json',
    'nowhere.mjs',
    'nowhere.txt',
    'absent.py',
    'py.py.nowhere',
    'the folder of its code does not exist',
    'event: node',
  ])
    expect(all).toContain(wanted)
  const kept = JSON.parse(readFileSync(join(folder, 'data/keys.json'), 'utf8')) as { keys: { hash: string }[] }
  const secrets = [SECRET, CONFIGURED, key.slice('fnflow_'.length), callback.token, kept.keys[0]!.hash]
  for (const { what, text } of answers) {
    for (const secret of secrets) expect(text.includes(secret) ? `${what}: ${text}` : '').toBe('')
    for (const path of [folder, ROOT, process.execPath, homedir(), 'node_modules', 'node:internal'])
      expect(text.includes(path) ? `${what}, ${path}: ${text}` : '').toBe('')
    expect(text.startsWith('500') ? `${what}: ${text}` : '').toBe('')
  }
  for (const secret of secrets) expect((stdout + stderr).includes(secret) ? stdout + stderr : '').toBe('')
})

it('no password of a database is told when it cannot be used', async () => {
  const folder = folderWith({ 'fnflow.yaml': `engine: temporal\nstore: postgres://flows:${PASSWORD}@127.0.0.1:1/flows\n` })
  for (const args of [
    ['serve', '--port', '0'],
    ['keys', 'list'],
    ['keys', 'add', 'a', '--role', 'viewer'],
    ['keys', 'remove', 'a'],
  ])
    for (const json of [[], ['--json']]) {
      const { code, stdout, stderr } = await fnflow([...args, ...json], { cwd: folder })
      expect([args, code]).toEqual([args, 3])
      expect(stdout).toBe('')
      expect(stderr).toMatch(/127\.0\.0\.1:1\/flows/)
      expect(stderr).not.toContain(PASSWORD)
    }
  for (const store of [
    `postgre://flows:${PASSWORD}@127.0.0.1/flows`,
    `postgres://flows:${PASSWORD}@@127.0.0.1/flows`,
    `postgres://flows:${PASSWORD}@[/flows`,
  ]) {
    const { code, stdout, stderr } = await fnflow(['keys', 'list'], { cwd: folder, env: { FNFLOW_STORE: store } })
    expect([store, code]).toEqual([store, store.includes('@@') ? 3 : 2])
    expect(stdout + stderr).not.toContain(PASSWORD)
  }
})
