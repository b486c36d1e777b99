import { execFile } from 'node:child_process'
import { availableParallelism, freemem, totalmem } from 'node:os'
import { promisify } from 'node:util'
import type { Check } from './check.ts'

const run = promisify(execFile)
/** A program that says its version needs no longer. */
const PROGRAM_MS = 5000
/** Below it a few processes of functions fill the memory. */
const LITTLE_MEMORY = 512 * 1024 * 1024
const OLDEST_PYTHON = [3, 8] as const

/** What this machine has for fnflow and its functions. */
export async function checkMachine(): Promise<Check[]> {
  const [python, cards] = await Promise.all([checkPython(), checkCards()])
  return [ok('Node.js', process.versions.node), await checkSqlite(), python, checkMemory(), cards]
}

function ok(name: string, detail: string): Check {
  return { group: 'machine', name, state: 'ok', detail }
}

async function checkSqlite(): Promise<Check> {
  try {
    const { DatabaseSync } = await import('node:sqlite')
    const db = new DatabaseSync(':memory:')
    const row = db.prepare('SELECT sqlite_version() AS version').get()
    db.close()
    return ok('SQLite', String(row?.['version']))
  } catch (error) {
    const remedy = 'install Node.js 24 from nodejs.org, which brings it'
    return { group: 'machine', name: 'SQLite', state: 'failed', detail: messageOf(error), remedy }
  }
}

async function checkPython(): Promise<Check> {
  const remedy = `functions in Python need Python ${OLDEST_PYTHON.join('.')} or later as python3 on the PATH`
  const warning = (detail: string): Check => ({ group: 'machine', name: 'Python', state: 'warning', detail, remedy })
  try {
    const { stdout, stderr } = await run('python3', ['--version'], { timeout: PROGRAM_MS })
    const [, version = '', major, minor] = /((\d+)\.(\d+)\S*)/.exec(stdout + stderr) ?? []
    const isNew = Number(major) > OLDEST_PYTHON[0] || (Number(major) === OLDEST_PYTHON[0] && Number(minor) >= OLDEST_PYTHON[1])
    return isNew ? ok('Python', version) : warning(`${version || 'of an unknown version'} is too old`)
  } catch {
    return warning('no python3')
  }
}

function checkMemory(): Check {
  const available = process.availableMemory?.() ?? freemem()
  const detail = `${gib(available)} of ${gib(totalmem())} GiB free, ${availableParallelism()} processors`
  if (available >= LITTLE_MEMORY) return ok('memory', detail)
  return { group: 'machine', name: 'memory', state: 'warning', detail, remedy: 'lower limits.instances and the memory of functions' }
}

async function checkCards(): Promise<Check> {
  try {
    const { stdout } = await run('nvidia-smi', ['--query-gpu=name,memory.total', '--format=csv,noheader'], { timeout: PROGRAM_MS })
    return ok('cards', stdout.trim().split('\n').join('; '))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ok('cards', 'none (no nvidia-smi)')
    return {
      group: 'machine',
      name: 'cards',
      state: 'warning',
      detail: messageOf(error),
      remedy: 'run nvidia-smi by hand; its driver may have to be installed again',
    }
  }
}

function gib(bytes: number): string {
  return (bytes / 1024 ** 3).toFixed(1)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] as string) : String(error)
}
