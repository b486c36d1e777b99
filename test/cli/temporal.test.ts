import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ErrorDocument } from '../../dsl/errors.ts'
import { queueFor } from '../../cli/run-place.ts'
import { newAuthority, tlsInFrontOf } from '../engine/temporal/certificates.ts'
import { newDatabase, newNamespace, temporalServices } from '../engine/temporal/services.ts'
import { firstLine, fnflow, folderWith, FUNCTIONS, lastLine, oneFunction, type Running } from './support.ts'

const { address } = temporalServices()
let env: NodeJS.ProcessEnv = {}
beforeAll(async () => {
  const [store, namespace] = await Promise.all([newDatabase(), newNamespace()])
  env = { FNFLOW_STORE: store, FNFLOW_TEMPORAL_ADDRESS: address, FNFLOW_TEMPORAL_NAMESPACE: namespace }
})

/** For what has to be said at all. */
const PATIENCE_MS = 60_000

const FILES = {
  ...FUNCTIONS,
  'functions.yaml': `${FUNCTIONS['functions.yaml']}
gated: { runtime: nodejs, code: ./f, handler: gated.handler, timeout: 300 }
pooled: { runtime: nodejs, code: ./f, handler: index.hello, pool: imports }
carded: { runtime: nodejs, code: ./f, handler: index.hello, gpu: { type: nvidia-t4, memory: 4 } }
moved: { runtime: nodejs, code: ./moved-away, handler: index.hello }
`,
  // goes on when there is the file that it is told
  'f/gated.mjs': `
import { existsSync } from 'node:fs'
export async function handler({ gate }, context) {
  console.log('before the gate')
  while (!existsSync(gate)) await new Promise((resolve) => setTimeout(resolve, 50))
  return { gate: 'open' }
}`,
  'hello.json': oneFunction('hello', { flow: 'hello' }),
  'fails.json': oneFunction('broken', { flow: 'fails' }),
  'gated.json': oneFunction('gated', { flow: 'gated' }),
  'parent.json': { flow: 'parent', start: 'a', nodes: { a: { type: 'subflow', flow: 'hello' } } },
  'notify.json': { flow: 'notify', start: 'a', nodes: { a: { type: 'event', channel: 'log', data: { n: 1 } } } },
  'asks.json': { flow: 'asks', start: 'ask', nodes: { ask: { type: 'callback', function: 'ask' } } },
  'loop.json': {
    flow: 'loop',
    start: 'each',
    nodes: { each: { type: 'loop', items: '$.list', nodes: { say: { type: 'function', function: 'hello', params: { name: '$.item' } } } } },
  },
} as const

const started = new Set<Running>()
afterAll(async () => {
  for (const running of started) running.child.kill('SIGKILL')
  await Promise.all(started)
})

/** A command with the services of this file; ended after the tests if it has not by then. */
function command(cwd: string, ...args: string[]): Running {
  const running = fnflow(args, { cwd, env })
  started.add(running)
  void running.finally(() => started.delete(running)).catch(() => undefined)
  return running
}

const run = (cwd: string, flow: string, ...args: string[]): Running => command(cwd, 'run', flow, '--engine', 'temporal', ...args)

/** A worker that polls. Not the process itself: that is a promise, for which the caller would wait. */
async function worker(cwd: string, ...args: string[]): Promise<{ readonly line: string; readonly process: Running }> {
  const running = command(cwd, 'worker', ...args)
  const line = await firstLine(running)
  return { line, process: running }
}

describe('fnflow run --engine temporal', () => {
  const folder = folderWith(FILES)

  it('runs a flow with its functions in this process, and prints the output', async () => {
    const { code, stdout, stderr } = await run(folder, 'hello.json', '--input', '{"name":"Ada"}')
    expect({ code, stdout }).toEqual({ code: 0, stdout: '{"hello":"Ada"}\n' })
    expect(stderr).toMatch(/^\[a [-0-9a-f]+\] hello \{"name":"Ada"\}$/m)
    expect(stderr).toMatch(/✔ a {2}function {2}succeeded in /)
  })

  it('knows the other flows as subflows, the channel log, pools, and what is inside loops', async () => {
    expect((await run(folder, 'parent.json')).stdout).toBe('{"hello":"world"}\n')
    const notified = await run(folder, 'notify.json', '--json')
    expect(notified.stderr).toMatch(/\[channel log\] .*"data":\{"n":1\}/)
    const pooled = folderWith({ ...FILES, 'pooled.json': oneFunction('pooled') })
    expect((await run(pooled, 'pooled.json')).stdout).toBe('{"hello":"world"}\n')
    const { stderr } = await run(folder, 'loop.json', '--trace', '--input', '{"list":["a","b"]}')
    expect(stderr.slice(stderr.indexOf('\ntrace\n'))).toMatch(
      /^each {2}loop {2}succeeded.*2\/2$[^]*^each\[0\]\/say {2}function {2}succeeded[^]*"hello":"b"/m,
    )
  })

  it.each([
    ['code that throws', 'broken', { status: 430, errorType: 'TypeError', function: 'default/broken:latest' }],
    [
      'a function that no worker has',
      'nowhere',
      { status: 435, errorType: 'FunctionNotFound', errorMessage: expect.stringContaining('default/nowhere') as unknown },
    ],
    [
      'code that is not there',
      'moved',
      { status: 437, errorType: 'HandlerNotFound', errorMessage: 'function default/moved: the folder of its code does not exist' },
    ],
  ])('%s fails the execution, with the error document', async (_what, name, document) => {
    const other = folderWith({ ...FILES, 'flow.json': oneFunction(name) })
    const outcome = await run(other, 'flow.json', '--json')
    expect({ code: outcome.code, stdout: outcome.stdout }).toEqual({ code: 1, stdout: '' })
    expect(lastLine(outcome)).toMatchObject(document)
  })

  it('killed and run again, it finishes what was left first', async () => {
    const gate = join(folderWith(), 'open')
    const input = JSON.stringify({ gate })
    const killed = run(folder, 'gated.json', '--input', input)
    await killed.seen(/before the gate/)
    killed.child.kill('SIGKILL')
    await killed
    const again = run(folder, 'hello.json')
    await again.seen(
      /^one execution was left on the task queue fnflow-run-[0-9a-f]{12}; finishing it first\n {2}run-\S+ {2}gated {2}started /m,
    )
    writeFileSync(gate, '')
    const { code, stdout, stderr } = await again
    expect({ code, stdout }).toEqual({ code: 0, stdout: '{"hello":"world"}\n' })
    expect(stderr).toMatch(/^ {2}run-\S+ {2}gated {2}succeeded after /m)
    expect((await run(folder, 'hello.json')).stderr).not.toMatch(/left/)
  })

  it('leaves alone what another run is at', async () => {
    const gate = join(folderWith(), 'open')
    const other = run(folder, 'gated.json', '--input', JSON.stringify({ gate }))
    await other.seen(/before the gate/)
    expect(await run(folder, 'hello.json')).toMatchObject({ code: 0, stderr: expect.not.stringContaining('left') as unknown })
    writeFileSync(gate, '')
    expect(await other).toMatchObject({ code: 0, stdout: '{"gate":"open"}\n' })
  })

  it('answers callbacks, those of subflows too, and tells of the others', async () => {
    const other = folderWith({ ...FILES, 'parent.json': { flow: 'parent', start: 'a', nodes: { a: { type: 'subflow', flow: 'asks' } } } })
    for (const flow of ['asks.json', 'parent.json']) {
      const answered = await run(other, flow, '--callback', 'ask={"approved":true}')
      expect(answered).toMatchObject({ code: 0, stdout: '{"approved":true}\n' })
    }
    const waiting = run(other, 'asks.json')
    await waiting.seen(/callback ask of asks waits\n {2}token {2}\S+\n {2}url {4}http:\S+\n/)
    waiting.child.kill('SIGKILL')
    await waiting
    const again = await run(other, 'hello.json', '--callback', 'ask={"approved":true}')
    expect(again).toMatchObject({ code: 0, stdout: '{"hello":"world"}\n' })
    expect(again.stderr).toMatch(/asks {2}succeeded after/)
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('%s stops the execution first, exit code 130', async (signal) => {
    const running = run(folder, 'gated.json', '--json', '--input', JSON.stringify({ gate: '/nobody/opens/it' }))
    await running.seen(/before the gate/)
    running.child.kill(signal)
    const outcome = await running
    expect({ code: outcome.code, stdout: outcome.stdout }).toEqual({ code: 130, stdout: '' })
    expect(lastLine(outcome)).toMatchObject({ status: 499, errorType: 'Cancelled' })
  })
})

describe('a queue that nobody serves', () => {
  it('is told within a minute; the execution ends when somebody does', { timeout: 2 * PATIENCE_MS }, async () => {
    const folder = folderWith(FILES)
    const waiting = run(folder, 'hello.json', '--no-worker', '--task-queue', 'nobody', '--scope', 'nobody')
    const began = performance.now()
    await waiting.seen(/^hello: no worker polls the task queue nobody for workflows; start one: fnflow worker --task-queue nobody$/m)
    expect(performance.now() - began).toBeLessThan(PATIENCE_MS)
    const helper = await worker(folder, '--task-queue', 'nobody')
    expect(await waiting).toMatchObject({ code: 0, stdout: '{"hello":"world"}\n' })
    helper.process.child.kill('SIGTERM')
    expect((await helper.process).code).toBe(0)
  })

  it('does not keep Ctrl-C from ending the command', { timeout: 2 * PATIENCE_MS }, async () => {
    const waiting = run(folderWith(FILES), 'hello.json', '--no-worker', '--task-queue', 'nobody-at-all', '--json')
    await waiting.seen(/no worker polls/)
    waiting.child.kill('SIGINT')
    const outcome = await waiting
    expect(outcome.code).toBe(130)
    expect(lastLine(outcome)).toMatchObject({
      errorType: 'Cancelled',
      errorMessage: expect.stringMatching(/asked to stop, which is safe with Temporal/) as unknown,
    })
  })
})

describe('fnflow worker', () => {
  it('says what it polls, works for others, and ends with what runs', { timeout: 2 * PATIENCE_MS }, async () => {
    const folder = folderWith(FILES)
    const own = ['--task-queue', 'own', '--scope', 'own']
    const main = await worker(folder, ...own, '--queues', 'imports:2')
    const known =
      'default/ask, default/big, default/broken, default/cycle, default/endless, default/gated, default/gone, default/hello, default/pooled, default/talks, default/unloadable'
    expect(main.line).toBe(
      `polling own, own.imports at ${address}, namespace ${env['FNFLOW_TEMPORAL_NAMESPACE']}; 12 functions: ${known.replace('default/pooled', 'default/moved, default/pooled')}; not here: default/carded (own.gpu.nvidia-t4)`,
    )
    const clients = ['--no-worker', ...own]
    expect((await run(folder, 'hello.json', ...clients)).stdout).toBe('{"hello":"world"}\n')
    const calls = folderWith({ ...FILES, 'pooled.json': oneFunction('pooled'), 'carded.json': oneFunction('carded') })
    expect((await run(calls, 'pooled.json', ...clients)).stdout).toBe('{"hello":"world"}\n')
    const cards = await worker(folder, ...own, '--queues', 'gpu.nvidia-t4', '--only', '--json')
    expect(JSON.parse(cards.line)).toMatchObject({ queues: ['own.gpu.nvidia-t4'], workflows: false, functions: ['default/carded'] })
    expect((await run(calls, 'carded.json', ...clients)).stdout).toBe('{"hello":"world"}\n')
    cards.process.child.kill('SIGINT')
    expect((await cards.process).code).toBe(0)

    const gate = join(folderWith(), 'open')
    const gated = run(folder, 'gated.json', '--input', JSON.stringify({ gate }), ...clients)
    await main.process.seen(/^\[\S+ a\] before the gate$/m)
    main.process.child.kill('SIGTERM')
    await main.process.seen(/^stopping: nothing new is taken, and what runs has 10 s to end/m)
    writeFileSync(gate, '')
    expect((await main.process).code).toBe(0)
    const next = await worker(folder, ...own)
    expect(await gated).toMatchObject({ code: 0, stdout: '{"gate":"open"}\n' })
    // once, and by the first worker: it was not delivered again
    expect((await main.process).stderr.match(/before the gate/g)).toHaveLength(1)
    next.process.child.kill('SIGINT')
    expect((await next.process).stderr).not.toMatch(/before the gate/)
  })

  it('ends at once on a second signal, exit code 130', async () => {
    const folder = folderWith(FILES)
    const own = ['--task-queue', 'impatient', '--scope', 'impatient']
    const { process: impatient } = await worker(folder, ...own)
    const gated = run(folder, 'gated.json', '--no-worker', ...own, '--input', JSON.stringify({ gate: '/nobody/opens/it' }))
    await impatient.seen(/before the gate/)
    impatient.child.kill('SIGTERM')
    await impatient.seen(/^stopping/m)
    impatient.child.kill('SIGTERM')
    expect((await impatient).code).toBe(130)
    gated.child.kill('SIGKILL')
  })

  it('without functions runs workflows, and says so', async () => {
    const idle = await worker(folderWith(), '--task-queue', 'idle')
    expect(idle.line).toMatch(/^polling idle at .*; no functions, it runs workflows \(no functions\.yaml here, and no --functions\)$/)
    idle.process.child.kill('SIGTERM')
    expect(await idle.process).toMatchObject({ code: 0, stderr: expect.stringMatching(/^stopping: .*\n$/) as unknown })
  })

  it('takes fnflow.yaml, and TLS with a certificate of its own', { timeout: 2 * PATIENCE_MS }, async () => {
    const authority = newAuthority()
    const server = authority.sign('server')
    const me = authority.sign('me')
    const tls = await tlsInFrontOf(address, { ...server, ca: authority.ca, requestCert: true })
    const project = Object.fromEntries(Object.entries(FILES).map(([name, content]) => [`project/${name}`, content]))
    const folder = folderWith({
      ...project,
      'fnflow.yaml': `
engine: temporal
store: { from: env, name: DATABASE }
temporal: { address: "${tls}", taskQueue: configured, tls: { ca: "${authority.file}", cert: "${me.files.cert}", key: "${me.files.key}" } }
functions: project/functions.yaml
server: { port: 8900 }
`,
    })
    const configured = { ...env, DATABASE: env['FNFLOW_STORE'], FNFLOW_STORE: '', FNFLOW_TEMPORAL_ADDRESS: '' }
    const running = fnflow(['worker'], { cwd: folder, env: configured })
    started.add(running)
    await firstLine(running)
    const options = ['--tls-ca', authority.file, '--tls-cert', me.files.cert, '--tls-key', me.files.key]
    const { code, stdout } = await run(
      folder,
      'project/hello.json',
      '--no-worker',
      '--task-queue',
      'configured',
      '--address',
      tls,
      ...options,
    )
    expect({ code, stdout }).toEqual({ code: 0, stdout: '{"hello":"world"}\n' })
    running.child.kill('SIGTERM')
    expect(await running).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^polling configured at localhost:\d+, .*default\/hello/) as unknown,
    })
  })
})

describe('what cannot be reached is said within a minute, exit code 3', () => {
  const authority = newAuthority()
  const expired = authority.sign('expired', 'expired')
  const folder = folderWith(FILES)
  const mine = ['--tls-ca', authority.file, '--tls-cert', expired.files.cert, '--tls-key', expired.files.key]

  const CASES: readonly (readonly [string, () => Promise<readonly string[]>, RegExp])[] = [
    [
      'no server',
      async () => ['--address', '127.0.0.1:1'],
      /^error: temporal-unavailable \(503\): no Temporal server listens at 127\.0\.0\.1:1/m,
    ],
    ['no such namespace', async () => ['--namespace', 'nobody-made-it'], /has no namespace nobody-made-it; make it/],
    ['an expired certificate of the client', async () => mine, /the client certificate for Temporal has expired on/],
    [
      'an expired certificate of the server',
      async () => ['--address', await tlsInFrontOf(address, expired), '--tls-ca', authority.file],
      /the certificate of the Temporal server at localhost:\d+ has expired; renew it there/,
    ],
    [
      'no PostgreSQL',
      async () => ['--store', 'postgres://me:sesame@127.0.0.1:1/flows'],
      /^error: store-unusable \(503\): the registry in PostgreSQL at 127\.0\.0\.1:1\/flows cannot be used(?!.*sesame)/m,
    ],
  ]

  it.each(CASES)('%s', async (_what, options, message) => {
    const args = await options()
    const [worked, ran] = await Promise.all([command(folder, 'worker', ...args), run(folder, 'hello.json', '--json', ...args)])
    expect({ code: worked.code, stdout: worked.stdout }).toEqual({ code: 3, stdout: '' })
    expect(worked.stderr).toMatch(message)
    expect(worked.stderr).not.toMatch(/\.js:\d+/)
    expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 3, stdout: '' })
    const { status, errorType, errorMessage } = lastLine(ran) as ErrorDocument
    expect(`error: ${errorType} (${status}): ${errorMessage}`).toMatch(message)
  })
})

it('the task queue of a functions file is that of its absolute path', () => {
  expect(queueFor('/srv/shop/functions.yaml')).toBe('fnflow-run-b13bc2508d54')
  expect(queueFor('functions.yaml')).toBe(queueFor(join(process.cwd(), 'functions.yaml')))
})
