import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { outerPath, plainEnvironment, root, run } from './process.ts'

const folder = mkdtempSync(join(tmpdir(), 'fnflow-package-'))
const MINUTES = 60_000
/** As a user with Node 24 has it. */
const env = plainEnvironment({ PATH: [dirname(process.execPath), outerPath].join(delimiter) })

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const FLOW = `
flow: greet
start: upper
nodes:
  upper: { type: function, function: upper, params: { name: $.name }, next: greet }
  greet: { type: function, function: greet }
`
const FUNCTIONS = `
upper: { runtime: nodejs, code: ./functions, handler: index.upper }
greet: { runtime: python, code: ./functions, handler: index.greet }
`

describe('the package, installed in an empty folder', () => {
  let packed: string[] = []

  beforeAll(async () => {
    const pack = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
      cwd: root,
      env,
      timeoutMs: 2 * MINUTES,
    })
    expect(pack.code, pack.stderr).toBe(0)
    const answer = JSON.parse(pack.stdout) as PackAnswer | readonly PackAnswer[] | Record<string, PackAnswer>
    const [first] = Array.isArray(answer) ? answer : 'filename' in answer ? [answer as PackAnswer] : Object.values(answer)
    packed = first!.files.map(({ path }: { path: string }) => path)
    writeFileSync(join(folder, 'package.json'), '{ "private": true }')
    const install = await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', join(folder, first!.filename)], {
      cwd: folder,
      env,
      timeoutMs: 4 * MINUTES,
    })
    expect(install.code, install.stdout + install.stderr).toBe(0)

    writeFileSync(join(folder, 'flow.yaml'), FLOW)
    writeFileSync(join(folder, 'functions.yaml'), FUNCTIONS)
    mkdirSync(join(folder, 'functions'))
    writeFileSync(join(folder, 'functions', 'index.js'), 'exports.upper = async ({ name }) => ({ name: name.toUpperCase() })\n')
    writeFileSync(join(folder, 'functions', 'index.py'), 'def greet(event, context):\n    return {"greeting": "Hello, " + event["name"]}\n')
  }, 6 * MINUTES)

  const bin = join(folder, 'node_modules', '.bin', 'fnflow')

  test('holds what is built, and no sources', () => {
    expect(packed).toEqual(
      expect.arrayContaining([
        'LICENSE',
        'README.md',
        'CHANGELOG.md',
        'bin/fnflow.js',
        'dist/engine/index.js',
        'dist/engine/index.d.ts',
        'dist/cli/main.js',
      ]),
    )
    expect(packed.filter((path) => !/^(bin|dist)\/|^(LICENSE|README\.md|CHANGELOG\.md|package\.json)$/.test(path))).toEqual([])
    expect(packed.filter((path) => /(?<!\.d)\.ts$|tsbuildinfo|stamp/.test(path))).toEqual([])
    expect(packed.filter((path) => /\.py$|shim\.mjs$/.test(path)).length).toBeGreaterThan(1)
  })

  test('needs no development dependency', () => {
    expect(existsSync(join(folder, 'node_modules', 'typescript'))).toBe(false)
    expect(existsSync(join(folder, 'node_modules', 'node'))).toBe(false)
  })

  test('runs a flow with functions in Node.js and Python', async () => {
    const { code, stdout, stderr } = await run(bin, ['run', 'flow.yaml', '--input', '{"name":"ada"}', '--json'], { cwd: folder, env })
    expect(code, stderr).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ greeting: 'Hello, ADA' })
  })

  test('is imported by name', async () => {
    const program = `
      import { createEngine, defineFlow } from 'fnflow'
      const engine = await createEngine({ functions: { 'default/plus2': ({ input }) => ({ result: input + 2 }) } })
      await engine.deploy(defineFlow({ flow: 'f', start: 'a', nodes: { a: { type: 'function', function: 'plus2' } } }))
      console.log(JSON.stringify(await engine.run('f', { input: { input: 3 } })))
      await engine.close()`
    const { code, stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', program], { cwd: folder, env })
    expect(code, stderr).toBe(0)
    expect(stdout).toBe('{"result":5}\n')
  })

  const refusal = (version: string) => `fnflow needs Node 24 or later, this is ${version}; try \`npx -p node@24 -p fnflow fnflow ...\`\n`

  test('says what it needs where Node claims to be older', async () => {
    const entry = join(folder, 'node_modules', 'fnflow', 'bin', 'fnflow.js')
    const program = `
      Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '22.11.0' } })
      import(${JSON.stringify(entry)})`
    expect(await run(process.execPath, ['-e', program], { cwd: folder, env })).toEqual({ code: 2, stdout: '', stderr: refusal('22.11.0') })
  })

  test('says what it needs on a real older Node', async (context) => {
    const older = await olderNode()
    if (!older) return context.skip('every Node on the PATH is new enough')
    const ended = await run(older.path, [join(folder, 'node_modules', 'fnflow', 'bin', 'fnflow.js'), 'run', 'flow.yaml'], {
      cwd: folder,
      env,
    })
    expect(ended).toEqual({ code: 2, stdout: '', stderr: refusal(older.version) })
  })
})

interface PackAnswer {
  readonly filename: string
  readonly files: readonly { readonly path: string }[]
}

async function olderNode(): Promise<{ readonly path: string; readonly version: string } | undefined> {
  for (const place of outerPath.split(delimiter)) {
    const path = join(place, 'node')
    if (!existsSync(path)) continue
    const { stdout } = await run(path, ['-p', 'process.versions.node'], { cwd: folder })
    const version = stdout.trim()
    if (Number(version.split('.')[0]) < 24) return { path, version }
  }
  return undefined
}

test('the version of Node is pinned where npm looks for it', () => {
  const { devDependencies, engines, allowScripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  expect(devDependencies.node).toMatch(/^24\.\d+\.\d+$/)
  expect(engines.node).toBe('>=24')
  expect(allowScripts.node).toBe(true)
})
