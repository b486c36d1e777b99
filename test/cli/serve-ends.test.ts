import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { afterAll, expect, it } from 'vitest'
import { firstLine, fnflow, folderWith, type Running } from './support.ts'

const servers: Running[] = []
afterAll(() => {
  for (const { child } of servers) child.kill('SIGKILL')
})

const HOLDS = {
  'functions.yaml': 'holds: { runtime: nodejs, code: ./f, handler: index.holds, timeout: 120 }\n',
  'f/index.mjs': 'export const holds = ({ ms }) => new Promise((resolve) => setTimeout(() => resolve({ held: ms }), ms))\n',
  'flows/holds.yaml': 'flow: holds\nmode: express\nstart: a\nnodes:\n  a: { type: function, function: holds }\n',
}

async function serve(cwd: string, env: NodeJS.ProcessEnv = {}): Promise<{ readonly running: Running; readonly url: string }> {
  const running = fnflow(['serve', '--json'], { cwd, env: { FNFLOW_SERVER_PORT: '0', ...env } })
  servers.push(running)
  return { running, url: (JSON.parse(await firstLine(running)) as { address: string }).address }
}

/** On a connection of its own. */
function ask(url: string, body?: object): Promise<{ readonly status: number; readonly connection: string; readonly body: any }> {
  return new Promise((resolve, reject) => {
    const options = {
      agent: false,
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': 'mine' },
    }
    const sent = request(url, options, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (data: string) => (text += data))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, connection: response.headers.connection ?? '', body: JSON.parse(text) as unknown }),
      )
    })
    sent.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body))
  })
}

it.runIf(process.platform === 'linux')('a server keeps its heap small, as the same process, unless it is told otherwise', async () => {
  const flagsOf = ({ child: { pid } }: Running): string[] =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      .split('\0')
      .filter((arg) => arg.startsWith('--max-semi'))
  const { running, url } = await serve(folderWith())
  expect(flagsOf(running)).toEqual(['--max-semi-space-size=8'])
  expect(await ask(`${url}/healthz`)).toMatchObject({ status: 200 })
  const told = await serve(folderWith(), { NODE_OPTIONS: '--max-semi-space-size=4' })
  expect(flagsOf(told.running)).toEqual([])
  for (const { child } of [running, told.running]) child.kill('SIGTERM')
  expect([(await running).code, (await told.running).code]).toEqual([0, 0])
})

it('SIGTERM: what comes is refused, what runs ends, exit code 0; its log has lines of JSON', async () => {
  const { running, url } = await serve(folderWith(HOLDS))
  expect(await ask(`${url}/readyz`)).toMatchObject({ status: 200, body: { status: 'ready', dependencies: { store: { state: 'ok' } } } })
  // a process for it is there
  await ask(`${url}/v1/flows/holds/sync-executions`, { input: { ms: 1 } })
  const under = ask(`${url}/v1/flows/holds/sync-executions`, { input: { ms: 3000 } })
  await expect
    .poll(async () => (await (await fetch(`${url}/metrics`)).text()).includes('fnflow_executions_started_total{flow="holds"} 2'))
    .toBe(true)
  running.child.kill('SIGTERM')
  await running.seen(/stopping/)
  for (const path of ['/readyz', '/v1/executions'])
    expect(await ask(url + path)).toMatchObject({ status: 503, connection: 'close', body: { code: 'shutting-down' } })
  expect(await under).toMatchObject({ status: 200, body: { output: { held: 3000 } } })
  const { code, stderr } = await running
  expect(code).toBe(0)
  const lines = stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { message: string; route?: string; status?: number; requestId?: string })
  expect(lines).toContainEqual(
    expect.objectContaining({ message: 'request', route: '/v1/flows/:name/sync-executions', status: 200, requestId: 'mine' }),
  )
  expect(lines).toContainEqual(expect.objectContaining({ message: expect.stringMatching(/^deployed holds/) as unknown }))
})

it('what does not end within shutdownTimeout is given up, and a second signal ends the process at once', async () => {
  const cwd = folderWith({ ...HOLDS, 'fnflow.yaml': 'server: { shutdownTimeout: 2s }\ntelemetry: { logs: text }\n' })
  const first = await serve(cwd)
  const under = ask(`${first.url}/v1/flows/holds/sync-executions`, { input: { ms: 60_000 } })
  await expect.poll(async () => (await (await fetch(`${first.url}/metrics`)).text()).includes('started_total{flow="holds"} 1')).toBe(true)
  first.running.child.kill('SIGTERM')
  expect(await under).toMatchObject({ status: 503, body: { code: 'shutting-down' } })
  expect((await first.running).code).toBe(0)

  const second = await serve(cwd, { FNFLOW_SERVER_SHUTDOWNTIMEOUT: '60s' })
  const held = ask(`${second.url}/v1/flows/holds/sync-executions`, { input: { ms: 60_000 } }).catch(() => 'cut off')
  await expect.poll(async () => (await (await fetch(`${second.url}/metrics`)).text()).includes('started_total{flow="holds"} 1')).toBe(true)
  second.running.child.kill('SIGTERM')
  await second.running.seen(/stopping/)
  second.running.child.kill('SIGTERM')
  expect((await second.running).code).toBe(130)
  expect(await held).toBe('cut off')
})

it('says which host is none', async () => {
  const cwd = folderWith({ 'fnflow.yaml': 'server: { keys: [{ name: a, role: admin, key: 0123456789abcdef }] }' })
  expect(await fnflow(['serve', '--host', 'nowhere.invalid', '--port', '0'], { cwd })).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(/--host nowhere\.invalid: there is no such host/) as unknown,
  })
})
