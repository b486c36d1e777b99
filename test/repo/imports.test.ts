import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { plainEnvironment, root, run } from './process.ts'

interface Report {
  /** URLs of the modules that the import loaded. */
  readonly loaded: string[]
  /** Node's own modules that it loaded, beside those that are there anyway. */
  readonly builtin: string[]
  /** What keeps the process alive afterwards. */
  readonly active: string[]
  readonly exports: string[]
}

/** Imports an entry in a fresh process, in an empty folder, and tells what that did. */
async function importing(entry: string): Promise<Report & { readonly files: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'fnflow-import-'))
  try {
    const program = `
      import { registerHooks } from 'node:module'
      const loaded = []
      registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context) } })
      const before = new Set(process.moduleLoadList)
      const module = await import(${JSON.stringify(entry)})
      const builtin = process.moduleLoadList.filter((name) => !before.has(name))
      process.exitCode = 0
      const report = { loaded, builtin, active: process.getActiveResourcesInfo(), exports: Object.keys(module) }
      process.on('exit', () => console.log(JSON.stringify(report)))`
    const { code, stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', program], {
      cwd: folder,
      env: plainEnvironment({ HOME: folder, TMPDIR: folder }),
      timeoutMs: 20_000,
    })
    expect(code, stderr).toBe(0)
    expect(stderr).toBe('')
    return { ...(JSON.parse(stdout) as Report), files: readdirSync(folder) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const built = (file: string): string => pathToFileURL(join(root, 'dist', file)).href

/** Packages and modules of Node that are imported when first needed. */
const LAZY = [
  'yaml',
  'zod',
  'commander',
  'log-update',
  '@dagrejs',
  '@babel/code-frame',
  'fastify',
  'pino',
  'kafkajs',
  'amqplib',
  'pg',
  '@temporalio',
]
const LAZY_BUILTINS = /^NativeModule (sqlite|child_process|net|http2?|https|tls|worker_threads|readline|repl|inspector)$/

describe.each([
  ['fnflow', 'engine/index.js'],
  ['fnflow/client', 'client/index.js'],
  ['fnflow/dsl', 'dsl/index.js'],
  ['fnflow/jsonpath', 'dsl/jsonpath/index.js'],
])('import %s', (_name, file) => {
  const report = importing(built(file))

  test('loads no library before it is needed', async () => {
    const { loaded, builtin } = await report
    expect(loaded.length).toBeGreaterThan(0)
    for (const url of loaded) for (const name of LAZY) expect(url).not.toContain(`/node_modules/${name}/`)
    expect(loaded.filter((url) => !url.startsWith('node:') && !url.startsWith(pathToFileURL(join(root, 'dist')).href))).toEqual([])
    expect(builtin.filter((name) => LAZY_BUILTINS.test(name))).toEqual([])
  })

  test('starts nothing and writes nothing', async () => {
    const { active, files } = await report
    expect(active.filter((name) => !/^(PipeWrap|TTYWrap|TickObject|CloseReq|FSReqPromise)$/.test(name))).toEqual([])
    expect(files).toEqual([])
  })
})

test('the exports of the package are those listed', async () => {
  const { exports } = await importing(built('engine/index.js'))
  expect(exports).toEqual(expect.arrayContaining(['EngineError', 'ExecutionFailed', 'FlowInvalid', 'createEngine', 'defineFlow']))
})

test('every entry of the package resolves by name', async () => {
  const program = `
    for (const name of ['fnflow', 'fnflow/client', 'fnflow/dsl', 'fnflow/http', 'fnflow/jsonpath']) await import(name)
    for (const name of ['fnflow/package.json', 'fnflow/flow.schema.json']) await import(name, { with: { type: 'json' } })
    await import('fnflow/dist/engine/internal.js').then(() => process.exit(9), (error) => { if (error.code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw error })`
  const { code, stderr } = await run(process.execPath, ['--input-type=module', '-e', program], { cwd: root })
  expect(code, stderr).toBe(0)
})
