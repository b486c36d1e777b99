import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { beforeEach, describe, expect, it } from 'vitest'
import { folderWith, FUNCTIONS, oneFunction, ROOT } from './support.ts'

const hasScript = spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0
const folder = folderWith({
  ...FUNCTIONS,
  // it takes longer than a picture of the tree waits for the next, on fast machines, too
  'functions.yaml': `${FUNCTIONS['functions.yaml']}slowly: { runtime: nodejs, code: ./f, handler: index.slowly }\n`,
  'f/index.mjs': `${FUNCTIONS['f/index.mjs']}export const slowly = (event) => new Promise((resolve) => setTimeout(() => resolve(hello(event)), 400))\n`,
  'flow.yaml':
    'flow: on-terminal\nstart: fork\nnodes:\n  fork: { type: parallel, branches: [a, b] }\n  a: { type: function, function: slowly }\n  b: { type: wait, seconds: 1 }\n',
  'talks.json': oneFunction('talks'),
  'bad.yaml': 'flow: bad\nstart: a\nnodes:\n  a: { type: pass, nxt: b }\n',
})

/** What a person sees on a terminal of 80 columns, with and without the colours. */
function onTerminal(command: string, terminal = 'xterm-256color'): { code: number | null; raw: string; text: string } {
  const line = `stty cols 80 rows 30; "${process.execPath}" "${join(ROOT, 'bin/fnflow.js')}" ${command}`
  const env = {
    ...process.env,
    NO_COLOR: undefined,
    FORCE_COLOR: undefined,
    CI: undefined,
    TERM: terminal,
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
  }
  const { status, stdout } = spawnSync('script', ['-qec', line, '/dev/null'], { cwd: folder, encoding: 'utf8', env })
  return { code: status, raw: stdout, text: stripVTControlCharacters(stdout).replace(/\r/g, '') }
}

describe('on a terminal', () => {
  // util-linux's script gives a process a terminal; that of other systems has other options
  beforeEach((context) => {
    if (hasScript) return
    if (process.platform === 'linux')
      throw new Error('script is missing or has no options -qec: install the package bsdutils (or util-linux)')
    context.skip('needs the script command of util-linux')
  })

  it('shows a live tree, the log above it, and the output indented', () => {
    const { code, raw, text } = onTerminal('run flow.yaml')
    expect(code).toBe(0)
    expect(raw).toMatch(/\x1b\[32m✔\x1b\[39m a/)
    expect(text).toMatch(/on-terminal \(standard\) {2}\S+\n {2}● fork {2}parallel .*\n {4}● a {2}function /)
    expect(text).toMatch(
      /on-terminal \(standard\) {2}\S+\n {2}✔ fork {2}parallel .*\n {4}✔ a {2}function .*\n {4}✔ b {2}wait .*\n\{\n {2}"result": \[/,
    )
    expect(text).toMatch(/^\[a [-0-9a-f]+\] hello \{\}$/m)
  })

  it('shows the log of a talkative function in few pictures, and no control characters of its own', () => {
    const { code, raw, text } = onTerminal('run talks.json')
    expect(code).toBe(0)
    expect(text).toContain('] ␛[2Jline 4999\n')
    expect(text).toContain('] ␛[2Jline 0\n')
    // a picture of the tree begins with a synchronised update
    expect(raw.split('\x1b[?2026h').length).toBeLessThan(200)
  })

  it('draws nothing on a terminal that understands no cursor movements', () => {
    const { code, raw } = onTerminal('run flow.yaml', 'dumb')
    expect(code).toBe(0)
    expect(raw).not.toContain('\x1b')
  })

  it('shows diagnostics with their line and a caret', () => {
    const { code, text } = onTerminal('validate bad.yaml')
    expect(code).toBe(2)
    expect(text).toMatch(/bad\.yaml:4:20 schema .*\n.*3 \| nodes:\n> 4 \| {3}a: \{ type: pass, nxt: b \}\n +\| +\^/)
  })
})
