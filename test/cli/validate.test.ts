import { describe, expect, it } from 'vitest'
import { fnflow, folderWith, FUNCTIONS, oneFunction } from './support.ts'

const folder = folderWith({
  ...FUNCTIONS,
  'good.json': oneFunction('hello', { flow: 'good' }),
  'calls.json': {
    flow: 'calls',
    start: 'a',
    nodes: { a: { type: 'subflow', flow: 'good', next: 'b' }, b: { type: 'subflow', flow: 'nowhere' } },
  },
  'bad.yaml': 'flow: bad\nstart: a\nnodes:\n  a: { type: pass, nxt: b }\n',
  'sub/deeper/worse.yml': 'flow: worse\nstart: a\nnodes: {\n',
  'input.json': '{"flow": 1}',
  'list.yaml': '- flow: { flow: x }\n  nodes: {}\n',
  'notes.txt': 'flow: x\nnodes:\n',
  'node_modules/x/flow.yaml': 'flow: x\nnodes: 1\n',
})
const validate = (...args: string[]): ReturnType<typeof fnflow> => fnflow(['validate', ...args], { cwd: folder })

describe('fnflow validate', () => {
  it('says nothing on stdout about a good flow, exit code 0', async () => {
    expect(await validate('good.json')).toEqual({ code: 0, stdout: '', stderr: '0 errors, 0 warnings in 1 file\n' })
  })

  it('prints file:line:column rule message, exit code 2', async () => {
    const { code, stdout } = await validate('bad.yaml')
    expect(code).toBe(2)
    expect(stdout).toMatch(/^bad\.yaml:4:20 schema .*"nxt".*did you mean "next"\?/)
    expect(stdout.trim().split('\n')).toHaveLength(1)
  })

  it('searches folders, for what looks like a flow', async () => {
    const { code, stdout, stderr } = await validate('.')
    expect(code).toBe(2)
    expect([
      ...new Set(
        stdout
          .trim()
          .split('\n')
          .map((line) => line.split(':')[0]),
      ),
    ]).toEqual(['bad.yaml', 'calls.json', 'sub/deeper/worse.yml'])
    expect(stdout).toMatch(/^sub\/deeper\/worse\.yml:\d+:\d+ syntax /m)
    expect(stderr).toMatch(/in 4 files/)
  })

  it('always checks a file that is named', async () => {
    expect((await validate('input.json')).code).toBe(2)
    expect((await validate('list.yaml')).code).toBe(2)
  })

  it('knows the channels, connections and issuer of the configuration', async () => {
    const trigger = { type: 'kafka', name: 'k', connection: 'main', topics: ['t'], groupId: 'g', deadLetter: 'orders' }
    const hook = { type: 'http', name: 'h', path: '/h', auth: 'jwt' }
    const nodes = { n: { type: 'event', channel: 'orders', data: 1, next: 'm' }, m: { type: 'event', channel: 'log', data: 1 } }
    const flow = { flow: 'f', triggers: [trigger, hook], start: 'n', nodes }
    // the secret is not there, and need not be
    const config = `connections: { main: { kind: rabbitmq, url: { from: env, name: NONE } } }
channels: { orders: { connection: main, exchange: e } }
server: { jwt: { issuer: i, audience: a, jwksUrl: "https://id.example/keys" } }
`
    const run = (files: Record<string, string>) =>
      fnflow(['validate', 'f.json'], { cwd: folderWith({ 'f.json': JSON.stringify(flow), ...files }) })
    expect(await run({ 'fnflow.yaml': config })).toMatchObject({ code: 0, stdout: '' })
    const { code, stdout } = await run({ 'fnflow.yaml': 'channels: { other: { kind: log } }\n' })
    expect(code).toBe(2)
    for (const rule of ['unknown-connection', 'unknown-channel', 'schema']) expect(stdout).toContain(` ${rule} `)
    expect(stdout).not.toContain('"log"')
    expect((await run({})).stdout).not.toContain('unknown-connection')
    expect(await run({ 'fnflow.yaml': 'channels: [\n' })).toMatchObject({ stdout: expect.not.stringContaining('unknown-') })
  })

  it('knows the functions and flows beside a file: what is unknown is a warning', async () => {
    const { code, stdout } = await validate('calls.json', 'good.json')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^calls\.json:1:\d+ unknown-flow warning: .*nowhere/)
    expect(stdout).not.toMatch(/good/)
    const alone = folderWith({ 'flow.json': oneFunction('hello') })
    expect((await fnflow(['validate', 'flow.json'], { cwd: alone })).stdout).toMatch(/^flow\.json:1:\d+ unknown-function warning: /)
  })

  it('reports what is wrong with functions.yaml', async () => {
    const other = folderWith({
      'flow.json': oneFunction('hello'),
      'functions.yaml': 'hello:\n  runtime: nodejs\n  code: ./f\n  handler: index.hello\n  tmeout: 3\n',
    })
    const { code, stdout } = await fnflow(['validate', 'flow.json'], { cwd: other })
    expect(code).toBe(2)
    expect(stdout).toMatch(/^functions\.yaml:5:3 .*tmeout/)
    const run = await fnflow(['run', 'flow.json'], { cwd: other })
    expect(run.code).toBe(2)
    expect(run.stderr).toMatch(/^functions\.yaml:5:3 .*tmeout/)
  })

  it('--json and --format json are one JSON document', async () => {
    const { code, stdout } = await validate('bad.yaml', 'good.json', '--json')
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toEqual({
      valid: false,
      files: ['bad.yaml', 'good.json'],
      diagnostics: [
        {
          file: 'bad.yaml',
          line: 4,
          column: 20,
          rule: 'schema',
          severity: 'error',
          message: expect.any(String) as string,
          path: ['nodes', 'a', 'nxt'],
        },
      ],
    })
    expect(JSON.parse((await validate('good.json', '--format', 'json')).stdout)).toEqual({
      valid: true,
      files: ['good.json'],
      diagnostics: [],
    })
  })

  it('refuses a giant file and one that is not UTF-8 at once', async () => {
    const other = folderWith({ 'giant.yaml': `flow: x\ndescription: ${'x'.repeat(2_000_000)}\n` })
    const { code, stdout } = await fnflow(['validate', 'giant.yaml'], { cwd: other })
    expect(code).toBe(2)
    expect(stdout).toMatch(/^giant\.yaml:1:1 syntax /)
  })

  it('a folder without flows is bad usage', async () => {
    expect((await fnflow(['validate', 'f'], { cwd: folder })).code).toBe(2)
  })
})
