import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { ExecutorRegistry } from '../../../executors/registry.ts'
import { call, callFails, invoke, isAlive, PYTHON_CODE, specOf, until, type SpecPatch } from '../helpers.ts'

const registry = new ExecutorRegistry()
const executor = registry.get('python')!
const folder = mkdtempSync(join(tmpdir(), 'fnflow-python-'))
afterAll(async () => {
  await registry.stopAll()
  rmSync(folder, { recursive: true, force: true })
})
const hostile = (name: string, patch?: SpecPatch) => specOf('python', `hostile.${name}`, patch)

test('sys.exit and os._exit are 439, with the code', async () => {
  expect(await callFails(executor, hostile('exits'))).toMatchObject({
    status: 439,
    errorType: 'ProcessExited',
    errorMessage: expect.stringMatching(/code 3/),
  })
  expect(await callFails(executor, hostile('hardExit'))).toMatchObject({ status: 439, errorMessage: expect.stringMatching(/code 4/) })
  expect(await callFails(executor, hostile('signalled'))).toMatchObject({ status: 439, errorMessage: expect.stringMatching(/SIGSEGV/) })
  expect(await callFails(executor, hostile('exits', { concurrency: { perInstance: 5 } }))).toMatchObject({
    status: 439,
    errorMessage: expect.stringMatching(/code 3/),
  })
})

test('an instance that dies between two requests is replaced', async () => {
  const spec = hostile('diesLater')
  const pid = await call(executor, spec, { ms: 20 })
  await until(() => !isAlive(pid))
  expect(await call(executor, spec, { ms: 60_000 })).not.toBe(pid)
})

test('an endless loop is killed at the function’s own timeout', async () => {
  expect(await callFails(executor, hostile('spin', { timeoutMs: 1000 }))).toMatchObject({
    status: 433,
    errorType: 'FunctionTimeout',
    errorMessage: 'function default/f:latest timed out after 1 second',
  })
})

test('exceptions are reported as Python does', async () => {
  expect(await callFails(executor, hostile('recursion'))).toMatchObject({ status: 430, errorType: 'RecursionError' })
  expect(await callFails(executor, hostile('keyboard'))).toMatchObject({
    status: 430,
    errorType: 'KeyboardInterrupt',
    errorMessage: 'stop',
  })
  expect(await callFails(executor, hostile('evil'))).toMatchObject({ status: 430, errorType: 'Evil' })
  const chained = await callFails(executor, hostile('chained'))
  expect(chained).toMatchObject({ status: 430, errorType: 'RuntimeError', errorMessage: 'outer' })
  expect(chained.stackTrace?.join('\n')).toMatch(
    /KeyError: 'missing'[^]*direct cause[^]*hostile\.py", line \d+, in chained[^]*RuntimeError: outer/,
  )
})

test('results: what json.dumps takes, without NaN', async () => {
  const spec = hostile('result')
  const result = (kind: string) => call(executor, spec, { kind })
  expect(await result('tuple')).toEqual([1, [2, null]])
  expect(await result('keys')).toEqual({ 2: 'a', null: 'b', true: 'c', 1.5: 'd' })
  expect(await result('surrogate')).toBe('\ud800')
  expect(await result('big')).toBe(2 ** 60)
  // As everywhere else where JSON is read and written.
  expect(await result('minusZero')).toEqual([0, { a: 0 }])
  // Just under 6 MiB of UTF-8, the lone surrogate as its escape.
  expect(((await result('wide')) as string).length).toBe(3_000_001)
  for (const kind of ['set', 'bytes', 'nan', 'inf', 'huge', 'object', 'badKey']) {
    expect(await callFails(executor, spec, { kind }), kind).toMatchObject({ status: 403, errorType: 'ResultNotJson' })
  }
})

test('with perInstance 1 the handler runs in the main thread, so signal handlers work', async () => {
  expect(await call(executor, hostile('mainThread'))).toBe(true)
})

test('a function that meddles with file descriptors harms itself alone', async () => {
  expect(await call(executor, hostile('closeAll'))).toBe('still here')
  expect(await call(executor, hostile('write4'))).toBe('result')
  expect(await callFails(executor, hostile('closeReal'))).toMatchObject({ status: 439, errorType: 'ProcessExited' })
})

test('lines of stdout and stderr, ended or not, come before the result', async () => {
  const invocation = invoke(executor, hostile('prints'), {}, { requestId: 'p-1' })
  await invocation.done
  const of = (level: string) => invocation.lines.filter((line) => line.level === level).map((line) => line.text)
  expect(of('info')).toEqual(['out 1', 'no end'])
  expect(of('error')).toEqual(['err 1', 'no end either'])
  expect(new Set(invocation.lines.map((line) => line.requestId))).toEqual(new Set(['p-1']))
})

test('a printed context is the JSON that SCF prints', async () => {
  const invocation = invoke(executor, hostile('printsContext'), {}, { requestId: 'ctx', callback: { token: 'secret-token', url: 'u' } })
  await invocation.done
  expect(JSON.parse(invocation.lines[0]!.text)).toMatchObject({ request_id: 'ctx', function_version: '$LATEST', namespace: 'default' })
  expect(invocation.lines[0]!.text).not.toContain('secret-token')
})

test('the logger fills in %s only with arguments; each line is one', async () => {
  const invocation = invoke(executor, hostile('logged'))
  await invocation.done
  expect(invocation.lines.map((line) => line.text)).toEqual(['50% of all', '100%', 'two', 'lines'])
})

test('secrets are in the environment and in no log or error', async () => {
  const invocation = invoke(executor, hostile('printsSecret', { secrets: { API_KEY: 'sesame-42' } }))
  const outcome = await invocation.done
  expect(outcome).toMatchObject({ ok: false, error: { errorMessage: 'bad key ***' } })
  expect(JSON.stringify([outcome, invocation.lines])).not.toContain('sesame')
})

test('the process has both clouds’ variables', async () => {
  expect(await call(executor, hostile('env', { variables: { MODE: 'prod' } }))).toMatchObject({
    MODE: 'prod',
    RUNTIME_CODE_ROOT: PYTHON_CODE,
    PYTHONPATH: PYTHON_CODE,
    SCF_RUNTIME: 'python',
    TENCENTCLOUD_RUNENV: 'SCF',
  })
})

test('all processes of an instance end with it, those that nobody is the parent of too', async () => {
  const own = new ExecutorRegistry()
  const mine = own.get('python')!
  const pids: number[] = [await call(mine, hostile('child')), await call(mine, hostile('escaped'), { file: join(folder, 'pid') })]
  expect(pids.every(isAlive)).toBe(true)
  await own.stopAll()
  expect(pids.some(isAlive)).toBe(false)
})

test('a code folder with names of the standard library does not harm the shim', async () => {
  writeFileSync(join(folder, 'json.py'), 'def handler(event, context):\n    return [__name__, event]\n')
  for (const name of ['threading', 'time', 'traceback', 'importlib'])
    writeFileSync(join(folder, `${name}.py`), 'raise Exception("not this one")\n')
  expect(await call(executor, specOf('python', 'json.handler', { code: folder }), 1)).toEqual(['json', 1])
  writeFileSync(join(folder, 'index.py'), 'import json\ndef handler(event, context):\n    return json.nope\n')
  expect(await callFails(executor, specOf('python', 'index.handler', { code: folder }))).toMatchObject({
    errorType: 'AttributeError',
    stackTrace: expect.arrayContaining([expect.stringMatching(/index\.py", line 3, in handler/)]),
  })
})

test('multiprocessing works, with children that start afresh too', async () => {
  for (const how of ['fork', 'spawn', 'forkserver']) expect(await call(executor, hostile('processes'), { how }), how).toEqual([1, 4, 9])
})

test('a forked child that returns answers nothing', async () => {
  expect(await call(executor, hostile('forks'))).toBe('parent')
  expect(await call(executor, hostile('forks'))).toBe('parent')
})

test('past its memory an instance is 434, its children’s included', async () => {
  expect(await callFails(executor, hostile('hoard', { memoryMb: 100 }))).toMatchObject({ status: 434, errorType: 'OutOfMemory' })
  expect(await callFails(executor, hostile('hoardInChild', { memoryMb: 150 }))).toMatchObject({ status: 434 })
})

test('an initializer that ends the process is 443', async () => {
  expect(await callFails(executor, hostile('pid', { initializer: 'hostile.initExits' }))).toMatchObject({
    status: 443,
    errorType: 'UserCodeError',
  })
})

test('with perInstance over 1 threads share an instance, each with its own lines', async () => {
  const together = hostile('together', { concurrency: { perInstance: 5, maxInstances: 1 } })
  const all = [3, 2, 1].map((n) => ({ n, invocation: invoke(executor, together, { n }, { requestId: `r${n}` }) }))
  const pids = new Set<unknown>()
  for (const { n, invocation } of all) {
    const outcome = await invocation.done
    expect(outcome).toMatchObject({ ok: true, value: [n, expect.any(Number)] })
    pids.add((outcome as { value: unknown[] }).value[1])
    expect(invocation.lines.map((line) => [line.requestId, line.text])).toEqual([
      [`r${n}`, `start ${n}`],
      [`r${n}`, `end ${n}`],
    ])
  }
  expect(pids.size).toBe(1)
})

test('a missing Python is 445, and says how to get it', async () => {
  const own = new ExecutorRegistry({ python: 'python-that-is-not-there' })
  expect(await callFails(own.get('python')!, hostile('pid'))).toMatchObject({
    status: 445,
    errorMessage: expect.stringMatching(/Python 3\.8 or later; install it/),
  })
  await own.stopAll()
})
