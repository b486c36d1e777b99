import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { fnflow, folderWith, oneFunction, ROOT } from './support.ts'

const folder = folderWith({
  'first flow.json': oneFunction('hello'),
  'second.json': oneFunction('hello'),
  'bin/fnflow': `#!/bin/sh
case $1 in __complete | completion) exec "${process.execPath}" "${join(ROOT, 'bin/fnflow.js')}" "$@" ;; esac
printf 'called with'
for word in "$@"; do printf ' <%s>' "$word"; done
printf '\\n'
`,
})
mkdirSync(join(folder, 'nested'))
chmodSync(join(folder, 'bin/fnflow'), 0o755)
const env = {
  ...process.env,
  PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
  HOME: folder,
  TERM: 'dumb',
  LC_ALL: 'C.UTF-8',
  PS1: '> ',
  HISTFILE: undefined,
}

/** What the program answers to a shell. */
async function asked(...words: string[]): Promise<{ values: string[]; paths: string | undefined }> {
  const { code, stdout, stderr } = await fnflow(['__complete', '--', ...words], { cwd: folder })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const lines = stdout.trimEnd().split('\n')
  return { values: lines.slice(0, -1).map((line) => line.split('\t')[0] as string), paths: lines.at(-1) }
}

describe('what can stand in place of a word', () => {
  it('is a command, an option, a value or a path', async () => {
    expect((await asked('')).values).toEqual(expect.arrayContaining(['run', 'validate', 'diagram', 'serve', 'completion', 'help']))
    expect((await asked('')).values).not.toContain('__complete')
    expect(await asked('va')).toEqual({ values: ['validate'], paths: ':none' })
    expect(await asked('help', 'va')).toEqual({ values: ['validate'], paths: ':none' })
    expect(await asked('diagram', '--f')).toEqual({ values: ['--format'], paths: ':none' })
    expect(await asked('diagram', '--format', '')).toEqual({ values: ['mermaid', 'svg'], paths: ':none' })
    expect(await asked('diagram', '--format=s')).toEqual({ values: ['--format=svg'], paths: ':none' })
    expect(await asked('diagram', '--format', '=', 's')).toEqual({ values: ['svg'], paths: ':none' })
    expect(await asked('diagram', '--format', '=')).toEqual({ values: ['mermaid', 'svg'], paths: ':none' })
    expect(await asked('diagram', '')).toEqual({ values: [], paths: ':files' })
    expect(await asked('diagram', '--format', 'svg', '')).toEqual({ values: [], paths: ':files' })
    expect(await asked('diagram', 'a.yaml', '')).toEqual({ values: [], paths: ':none' })
    expect(await asked('validate', 'a.yaml', 'b.yaml', '')).toEqual({ values: [], paths: ':files' })
    expect(await asked('validate', '--', '--f')).toEqual({ values: [], paths: ':files' })
    expect(await asked('run', '--flows', '')).toEqual({ values: [], paths: ':folders' })
    expect(await asked('run', '--trace', '')).toEqual({ values: [], paths: ':files' })
    expect(await asked('completion', '')).toEqual({ values: ['bash', 'zsh', 'fish'], paths: ':none' })
    expect(await asked('run', '--nonsense=')).toEqual({ values: [], paths: ':none' })
  })
})

/** Types keys into an interactive shell on a terminal, each line when the one before has been answered; resolves to what the terminal then shows. */
function typed(shell: string, setup: string, lines: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('script', ['-qec', `stty cols 200 rows 50 -echo; exec ${shell}`, '/dev/null'], {
      cwd: folder,
      env,
      timeout: 50_000,
    })
    let shown = ''
    const rest = [`${setup}; echo ready`, ...lines, 'exit']
    let waiting = 0
    const next = (): void => void child.stdin.write(`${rest.shift()}\r`)
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text
      // what was typed is shown, too: only what a line has printed is at the beginning of one
      const answered =
        stripVTControlCharacters(shown)
          .replace(/\r/g, '')
          .match(/(?:(?<!echo )ready|called with <.*)\n/g)?.length ?? 0
      for (; waiting < answered; waiting++) next()
    })
    child.on('error', reject)
    child.on('close', () => resolve(stripVTControlCharacters(shown).replace(/\r/g, '')))
    next()
  })
}

const LINES = ['fnflow diag\t--form\tsv\tfir\t', 'fnflow diagram --format=sv\tsec\t', 'fnflow run --flows ne\tsec\t']
const CALLS = [
  'called with <diagram> <--format> <svg> <first flow.json>',
  'called with <diagram> <--format=svg> <second.json>',
  'called with <run> <--flows> <nested/> <second.json>',
]

function callsIn(shown: string): string[] {
  return [...shown.matchAll(/called with <.*$/gm)].map(([call]) => call.trimEnd())
}

const has = (shell: string): boolean => spawnSync(shell, ['--version']).error === undefined

describe('the tab key', () => {
  it('completes in bash', { timeout: 60_000 }, async () => {
    // the slash behind a folder is bash's own; a space ends the word
    const lines = LINES.map((line) => line.replace('ne\t', 'ne\t '))
    expect(callsIn(await typed('bash --norc --noprofile -i', 'eval "$(fnflow completion bash)"', lines))).toEqual(CALLS)
  })

  it('completes in zsh', { timeout: 60_000 }, async ({ skip }) => {
    if (!has('zsh')) skip('zsh is not installed')
    const setup = 'autoload -U compinit; compinit -u -D; eval "$(fnflow completion zsh)"'
    const lines = LINES.map((line) => line.replace('ne\t', 'ne\t '))
    expect(callsIn(await typed('zsh -f -i', setup, lines)).map((call) => call.replace('nested>', 'nested/>'))).toEqual(CALLS)
  })

  it('completes in fish', ({ skip }) => {
    if (!has('fish')) skip('fish is not installed')
    const asks = ['fnflow diag', 'fnflow diagram --format=s', 'fnflow diagram fir', 'fnflow run --flows ne', 'fnflow run --flows=ne'].map(
      (line) => `complete -C ${JSON.stringify(line)}`,
    )
    const program = ['fnflow completion fish | source', ...asks].join('; ')
    const { stdout, stderr } = spawnSync('fish', ['--no-config', '-c', program], { cwd: folder, env, encoding: 'utf8' })
    const said = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t')[0])
    expect({ said, stderr }).toEqual({
      said: ['diagram', '--format=svg', 'first flow.json', 'nested/', '--flows=nested/'],
      stderr: '',
    })
  })
})

describe('the bash script', () => {
  it('evaluates nothing of the line that is completed, and can be read twice', async () => {
    const { stdout } = await fnflow(['completion', 'bash'])
    const program = `set -e
${stdout}
${stdout}
COMP_WORDS=(fnflow validate '$(touch evil)' '\`touch evil\`' ';touch evil' --f); COMP_CWORD=5
_fnflow fnflow --f ';touch evil'
printf '%s\\n' "\${COMPREPLY[@]}"
ls`
    const { stdout: said, stderr } = spawnSync('bash', ['-c', program], { cwd: folder, env, encoding: 'utf8' })
    expect({ said, stderr }).toEqual({ said: '--format\nbin\nfirst flow.json\nnested\nsecond.json\n', stderr: '' })
  })
})
