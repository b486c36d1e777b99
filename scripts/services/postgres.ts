/* PostgreSQL: Debian's package, but a cluster per start, with its data and its socket in the run's own folder. */
import { readdirSync } from 'node:fs'
import { chown, mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { MissingServiceError, type Launch, type Log, type Place, type Service, type User } from './service.ts'
import { canInstall, findPrograms, install, isExecutable, isRoot, lastLine, run, stopwatch } from './tools.ts'

export interface PostgresOptions {
  /** Settings of the server, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
}

/** Debian keeps the versions apart, and none of them on the PATH. */
const DEBIAN = '/usr/lib/postgresql'
const PACKAGE = 'postgresql'
const OLDEST = 15
const REMEDY = `Install PostgreSQL ${OLDEST} or later (Debian: apt-get install ${PACKAGE})`
/** Of postmaster.pid, counted from 0: key and id of the shared memory. */
const SHARED_MEMORY_LINE = 6
const CHECK_TIMEOUT_MS = 5_000

/** What every server is told; compose.yaml says the same where it matters. */
export const SETTINGS = {
  listen_addresses: '127.0.0.1',
  max_connections: '200',
  shared_buffers: '32MB',
  // What is said to be committed is: tests kill the server and look.
  fsync: 'on',
  // In the data folder and not in /dev/shm, where a killed server would leave it.
  dynamic_shared_memory_type: 'mmap',
  // The tests' own load would start workers and compile queries at odd moments.
  jit: 'off',
  max_parallel_workers_per_gather: '0',
  log_min_messages: 'warning',
} as const

export const postgres: Service<'postgres', PostgresOptions> = {
  name: 'postgres',
  variable: 'FNFLOW_TEST_POSTGRES',
  addressForm: 'postgres://user@host:port/database',

  prepare: (log) => findOrInstall(log),

  async launch(program: string, { folder, port }: Place, options): Promise<Launch> {
    // Both programs refuse to run as root.
    const user = isRoot ? await postgresUser() : undefined
    const data = join(folder, 'data')
    await mkdir(data, { mode: 0o700 })
    if (user !== undefined) for (const path of [folder, data]) await chown(path, user.uid, user.gid)
    const created = await run(
      join(program, 'initdb'),
      ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync', '--no-instructions'],
      { cwd: folder, ...user, guarded: true },
    )
    if (created.code !== 0) throw new Error(`initdb failed in ${data}: ${lastLine(created.stderr)}`)
    const number = await port()
    const settings = Object.entries({ ...SETTINGS, ...options.settings, port: number, unix_socket_directories: folder })
    return {
      address: `postgres://postgres@127.0.0.1:${number}/postgres`,
      command: join(program, 'postgres'),
      args: ['-D', data, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      cwd: folder,
      ...(user === undefined ? {} : { user }),
      // A fast shutdown disconnects clients, but writes all data; an immediate one does not even do that.
      stopSignal: 'SIGINT',
      quitSignal: 'SIGQUIT',
      sweep: () => removeSharedMemory(data),
    }
  },

  async check(address) {
    const { Client } = (await import('pg')).default
    const client = new Client({ connectionString: address, connectionTimeoutMillis: CHECK_TIMEOUT_MS, query_timeout: CHECK_TIMEOUT_MS })
    client.on('error', () => undefined)
    try {
      await client.connect()
      await client.query('SELECT 1')
    } finally {
      await client.end()
    }
  },
}

/** The folder with `initdb` and `postgres`. */
export async function findOrInstall(log: Log, debian = DEBIAN): Promise<string> {
  const found = await findServer(debian)
  if (found !== undefined) return found
  const missing = `there is no initdb of PostgreSQL ${OLDEST} or later in ${join(debian, '*', 'bin')} or on the PATH`
  if (!canInstall()) throw new MissingServiceError(postgres, missing, REMEDY)
  const time = stopwatch()
  log(`postgres: installing the package ${PACKAGE}, once: some 15 s`)
  const problem = await install(PACKAGE)
  if (problem !== undefined) throw new MissingServiceError(postgres, `${missing}; ${problem}`, REMEDY)
  log(`postgres: installed in ${time()}`)
  const installed = await findServer(debian)
  if (installed === undefined) throw new MissingServiceError(postgres, `${missing}, not after installing ${PACKAGE} either`, REMEDY)
  return installed
}

/** The newest of Debian's or, failing that, the one on the PATH. */
async function findServer(debian: string): Promise<string | undefined> {
  const folders = versionsIn(debian).map((version) => join(debian, version, 'bin'))
  for (const folder of [...folders, ...findPrograms('initdb').map(dirname)]) {
    if (!isExecutable(join(folder, 'initdb')) || !isExecutable(join(folder, 'postgres'))) continue
    const { stdout } = await run(join(folder, 'initdb'), ['--version'])
    if (Number(/(\d+)/.exec(stdout)?.[1]) >= OLDEST) return folder
  }
  return undefined
}

function versionsIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort((a, b) => Number(b) - Number(a))
  } catch {
    return []
  }
}

/** A small System V segment is what tells a second server that the data is in use; it outlives one that is killed. */
async function removeSharedMemory(data: string): Promise<void> {
  try {
    const id = (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')[SHARED_MEMORY_LINE]?.trim().split(/\s+/)[1]
    if (id !== undefined) await run('ipcrm', ['-m', id])
  } catch {
    // A server that ended by itself has removed the file, and the segment.
  }
}

async function postgresUser(): Promise<User> {
  const [uid, gid] = [await run('id', ['-u', 'postgres']), await run('id', ['-g', 'postgres'])]
  if (uid.code !== 0 || gid.code !== 0)
    throw new MissingServiceError(postgres, 'PostgreSQL refuses to run as root, and there is no user postgres', 'Make that user')
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
}
