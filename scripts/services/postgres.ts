/* PostgreSQL: Debian's package, but a cluster per start, with its data and its socket in the run's own folder. */
import { readdirSync } from 'node:fs'
import { chown, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { MissingServiceError, type Launch, type Place, type Service, type User } from './service.ts'
import { canInstall, findProgram, install, isExecutable, isRoot, lastLine, run } from './tools.ts'

export interface PostgresOptions {
  /** Settings of the server, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
}

/** Debian keeps the versions apart, and none of them on the PATH. */
const DEBIAN = '/usr/lib/postgresql'
const PACKAGE = 'postgresql'
const OLDEST = 15
const CHECK_TIMEOUT_MS = 5_000

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  max_connections: 200,
  shared_buffers: '32MB',
  // What is said to be committed is: tests kill the server and look.
  fsync: true,
  // The tests' own load would start workers and compile queries at odd moments.
  jit: false,
  max_parallel_workers_per_gather: 0,
  log_min_messages: 'warning',
} satisfies PostgresOptions['settings']

export const postgres: Service<'postgres', PostgresOptions> = {
  name: 'postgres',
  variable: 'FNFLOW_TEST_POSTGRES',
  addressForm: 'postgres://user@host:port/database',

  async prepare(log) {
    const found = await findPrograms()
    if (found !== undefined) return found
    const remedy = `Install PostgreSQL ${OLDEST} or later (Debian: apt-get install ${PACKAGE})`
    const missing = `no initdb of PostgreSQL ${OLDEST} or later in ${DEBIAN}/*/bin or on the PATH`
    if (!canInstall()) throw new MissingServiceError(postgres, missing, remedy)
    const started = performance.now()
    log(`postgres: installing the package ${PACKAGE}, once: some 15 s`)
    const problem = await install(PACKAGE)
    if (problem !== undefined) throw new MissingServiceError(postgres, `${missing}; ${problem}`, remedy)
    log(`postgres: installed in ${Math.round((performance.now() - started) / 1000)} s`)
    const installed = await findPrograms()
    if (installed === undefined) throw new MissingServiceError(postgres, `${missing}, not after installing ${PACKAGE} either`, remedy)
    return installed
  },

  async launch(program: string, { folder, port }: Place, options): Promise<Launch> {
    // Both programs refuse to run as root.
    const user = isRoot ? await postgresUser() : undefined
    const data = join(folder, 'data')
    await mkdir(data, { mode: 0o700 })
    if (user !== undefined) for (const path of [folder, data]) await chown(path, user.uid, user.gid)
    const created = await run(
      join(program, 'initdb'),
      ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync', '--no-instructions'],
      { cwd: folder, ...user },
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
      // A fast shutdown: clients are disconnected.
      stopSignal: 'SIGINT',
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

/** The folder with the newest `initdb` and `postgres`. */
async function findPrograms(): Promise<string | undefined> {
  const folders = debianVersions().map((version) => join(DEBIAN, version, 'bin'))
  const onPath = findProgram('initdb')
  if (onPath !== undefined) folders.push(join(onPath, '..'))
  for (const folder of folders) {
    if (!isExecutable(join(folder, 'initdb')) || !isExecutable(join(folder, 'postgres'))) continue
    const { stdout } = await run(join(folder, 'initdb'), ['--version'])
    if (Number(/(\d+)/.exec(stdout)?.[1]) >= OLDEST) return folder
  }
  return undefined
}

function debianVersions(): string[] {
  try {
    return readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a))
  } catch {
    return []
  }
}

async function postgresUser(): Promise<User> {
  const [uid, gid] = [await run('id', ['-u', 'postgres']), await run('id', ['-g', 'postgres'])]
  if (uid.code !== 0 || gid.code !== 0)
    throw new MissingServiceError(postgres, 'PostgreSQL refuses to run as root, and there is no user postgres', 'Make that user')
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
}
