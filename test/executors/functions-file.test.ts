import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { FunctionsFileError, loadFunctions, normalizeSpec, specForHandler } from '../../executors/functions-file.ts'
import { ExecutorRegistry } from '../../executors/registry.ts'
import { callFails } from './helpers.ts'

const folder = mkdtempSync(join(tmpdir(), 'fnflow-functions-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function write(text: string): string {
  const file = join(folder, 'functions.yaml')
  writeFileSync(file, text)
  return file
}

async function findings(text: string): Promise<{ place: string; message: string }[]> {
  const error = await loadFunctions(write(text)).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(FunctionsFileError)
  return (error as FunctionsFileError).diagnostics.map((one) => ({ place: `${one.line}:${one.column}`, message: one.message }))
}

test('defaults are filled in, the code is absolute', async () => {
  expect(await loadFunctions(write('plus2:\n  runtime: python\n  code: ./maths\n  handler: index.handler\n'))).toEqual({
    'default/plus2': {
      app: 'default',
      name: 'plus2',
      runtime: 'python',
      code: join(folder, 'maths'),
      handler: 'index.handler',
      initializerTimeoutMs: 30_000,
      timeoutMs: 3000,
      memoryMb: 128,
      environment: { variables: {}, secrets: {} },
      concurrency: { perInstance: 1, maxInstances: 400, reserved: 0, idleTimeoutMs: 60_000 },
    },
  })
})

test('every field of the specification is understood', async () => {
  writeFileSync(join(folder, 'token'), 'from-a-file\n')
  const file = write(`
plus2:
  app: maths
  runtime: nodejs
  code: ./functions/maths
  handler: src/index.handler
  initializer: index.init
  initializerTimeout: 10
  timeout: 1m30s
  memory: 256
  environment: { variables: { MODE: prod, LEVEL: 3, ON: true }, secrets: { API_KEY: { from: env, name: KEY }, TOKEN: { from: file, name: token } } }
  concurrency: { perInstance: 4, maxInstances: -1, reserved: 1, idleTimeout: 5 }
  quota: null
  async: { maxRetries: 1, maxAge: 6h, onSuccess: null, onFailure: null, deadLetter: null }
  gpu: null
`)
  expect(await loadFunctions(file, { env: { KEY: 'sesame' } })).toEqual({
    'maths/plus2': {
      app: 'maths',
      name: 'plus2',
      runtime: 'nodejs',
      code: join(folder, 'functions/maths'),
      handler: 'src/index.handler',
      initializer: 'index.init',
      initializerTimeoutMs: 10_000,
      timeoutMs: 90_000,
      memoryMb: 256,
      environment: { variables: { MODE: 'prod', LEVEL: '3', ON: 'true' }, secrets: { API_KEY: 'sesame', TOKEN: 'from-a-file' } },
      concurrency: { perInstance: 4, maxInstances: -1, reserved: 1, idleTimeoutMs: 5000 },
    },
  })
})

test('all findings come at once, with places and suggestions', async () => {
  expect(
    await findings(`a:
  runtime: pyton
  code: .
  handler: index.handler
b:
  runtime: python
  code: .
  handlr: index.handler
  memory: lots
c:
  code: .
  handler: index.handler
-bad-: {}
`),
  ).toEqual([
    { place: '2:12', message: 'unknown runtime pyton; did you mean python? (known: module, nodejs, python)' },
    { place: '9:11', message: expect.stringMatching(/^memory: .*expected/i) },
    { place: '8:3', message: 'unknown key handlr; did you mean handler?' },
    { place: '10:1', message: expect.stringMatching(/^runtime is missing: expected/) },
    { place: '13:1', message: expect.stringMatching(/is not a name/) },
  ])
})

describe('refused', () => {
  const base = 'f:\n  runtime: python\n  code: .\n  handler: index.handler\n'
  test.each([
    ['environment: { variables: { SCF_X: 1 } }', /SCF_X is reserved/],
    ['environment: { variables: { RUNTIME_X: 1 } }', /reserved/],
    ['environment: { secrets: { QCLOUD_X: { from: env, name: A } } }', /reserved/],
    ['environment: { variables: { "9a": x } }', /9a: names of variables/],
    [`environment: { variables: { A: ${'x'.repeat(4096)} } }`, /4097 bytes in all/],
    ['environment: { secrets: { A: { from: vault, name: A } } }', /environment\.secrets\.A\.from/],
    ['environment: { variabels: {} }', /unknown key variabels; did you mean variables/],
    ['concurrency: { perInstance: 0 }', /concurrency\.perInstance/],
    ['concurrency: { maxInstances: 0 }', /1 to 1000, or -1/],
    ['concurrency: { maxInstances: 1, reserved: 2 }', /reserved is more than maxInstances/],
    ['timeout: 259201', /timeout/],
    ['timeout: soon', /timeout: expected 1 to 259200 seconds, as a number or as a duration such as 1m30s, not "soon"/],
    ['initializerTimeout: 301', /initializerTimeout/],
    ['memory: 1.5', /memory/],
    ['gpu: { type: nvidia, memory: 0.5 }', /gpu\.memory: expected a whole number from 1 to 1024, not 0\.5/],
    ['gpu: { type: "a card", memory: 4 }', /gpu\.type: expected nvidia or a model, such as nvidia-t4: letters, digits and _ \. -/],
    ['pool: a/b', /pool: expected the name of a pool of workers: letters, digits and _ \. -, at most 60, not "a\/b"/],
    [`pool: ${'p'.repeat(61)}`, /pool: expected the name of a pool/],
    ['pool: null', /pool: expected the name of a pool.*, not null/],
    ['pool: a\n  gpu: { type: nvidia, memory: 4 }', /pool and gpu exclude each other.*leave pool out/],
    ['quota: 100', /quota is not supported yet/],
    ['port: 8000', /port belongs to runtime http/],
    ['runtime: nodejs', /runtime is given twice/],
    ['initializerTimeout: 1m301s', /expected 1 to 300 seconds.*, not "1m301s"/],
    ['async: { maxRetry: 1 }', /unknown key maxRetry \(known: maxRetries, maxAge/],
    ['gpu: { memory: 4 }', /gpu\.type is missing: expected nvidia/],
    ['environment: { secrets: { A: { from: env } } }', /environment\.secrets\.A\.name is missing/],
    ['async: *retries', /unknown anchor retries/],
  ])('%s', async (line, message) => {
    expect((await findings(`${base}  ${line}\n`)).map((one) => one.message).join('\n')).toMatch(message)
  })
  test.each([
    ['f: { runtime: custom, code: . }', /runtime custom is not supported yet; supported: module, nodejs, python/],
    ['f: { runtime: http, url: "http://x" }', /runtime http is not supported yet/],
    ['f: { runtime: tencent-scf }', /not supported yet/],
    ['f: { runtime: python, code: a.zip, handler: a.b }', /\.zip is not supported yet/],
    ['f: { runtime: python, code: . }', /handler is missing/],
    ['f: { runtime: python, code: ., handler: index }', /not of the form file\.function/],
    ['f: { runtime: python, handler: index.handler }', /code is missing/],
    ['f: 3', /f: .*expected/i],
    ['[1]', /expected a mapping/],
    ['f: [', /./],
    ['f: { app: "9", runtime: python, code: ., handler: a.b }', /"9" is not a name/],
  ])('%s', async (text, message) => {
    expect((await findings(text)).map((one) => one.message).join('\n')).toMatch(message)
  })
})

test('a pool, or a card, says where on a cluster the function runs', async () => {
  const base = '{ runtime: python, code: ., handler: index.handler'
  const specs = await loadFunctions(write(`a: ${base}, pool: imports }\nb: ${base}, gpu: { type: nvidia-t4, memory: 4 } }\n`))
  expect(specs['default/a']).toMatchObject({ pool: 'imports' })
  expect(specs['default/a']).not.toHaveProperty('gpu')
  expect(specs['default/b']).toMatchObject({ gpu: { type: 'nvidia-t4', memoryGiB: 4 } })
  expect(specs['default/b']).not.toHaveProperty('pool')
})

test('a file that is not there is an error of the same kind', async () => {
  await expect(loadFunctions(join(folder, 'none.yaml'))).rejects.toThrow(/none\.yaml cannot be read|cannot be read/)
})

test('an empty file has no functions', async () => {
  expect(await loadFunctions(write(''))).toEqual({})
})

test('runtimes of the user’s own are known if named', async () => {
  const file = write('f: { runtime: lambda, handler: arn }')
  expect(Object.keys(await loadFunctions(file, { runtimes: ['lambda'] }))).toEqual(['default/f'])
})

test('a secret without a value stops its function alone, when it is invoked', async () => {
  const specs = await loadFunctions(
    write('f: { runtime: nodejs, code: ., handler: index.handler, environment: { secrets: { K: { from: env, name: NOT_SET } } } }'),
    { env: {} },
  )
  const registry = new ExecutorRegistry()
  expect(await callFails(registry.get('nodejs')!, specs['default/f']!)).toMatchObject({
    status: 436,
    errorType: 'SecretMissing',
    errorMessage: expect.stringMatching(/K \(environment variable NOT_SET is not set\)/),
  })
  await registry.stopAll()
})

test('inline handlers have no timeout of their own', () => {
  const spec = specForHandler('maths/double', () => 1)
  expect(spec).toMatchObject({ app: 'maths', name: 'double', runtime: 'module' })
  expect(spec.timeoutMs).toBeUndefined()
  expect(normalizeSpec('f', { runtime: 'python', handler: 'a.b' })).toMatchObject({ app: 'default', timeoutMs: 3000, memoryMb: 128 })
  expect(() => specForHandler('bad name', () => 1)).toThrow(/not a name/)
  expect(() => normalizeSpec('f', {})).toThrow(/runtime is missing/)
  expect(() => normalizeSpec('f', { runtime: 'python' })).toThrow(/handler is missing/)
})

test('every finding has a place, whatever the file holds; nothing takes long', async () => {
  const places = async (text: string) => (await findings(text)).map(({ place, message }) => `${place} ${message}`)
  expect(await places('text')).toEqual(['1:1 expected a mapping of function names to functions'])
  expect(await places('a: {}\n---\nb: {}')).toEqual(['2:1 holds more than one document; expected one'])
  expect(await places(`a: ${'['.repeat(20_000)}`)).toEqual([expect.stringMatching(/^1:\d+ is nested too deep$/)])
  expect(await places('f:\n  runtime: python\n  code: *c')).toEqual(['3:9 unknown anchor c: *c needs an &c before it'])
  const started = Date.now()
  expect((await places(Array.from({ length: 3000 }, (_, n) => `f${n}: {}`).join('\n'))).at(-1)).toMatch(/^3000:1 runtime is missing/)
  expect(Date.now() - started).toBeLessThan(5000)
})

test('numbers among the variables are the text that was written', async () => {
  const file = write(
    'f: { runtime: python, code: ., handler: i.h, environment: { variables: { A: 1.10, B: 12345678901234567890, C: 0x1F, D: true } } }',
  )
  expect((await loadFunctions(file))['default/f']!.environment.variables).toEqual({
    A: '1.10',
    B: '12345678901234567890',
    C: '0x1F',
    D: 'true',
  })
})

test('a secret that somebody wrote into the file is not repeated', async () => {
  const all = JSON.stringify(await findings('f: { runtime: python, code: ., handler: i.h, environment: { secrets: { A: sesame-42 } } }'))
  expect(all).toMatch(/expected where the secret is found/)
  expect(all).not.toMatch(/sesame/)
})
