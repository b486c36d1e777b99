// The guides' own functions, as they are printed there: what they say that these return, print and fail with.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import type { FunctionSpec } from '../../../executors/contract.ts'
import { ExecutorRegistry } from '../../../executors/registry.ts'
import { call, callFails, invoke, specOf, until, type SpecPatch } from '../helpers.ts'

const registry = new ExecutorRegistry()
// A folder whose name is not plain, since users have those.
const folder = mkdtempSync(join(tmpdir(), 'fnflow sämples '))
cpSync(fileURLToPath(new URL('./fixtures', import.meta.url)), folder, { recursive: true })
afterAll(async () => {
  await registry.stopAll()
  rmSync(folder, { recursive: true, force: true })
})

const python = (handler: string, patch?: SpecPatch) => specOf('python', handler, { code: join(folder, 'python'), ...patch })
const nodejs = (handler: string, patch?: SpecPatch) => specOf('nodejs', handler, { code: join(folder, 'nodejs'), ...patch })

async function outcome(spec: FunctionSpec, body: Parameters<typeof invoke>[2]) {
  const invocation = invoke(registry.get(spec.runtime)!, spec, body, { requestId: 'seed-1' })
  return { outcome: await invocation.done, lines: invocation.lines.map(({ level, text }) => `${level} ${text}`) }
}

describe('FunctionGraph', () => {
  test('quick start of function flows: the input, plus two, squared (13)', async () => {
    const run = (name: string) => call(registry.get('python')!, python(`${name}.handler`), { input: 3 })
    expect(await Promise.all(['input', 'plus2', 'square'].map(run))).toEqual([{ result: 3 }, { result: 5 }, { result: 9 }])
  })

  test('the function of a service node prints its event (13)', async () => {
    expect(await outcome(python('service.handler'), { a: [1, null, true] })).toEqual({
      outcome: { ok: true, value: { result: 'success' } },
      lines: [`info {'a': [1, None, True]}`],
    })
  })

  test('an API answers with HTML (6.2)', async () => {
    const body = '<html><title>Functiongraph Demo</title><body><p>Hello, FunctionGraph!</p></body></html>'
    expect(await outcome(python('apig.handler'), {})).toEqual({
      outcome: { ok: true, value: { statusCode: 200, body, headers: { 'Content-Type': 'text/html' }, isBase64Encoded: false } },
      lines: [`info ${body}`],
    })
  })

  test('an audit event is printed, and nothing returned (6.6)', async () => {
    const cts = { resource_name: 'vm', time: '2024/04/15 11:50' }
    expect(await outcome(python('cts.handler'), { cts })).toEqual({
      outcome: { ok: true, value: null },
      lines: ['info 2024/04/15 11:50 vm'],
    })
    expect(await callFails(registry.get('python')!, python('cts.handler'), {})).toMatchObject({
      status: 430,
      errorType: 'KeyError',
      errorMessage: "'cts'",
      stackTrace: [
        expect.any(String),
        expect.stringMatching(/cts\.py", line 2, in handler/),
        ...Array(2).fill(expect.any(String)),
        "KeyError: 'cts'",
      ],
    })
  })

  test('getUserData in Node.js (4.4)', async () => {
    const variables = { obs_output_bucket: 'casebucket-out' }
    const headers = { 'Content-Type': 'application/json' }
    expect(await outcome(nodejs('userdata.handler', { variables }), { k: 'v' })).toEqual({
      outcome: { ok: true, value: { statusCode: 200, headers, isBase64Encoded: false, body: '{"k":"v"}' } },
      lines: ['info casebucket-out'],
    })
    expect((await outcome(nodejs('userdata.handler'), {})).lines).toEqual(['info undefined'])
  })

  test('credentials: from variables, else none (1)', async () => {
    expect(await outcome(python('credentials.handler', { variables: { ak: '', sk: '' } }), {})).toEqual({
      outcome: { ok: true, value: 'Failed to access OBS because no temporary AK, SK, or token has been obtained. Please set an agency.' },
      lines: ["error Failed to access OBS because no temporary 'AK, SK, or token' has been obtained. Please 'set an agency.'"],
    })
    const Records = [{ obs: { bucket: { name: 'in' }, object: { key: 'a.jpg' } } }]
    expect((await outcome(python('credentials.handler'), { Records })).lines).toEqual(['info src bucket name: in'])
    expect((await outcome(python('credentials.client'), {})).outcome).toMatchObject({
      value: { access_key_id: '', secret_access_key: '', security_token: '', server: 'obs' },
    })
  })
})

describe('SCF', () => {
  const context = {
    memory_limit_in_mb: 128,
    time_limit_in_ms: 3000,
    request_id: 'seed-1',
    environment: '{"SCF_NAMESPACE": "default"}',
    environ: 'SCF_NAMESPACE=default;SCF_NAMESPACE=default',
    function_version: '$LATEST',
    function_name: 'hello-from-scf',
    namespace: 'default',
    tencentcloud_region: '',
    tencentcloud_appid: '',
    tencentcloud_uin: '',
  }
  const hello = { name: 'hello-from-scf', memoryMb: 128, timeoutMs: 3000 }

  test('a printed context is the JSON of the guide, in its order', async () => {
    const { outcome: ended, lines } = await outcome(python('context.main_handler', hello), {})
    expect(ended).toEqual({ ok: true, value: 'Hello World' })
    const printed = lines[0]!.slice('info '.length)
    expect(JSON.parse(printed)).toEqual(context)
    expect(printed).toBe(
      `{${Object.entries(context)
        .map(([key, value]) => `"${key}": ${JSON.stringify(value)}`)
        .join(', ')}}`,
    )
  })

  test('an exception: its type, its text, and where', async () => {
    const error = await callFails(registry.get('python')!, python('failed.always_failed_handler'))
    expect(error).toMatchObject({ status: 430, errorType: 'Exception', errorMessage: 'I failed!' })
    expect(error.stackTrace).toEqual([
      'Traceback (most recent call last):',
      '  File "failed.py", line 2, in always_failed_handler',
      "    raise Exception('I failed!')",
      'Exception: I failed!',
    ])
  })

  test('variables of the environment, at load', async () => {
    for (const spec of [
      python('environment.handler', { variables: { key: 'ü 1' } }),
      nodejs('environment.handler', { variables: { key: 'ü 1' } }),
    ])
      expect(await outcome(spec, {})).toEqual({ outcome: { ok: true, value: 'ü 1' }, lines: ['info ü 1'] })
  })

  test('a package with its library: Python', async () => {
    const { outcome: ended, lines } = await outcome(python('received.main_handler', hello), { key: 'abctest' })
    expect(ended).toEqual({ ok: true, value: 'Hello World' })
    const [first, key, last, received, greeting] = lines
    expect([first, key, last, greeting]).toEqual(['info Received event: {', 'info   "key": "abctest"', 'info }', 'info Hello world'])
    expect(JSON.parse(received!.slice('info Received context: '.length))).toEqual(context)
    // As the clouds have it (PYTHONDONTWRITEBYTECODE): a code folder may be read-only, or under version control.
    expect(readdirSync(join(folder, 'python'))).not.toContain('__pycache__')
  })

  test('a package with its library: Node.js', async () => {
    mkdirSync(join(folder, 'nodejs/node_modules/lodash'), { recursive: true })
    writeFileSync(join(folder, 'nodejs/node_modules/lodash/index.js'), 'exports.VERSION = "4"')
    const { outcome: ended, lines } = await outcome(nodejs('index.main_handler', hello), { key1: 'test value 1' })
    expect(ended).toEqual({ ok: true, value: { key1: 'test value 1' } })
    expect(lines.slice(0, 3)).toEqual(['info Hello World', "info { key1: 'test value 1' }", 'info undefined'])
    expect(lines.join('\n')).toContain("request_id: 'seed-1'")
  })

  test('a file that cannot be written is the function’s error', async () => {
    expect(await callFails(registry.get('nodejs')!, nodejs('mounted.main_handler'), { a: 1 })).toMatchObject({
      status: 430,
      errorType: 'Error',
      errorMessage: expect.stringMatching(/ENOENT.*\/mnt\/myfolder/),
    })
  })

  test.runIf(process.platform === 'linux')('SIGTERM: handled by the code, and 439 without a handler', async () => {
    const spec = python('graceful.main_handler', { timeoutMs: 20_000, variables: { MARK: folder } })
    const invocation = invoke(registry.get('python')!, spec)
    const find = () =>
      readdirSync('/proc').find((pid) => {
        try {
          return (
            /^\d+$/.test(pid) &&
            readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`MARK=${folder}`) &&
            /SigCgt:.*[4-7c-f]...$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
          )
        } catch {
          return false
        }
      })
    await until(() => find() !== undefined)
    process.kill(Number(find()), 'SIGTERM')
    expect(await invocation.done).toEqual({ ok: true, value: 'END' })
    expect(invocation.lines.map(({ text }) => text)).toEqual(['do something before shutdown.', 'True', 'Graceful shutdown.'])
    const error = await callFails(registry.get('nodejs')!, specOf('nodejs', 'hostile.terminated'))
    expect(error).toMatchObject({ status: 439, errorType: 'ProcessExited', errorMessage: expect.stringMatching(/SIGTERM/) })
  })
})
