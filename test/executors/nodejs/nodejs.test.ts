import { mkdtempSync, readFileSync, rmSync, existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { ExecutorRegistry } from '../../../executors/registry.ts'
import { call, callFails, invoke, isAlive, NODE_CODE, specOf, until, type SpecPatch } from '../helpers.ts'

const registry = new ExecutorRegistry()
const executor = registry.get('nodejs')!
const folder = mkdtempSync(join(tmpdir(), 'fnflow-nodejs-'))
afterAll(async () => {
  await registry.stopAll()
  rmSync(folder, { recursive: true, force: true })
})
const hostile = (name: string, patch?: SpecPatch) => specOf('nodejs', `hostile.${name}`, patch)

test('process.exit is 439, with the code, and the next request gets a new instance', async () => {
  const spec = hostile('exits')
  expect(await callFails(executor, spec)).toMatchObject({
    status: 439,
    errorType: 'ProcessExited',
    errorMessage: expect.stringMatching(/code 3/),
  })
  expect(await callFails(executor, spec)).toMatchObject({ status: 439 })
  expect(await callFails(executor, hostile('signal'))).toMatchObject({ status: 439, errorMessage: expect.stringMatching(/SIGSEGV/) })
})

test('an instance that dies between two requests is replaced', async () => {
  for (const [name, ms] of [
    ['diesLater', 0],
    ['diesLater', 5],
    ['throwsLater', 0],
  ] as const) {
    const spec = hostile(name)
    const pids = new Set<number>()
    for (let i = 0; i < 5; i++) {
      pids.add(await call(executor, spec, { ms }))
      if (i % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 60))
    }
    expect(pids.size).toBeGreaterThan(1)
  }
})

test('an endless loop is killed at the function’s own timeout', async () => {
  const started = Date.now()
  expect(await callFails(executor, hostile('spin', { timeoutMs: 1000 }))).toMatchObject({
    status: 433,
    errorType: 'FunctionTimeout',
    errorMessage: 'function default/f:latest timed out after 1 second',
  })
  expect(Date.now() - started).toBeLessThan(2500)
})

test('what nobody catches is 430 with its type, and the instance ends', async () => {
  expect(await callFails(executor, hostile('async'))).toMatchObject({ status: 430, errorType: 'TypeError', errorMessage: 'in a timer' })
  expect(await callFails(executor, hostile('rejection'))).toMatchObject({
    status: 430,
    errorType: 'RangeError',
    errorMessage: 'nobody listens',
  })
})

test('whatever is thrown becomes an error document', async () => {
  expect(await callFails(executor, hostile('recursion'))).toMatchObject({ status: 430, errorType: 'RangeError' })
  expect(await callFails(executor, hostile('string'))).toEqual({ status: 430, errorType: 'Error', errorMessage: 'just text' })
  expect(await callFails(executor, hostile('null'))).toEqual({ status: 430, errorType: 'Error', errorMessage: 'null' })
  expect(await callFails(executor, hostile('plain'))).toMatchObject({ status: 430, errorType: 'Odd', errorMessage: 'an object' })
  expect(await callFails(executor, hostile('evil'))).toMatchObject({ status: 430 })
  expect(await callFails(executor, hostile('named'))).toMatchObject({ status: 430, errorType: 'AbortError' })
})

test('stacks have the function’s own frames, and none of the shim’s or of Node’s insides', async () => {
  const { stackTrace } = await callFails(executor, hostile('recursionOnce'))
  expect(stackTrace).toEqual(['RangeError: once', expect.stringMatching(/hostile\.js/), expect.stringMatching(/hostile\.js/)])
  const missing = await callFails(executor, { ...hostile('x'), handler: 'noimport.handler' })
  expect(missing.stackTrace?.join('\n')).not.toMatch(/node:internal|shim/)
})

test('what every object has is no handler', async () => {
  for (const name of ['toString', 'constructor', 'hasOwnProperty', '__proto__'])
    expect(await callFails(executor, hostile(name)), name).toMatchObject({ status: 437, errorType: 'HandlerNotFound' })
})

test('with three parameters the callback’s first call counts, unless a promise is returned', async () => {
  expect(await call(executor, hostile('callback'), 1)).toEqual({ first: 1 })
  expect(await call(executor, hostile('callbackAtOnce'))).toBe(1)
  expect(await call(executor, hostile('callbackPromise'))).toBe('promise')
  expect(await callFails(executor, hostile('callbackError'))).toMatchObject({
    status: 430,
    errorType: 'RangeError',
    errorMessage: 'by callback',
  })
})

test('results follow JSON.stringify; functions and symbols are 403', async () => {
  expect(await call(executor, hostile('mixed'))).toEqual({
    nan: null,
    inf: null,
    list: [null, null],
    date: '1970-01-01T00:00:00.000Z',
    map: {},
    nested: 'own',
  })
  expect(await call(executor, hostile('topNaN'))).toBe(null)
  for (const name of ['functions', 'symbol'])
    expect(await callFails(executor, hostile(name))).toMatchObject({ status: 403, errorType: 'ResultNotJson' })
})

test('a function that meddles with the runtime’s pipes harms itself alone', async () => {
  for (const name of ['close3', 'close4', 'write4', 'partial4', 'flood4']) {
    expect(await callFails(executor, hostile(name, { timeoutMs: 20_000 })), name).toMatchObject({ status: 439, errorType: 'ProcessExited' })
  }
  expect(await call(executor, hostile('write3'))).toBe('result')
})

test('lines of stdout and stderr, ended or not, come before the result', async () => {
  const invocation = invoke(executor, hostile('prints'), {}, { requestId: 'p-1' })
  await invocation.done
  const of = (level: string) => invocation.lines.filter((line) => line.level === level).map((line) => line.text)
  expect(of('info')).toEqual(['out 1', 'no end'])
  expect(of('error')).toEqual(['err 1', 'no end either'])
  expect(new Set(invocation.lines.map((line) => line.requestId))).toEqual(new Set(['p-1']))
})

test('of an endless line the beginning is kept', async () => {
  const invocation = invoke(executor, hostile('longLine'))
  await invocation.done
  expect(invocation.lines.length).toBe(2)
  expect(invocation.lines[0]!.text.length).toBeLessThan(300_000)
  expect(invocation.lines[1]!.text).toBe('short')
})

test('secrets are in the environment and in no log or error', async () => {
  const invocation = invoke(executor, hostile('printsSecret', { secrets: { API_KEY: 'sesame-42' } }))
  const outcome = await invocation.done
  expect(outcome).toMatchObject({ ok: false, error: { errorMessage: 'bad key ***' } })
  expect(JSON.stringify([outcome, invocation.lines])).not.toContain('sesame')
  expect(invocation.lines[0]!.text).toBe('key is ***')
})

test('an environment that no process can have is refused, without showing it', async () => {
  const nul = await callFails(executor, hostile('pid', { secrets: { KEY: 'ses\0ame' } }))
  expect(nul).toMatchObject({ status: 436, errorMessage: expect.stringMatching(/KEY holds a NUL/) })
  expect(await callFails(executor, hostile('pid', { secrets: { KEY: 'x'.repeat(3_000_000) } }))).toMatchObject({
    status: 445,
    errorMessage: expect.stringMatching(/larger than the machine allows/),
  })
})

test('the process has both clouds’ variables and nothing of the engine’s', async () => {
  process.env['FNFLOW_TEST_HIDDEN'] = 'x'
  const env = await call(executor, hostile('env', { variables: { MODE: 'prod' }, timeoutMs: 3000 }))
  delete process.env['FNFLOW_TEST_HIDDEN']
  expect(env).toMatchObject({
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    MODE: 'prod',
    RUNTIME_USERDATA: '{"MODE":"prod"}',
    RUNTIME_FUNC_NAME: 'f',
    RUNTIME_FUNC_VERSION: 'latest',
    RUNTIME_PACKAGE: 'default',
    RUNTIME_HANDLER: 'hostile.env',
    RUNTIME_TIMEOUT: '3',
    RUNTIME_MEMORY: '256',
    RUNTIME_CPU: '400',
    RUNTIME_MAX_RESP_BODY_SIZE: '6291456',
    RUNTIME_INITIALIZER_HANDLER: '',
    RUNTIME_INITIALIZER_TIMEOUT: '30',
    RUNTIME_CODE_ROOT: NODE_CODE,
    USER_CODE_ROOT: NODE_CODE,
    RUNTIME_PROJECT_ID: '',
    SCF_FUNCTIONNAME: 'f',
    SCF_FUNCTIONVERSION: '$LATEST',
    SCF_RUNTIME: 'nodejs',
    TENCENTCLOUD_RUNTIME: 'SCF',
    TENCENTCLOUD_RUNENV: 'SCF',
    TENCENTCLOUD_TZ: 'UTC',
    TENCENTCLOUD_SESSION_TOKEN: '',
    TENCENTCLOUD_SESSIONTOKEN: '',
    NODE_PATH: expect.stringContaining(NODE_CODE),
    PYTHONPATH: NODE_CODE,
  })
  expect(env['RUNTIME_ROOT']).toMatch(/nodejs$/)
  expect(env['FNFLOW_TEST_HIDDEN']).toBeUndefined()
  expect(await call(executor, hostile('cwd'))).toBe(NODE_CODE)
})

test('the code folder and NODE_PATH are searched for modules', async () => {
  expect(await call(executor, hostile('dependency', { variables: { NODE_PATH: join(NODE_CODE, 'deps') } }))).toBe('found by NODE_PATH')
})

test('children of the function end with the instance, in sessions of their own too', async () => {
  const pids: number[] = [await call(executor, hostile('child', { timeoutMs: 5000 })), await call(executor, hostile('escaped'))]
  expect(pids.every(isAlive)).toBe(true)
  const own = new ExecutorRegistry()
  const mine = own.get('nodejs')!
  const others = [await call(mine, hostile('child')), await call(mine, hostile('escaped'))]
  expect(await callFails(mine, hostile('childThenExit'))).toMatchObject({ status: 439, errorMessage: expect.stringMatching(/code 0/) })
  await own.stopAll()
  expect(others.some(isAlive)).toBe(false)
  // Those of the other executor live on.
  expect(pids.every(isAlive)).toBe(true)
})

test('past its memory an instance is 434', async () => {
  for (const name of ['hoard', 'heap']) {
    expect(await callFails(executor, hostile(name, { memoryMb: 100, timeoutMs: 20_000 })), name).toMatchObject({
      status: 434,
      errorType: 'OutOfMemory',
    })
  }
})

test('an initializer that ends the process is 443', async () => {
  expect(await callFails(executor, hostile('pid', { initializer: 'hostile.initExits' }))).toMatchObject({
    status: 443,
    errorType: 'UserCodeError',
    errorMessage: expect.stringMatching(/code 7 before it was ready/),
  })
})

test('idle instances stop after idleTimeout', async () => {
  const spec = hostile('pid', { concurrency: { idleTimeoutMs: 200 } })
  const pid = await call(executor, spec)
  expect(await call(executor, spec)).toBe(pid)
  await until(() => !isAlive(pid))
  expect(await call(executor, spec)).not.toBe(pid)
})

test('reserved instances are started up front and replaced', async () => {
  const own = new ExecutorRegistry()
  const mine = own.get('nodejs')!
  const spec = hostile('pid', { concurrency: { reserved: 1, idleTimeoutMs: 50 } })
  mine.register?.(spec)
  const pid = await call(mine, spec)
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(await call(mine, spec)).toBe(pid)
  process.kill(pid, 'SIGKILL')
  await until(() => !isAlive(pid))
  expect(await call(mine, spec)).not.toBe(pid)
  await own.stopAll()
})

test('the engine’s limit is shared: an idle instance makes room for another function', async () => {
  const own = new ExecutorRegistry({ instances: 2 })
  const mine = own.get('nodejs')!
  const all = Array.from({ length: 8 }, (_, n) => call(mine, specOf('nodejs', 'contract.slow', { name: `f${n}` }), { ms: 20 }))
  expect((await Promise.all(all)).length).toBe(8)
  await own.stopAll()
})

test('with perInstance over 1 one instance works on several, each with its own lines', async () => {
  const spec = hostile('counts', { concurrency: { perInstance: 5, maxInstances: 1 } })
  const counted = await Promise.all(Array.from({ length: 5 }, () => call(executor, spec)))
  expect(new Set(counted.map(([pid]) => pid)).size).toBe(1)
  expect(counted.map(([, seen]) => seen).sort()).toEqual([1, 2, 3, 4, 5])
  const together = hostile('together', { concurrency: { perInstance: 5, maxInstances: 1 } })
  const all = [3, 2, 1].map((n) => ({ n, invocation: invoke(executor, together, { n }, { requestId: `r${n}` }) }))
  for (const { n, invocation } of all) {
    expect(await invocation.done).toEqual({ ok: true, value: n })
    expect(invocation.lines.map((line) => [line.requestId, line.text])).toEqual([
      [`r${n}`, `start ${n}`],
      [`r${n}`, `end ${n}`],
    ])
  }
})

test('a cancelled one of several hears it by its signal; the others end well', async () => {
  const concurrency = { perInstance: 5, maxInstances: 1 }
  // One module for both functions: they share the instance only if they are the same function.
  const spec = hostile('cancellable', { concurrency })
  const file = join(folder, 'aborted')
  const first = invoke(executor, spec, { file })
  const second = invoke(executor, spec, { file: join(folder, 'other') })
  await until(() => [first, second].every(({ lines }) => lines.some(({ text }) => text === 'listens')))
  first.cancel()
  await until(() => existsSync(file) && readFileSync(file, 'utf8') !== '')
  expect(readFileSync(file, 'utf8')).toBe('AbortError')
  second.cancel()
  expect(await second.done).toMatchObject({ ok: false })
})

test('a handler that is not there fails all that wait for it, without a process for each', async () => {
  const spec = hostile('nowhere')
  const same = await Promise.all(Array.from({ length: 2000 }, () => callFails(executor, spec)))
  const found = new Set(same.map(({ status, errorMessage }) => `${status} ${errorMessage}`))
  expect([...found]).toEqual(['437 handler hostile.nowhere: hostile.js exports no function nowhere'])
})

test('a missing Node.js is 445, said plainly', async () => {
  const own = new ExecutorRegistry({ node: '/no/such/node' })
  expect(await callFails(own.get('nodejs')!, hostile('pid'))).toMatchObject({
    status: 445,
    errorType: 'ContainerInitError',
    errorMessage: expect.stringMatching(/\/no\/such\/node was not found/),
  })
  await own.stopAll()
})
