import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../cli/support.ts'

/** A fenced block of a document. */
export interface Block {
  readonly language: string
  readonly text: string
  /** The line of text before it. */
  readonly before: string
}

export function readDocument(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

/** The fenced blocks of a document, in order. */
export function blocksOf(path: string): Block[] {
  const blocks: Block[] = []
  let before = ''
  let open: { language: string; lines: string[] } | null = null
  for (const line of readDocument(path).split('\n')) {
    const fence = /^```(\w*)$/.exec(line)
    if (fence !== null && open === null) open = { language: fence[1] ?? '', lines: [] }
    else if (fence !== null && open !== null) {
      blocks.push({ language: open.language, text: `${open.lines.join('\n')}\n`, before })
      open = null
    } else if (open !== null) open.lines.push(line)
    else if (line !== '') before = line
  }
  return blocks
}

/** The only block of a language whose introduction names `file`. */
export function blockFor(path: string, file: string): string {
  const found = blocksOf(path).filter(({ before }) => before.includes(`\`${file}\``))
  if (found[0] === undefined) throw new Error(`${path} shows no ${file}`)
  return found[0].text
}

/** The rows of the tables under a heading, as lists of cells. */
export function rowsUnder(path: string, heading: string): string[][] {
  const section = readDocument(path)
    .split(/^#+ /m)
    .find((part) => part.startsWith(`${heading}\n`))
  if (section === undefined) throw new Error(`no heading ${heading} in ${path}`)
  return section
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    )
}

/** Runs a program in a folder in which `fnflow` is installed; resolves to what it printed. Rejects if it fails. */
export function runProgramIn(folder: string, program: string): Promise<string> {
  mkdirSync(join(folder, 'node_modules'), { recursive: true })
  symlinkSync(ROOT, join(folder, 'node_modules/fnflow'))
  // an application that has the API has fastify of its own
  symlinkSync(join(ROOT, 'node_modules/fastify'), join(folder, 'node_modules/fastify'))
  writeFileSync(join(folder, 'program.mts'), program)
  const child = spawn(process.execPath, ['program.mts'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => (code === 0 ? resolve(stdout) : reject(new Error(`exit code ${code}: ${stderr}`))))
  })
}
