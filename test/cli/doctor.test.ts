import { createServer, type Server } from 'node:net'
import { afterAll, describe, expect, it } from 'vitest'
import { firstLine, fnflow, folderWith, FUNCTIONS, lastLine, type Running } from './support.ts'

const running: Running[] = []
const servers: Server[] = []
afterAll(() => {
  for (const { child } of running) child.kill('SIGKILL')
  for (const server of servers) server.close()
})

/** A port that somebody has who is no server of ours. */
function takenPort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.end('HELLO\r\n'))
    servers.push(server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)))
  })
}

async function doctor(
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<{ readonly code: number | null; readonly found: any; readonly stdout: string }> {
  const { code, stdout, stderr } = await fnflow(['doctor', '--json'], { cwd, env })
  expect(stderr).toBe('')
  const found = JSON.parse(stdout) as { checks: { name: string }[] }
  return { code, stdout, found: { ...found, checks: Object.fromEntries(found.checks.map((check) => [check.name, check])) } }
}

describe('fnflow doctor', () => {
  it('looks at the machine, and shows the configuration in force without its secrets', async () => {
    const cwd = folderWith({
      ...FUNCTIONS,
      'fnflow.yaml': `
server: { port: 0, keys: [{ name: ops, role: admin, key: { from: env, name: OPS_KEY } }] }
retention: 30d
`,
    })
    const { code, found, stdout } = await doctor(cwd, { OPS_KEY: 'sesame-sesame-sesame', FNFLOW_SERVER_PUBLICURL: 'https://flows.example' })
    expect(code).toBe(0)
    expect(found).toMatchObject({
      ok: true,
      checks: {
        'Node.js': { group: 'machine', state: 'ok', detail: process.versions.node },
        SQLite: { state: 'ok' },
        memory: {},
        functions: { state: 'ok', detail: expect.stringMatching(/^\d+ known$/) as unknown },
        store: { group: 'connections', state: 'ok' },
        port: { state: 'ok' },
      },
      configuration: {
        file: 'fnflow.yaml',
        settings: {
          engine: { value: 'embedded', from: 'default' },
          retention: { value: 30 * 86_400_000, from: 'file' },
          'server.publicUrl': { value: 'https://flows.example', from: 'variable' },
          'server.keys': { value: [{ name: 'ops', role: 'admin', key: '***' }], from: 'file' },
        },
      },
    })
    expect(stdout).not.toMatch(/sesame/)
  })

  it('says what cannot be reached, and what to do: exit code 3', async () => {
    const port = await takenPort()
    const cwd = folderWith({ 'fnflow.yaml': `server: { port: ${port} }\n` })
    const { code, found } = await doctor(cwd)
    expect([code, found.ok, found.checks.port]).toMatchObject([3, false, { state: 'failed', remedy: 'set server.port to another' }])
    const cluster = folderWith({
      'fnflow.yaml': `engine: temporal\nstore: postgres://me:sesame@127.0.0.1:${port}/flows\ntemporal: { address: '127.0.0.1:1' }\nserver: { port: 0 }\n`,
    })
    const { code: unreached, found: away, stdout } = await doctor(cluster)
    expect(unreached).toBe(3)
    expect(away.checks).toMatchObject({ Temporal: { state: 'failed' }, PostgreSQL: { state: 'failed' }, port: { state: 'ok' } })
    expect(away.configuration.settings.store.value).toBe(`postgres://me:***@127.0.0.1:${port}/flows`)
    expect(stdout).not.toMatch(/sesame/)
  })

  it('knows a server of ours that runs, and a store that is in use without one', async () => {
    const cwd = folderWith()
    const server = fnflow(['serve', '--json', '--port', '0'], { cwd })
    running.push(server)
    const { port } = new URL((JSON.parse(await firstLine(server)) as { address: string }).address)
    const beside = await doctor(cwd, { FNFLOW_SERVER_PORT: port })
    expect([beside.code, beside.found.checks.port.detail]).toEqual([0, `127.0.0.1:${port}: a server of fnflow answers (ready)`])
    const { code, found } = await doctor(cwd, { FNFLOW_SERVER_PORT: '0' })
    expect([code, found.checks.store]).toMatchObject([3, { state: 'failed', detail: './data: in use by another process' }])
    server.child.kill('SIGTERM')
    expect((await server).code).toBe(0)
    expect((await doctor(cwd, { FNFLOW_SERVER_PORT: '0' })).found.checks.store).toMatchObject({ state: 'ok', detail: './data: free' })
  })

  it('a wrong configuration is exit code 2, with its places', async () => {
    const outcome = await fnflow(['doctor', '--json'], { cwd: folderWith({ 'fnflow.yaml': 'server: { prot: 80 }\n' }) })
    expect(outcome.code).toBe(2)
    expect(lastLine(outcome)).toMatchObject({ errorType: 'ConfigInvalid', diagnostics: [{ line: 1, column: 11 }] })
  })
})
