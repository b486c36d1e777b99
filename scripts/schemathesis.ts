/*
 * `npm run schemathesis -- [--examples n] [--seed n] [--minutes n]`: asks a real server, with a key, whatever its OpenAPI document allows and forbids, and
 * holds each answer to it. Exit code 0: clean. Python's packages, of exact versions, go into a virtual environment in .cache.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const BIN = join(ROOT, 'bin/fnflow.js')
const REQUIREMENTS = join(ROOT, 'scripts/schemathesis/requirements.txt')

const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
  'ignored_auth',
]

const FLOWS = {
  'order.yaml': 'flow: order\nstart: charge\nnodes:\n  charge: { type: pass, next: ship }\n  ship: { type: pass }\n',
  'quick.yaml': 'flow: quick\nmode: express\nstart: a\nnodes:\n  a: { type: pass }\n',
  'rests.yaml': 'flow: rests\nstart: a\nnodes:\n  a: { type: wait, seconds: 3600 }\n',
}

const { values } = parseArgs({
  options: {
    examples: { type: 'string', default: '25' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '20' },
  },
})
process.exitCode = await main()

async function main(): Promise<number> {
  const schemathesis = environment()
  const folder = mkdtempSync(join(tmpdir(), 'fnflow-schemathesis-'))
  let server: ChildProcess | undefined
  try {
    mkdirSync(join(folder, 'flows'))
    for (const [name, text] of Object.entries(FLOWS)) writeFileSync(join(folder, 'flows', name), text)
    const key = keyIn(folder)
    server = spawn(process.execPath, [BIN, 'serve', '--json', '--port', '0', '--store', './data', '--flows', './flows'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const log = tailOf(server)
    const address = await addressOf(server)
    const code = ask(schemathesis, address, key, folder)
    if (server.exitCode !== null || code !== 0) console.error(`the server said last:\n${log()}`)
    return server.exitCode === null ? code : 1
  } finally {
    await end(server)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Runs it; resolves to its exit code. What it takes too long for is a failure. */
function ask(program: string, address: string, key: string, folder: string): number {
  const args = ['run', `${address}/openapi.json`, '-H', `Authorization: Bearer ${key}`, '--checks', CHECKS.join(',')]
  args.push('--phases', 'examples,coverage,fuzzing', '--max-examples', values.examples, '--seed', values.seed)
  args.push('--request-timeout', '20', '--continue-on-failure', '--warnings', 'off', '--no-color')
  // in its own folder, where it keeps what it has found
  const { status, error } = spawnSync(program, args, { cwd: folder, stdio: 'inherit', timeout: Number(values.minutes) * 60_000 })
  if (error !== undefined) console.error(`schemathesis has not ended by itself: ${error.message}`)
  return status ?? 1
}

/** The program, in a virtual environment with the packages of requirements.txt, made when it is not there. Throws where it cannot be. */
function environment(): string {
  const hash = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 12)
  const place = join(ROOT, '.cache', `schemathesis-${hash}`)
  const done = join(place, '.done')
  const program = join(place, 'bin', 'st')
  if (existsSync(done)) return program
  mkdirSync(join(ROOT, '.cache'), { recursive: true })
  rmSync(place, { recursive: true, force: true })
  makeEnvironment(place)
  must(join(place, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS])
  writeFileSync(`${done}.new`, '')
  renameSync(`${done}.new`, done)
  return program
}

/** Debian's Python comes without venv; what else makes environments does as well. */
function makeEnvironment(place: string): void {
  const ways: (readonly [string, readonly string[]])[] = [
    ['python3', ['-m', 'venv', place]],
    ['uv', ['venv', '--quiet', '--seed', place]],
    ['python3', ['-m', 'virtualenv', '--quiet', place]],
    ['virtualenv', ['--quiet', place]],
  ]
  const said: string[] = []
  for (const [command, args] of ways) {
    rmSync(place, { recursive: true, force: true })
    const { status, stderr, stdout, error } = spawnSync(command, args, { encoding: 'utf8' })
    if (status === 0 && existsSync(join(place, 'bin', 'python'))) return
    said.push(`${command} ${args.join(' ')}: ${error?.message ?? `${stdout}${stderr}`.trim()}`)
  }
  throw new Error(`no Python environment can be made; install the packages python3 and python3-venv (or uv).\n${said.join('\n')}`)
}

function must(command: string, args: readonly string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} has failed${error === undefined ? '' : `: ${error.message}`}`)
}

/** A new key of the server to come. */
function keyIn(folder: string): string {
  const args = [BIN, 'keys', 'add', 'schemathesis', '--role', 'admin', '--store', './data']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
  if (status !== 0) throw new Error(`fnflow keys add has failed: ${stderr}`)
  return stdout.trim()
}

/** Where the server listens: its first line on stdout. */
function addressOf(server: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    server.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (said.includes('\n')) resolve((JSON.parse(said.slice(0, said.indexOf('\n'))) as { address: string }).address)
    })
    server.on('exit', (code) => reject(new Error(`fnflow serve has ended with ${code}`)))
  })
}

/** The last that a process has said on stderr. */
function tailOf(server: ChildProcess): () => string {
  let said = ''
  server.stderr?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4000)))
  return () => said
}

async function end(server: ChildProcess | undefined): Promise<void> {
  if (server === undefined || server.exitCode !== null) return
  const gone = new Promise((resolve) => server.once('exit', resolve))
  server.kill('SIGTERM')
  await gone
}
