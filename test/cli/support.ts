import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll } from 'vitest'

/** The repository's root. */
export const ROOT = new URL('../../', import.meta.url).pathname
const BIN = join(ROOT, 'bin/fnflow.js')

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running extends Promise<Outcome> {
  readonly child: ChildProcess
  /** Resolves when stderr has matched; rejects when the process ends before. */
  seen(pattern: RegExp): Promise<RegExpExecArray>
}

/** Runs the built program as a process of its own. With `stdin: null` stdin stays open. */
export function fnflow(
  args: readonly string[],
  options: { readonly cwd?: string; readonly stdin?: string | null; readonly env?: NodeJS.ProcessEnv } = {},
): Running {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  const watchers = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    for (const watcher of watchers) watcher()
  })
  child.stdin.on('error', () => undefined)
  if (options.stdin !== null) child.stdin.end(options.stdin ?? '')
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
  const seen = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(stderr)
        if (found === null) return
        watchers.delete(look)
        resolve(found)
      }
      watchers.add(look)
      look()
      ended.then(() => reject(new Error(`ended before ${pattern}: ${stderr}`)), reject)
    })
  return Object.assign(ended, { child, seen })
}

/** The first line that a process prints on stdout; rejects when it ends before. To be asked for at once. */
export function firstLine(running: Running): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    running.child.stdout?.on('data', (text: string) => {
      said += text
      if (said.includes('\n')) resolve(said.slice(0, said.indexOf('\n')))
    })
    running.then(({ stderr }) => reject(new Error(`ended before it printed a line: ${stderr}`)), reject)
  })
}

const folders: string[] = []
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
})

/** A temporary folder with these files, removed after the tests. */
export function folderWith(files: Readonly<Record<string, string | object>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'fnflow-test-cli-'))
  folders.push(folder)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content))
  }
  return folder
}

/** The last line of stderr, which is JSON with `--json`. */
export function lastLine({ stderr }: Outcome): unknown {
  return JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '')
}

/** Functions for flows in tests, with their functions.yaml. */
export const FUNCTIONS = {
  'functions.yaml': `
hello: { runtime: nodejs, code: ./f, handler: index.hello }
broken: { runtime: nodejs, code: ./f, handler: index.broken }
talks: { runtime: nodejs, code: ./f, handler: index.talks, timeout: 30 }
gone: { runtime: nodejs, code: ./f, handler: index.nobody }
big: { runtime: nodejs, code: ./f, handler: index.big }
cycle: { runtime: nodejs, code: ./f, handler: index.cycle }
unloadable: { runtime: nodejs, code: ./f, handler: unloadable.handler }
endless: { runtime: nodejs, code: ./f, handler: index.endless, timeout: 600 }
ask: { runtime: nodejs, code: ./f, handler: index.hello }
`,
  'f/index.mjs': `
export const hello = (event) => { console.log('hello ' + JSON.stringify(event)); return { hello: event.name ?? 'world' } }
export const broken = () => { throw new TypeError('broken on purpose') }
export const talks = () => { for (let n = 0; n < 5000; n++) console.log('\\x1b[2Jline ' + n) }
export const big = () => ({ n: 1n })
export const cycle = () => { const a = {}; a.a = a; return a }
export const endless = () => { for (;;); }
`,
  'f/unloadable.mjs': `throw new RangeError('at load')`,
} as const

/** A flow of one function. */
export function oneFunction(name: string, more: object = {}): object {
  return { flow: `calls-${name}`, start: 'a', nodes: { a: { type: 'function', function: name } }, ...more }
}
