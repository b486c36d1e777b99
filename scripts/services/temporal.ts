/*
 * Temporal: one development server per start, on SQLite. It is built from the Go module in `temporal/`, which pins the server's version:
 * there is no package of it, and its installer can't be pinned.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cached } from './build-cache.ts'
import { checkListening } from './ports.ts'
import { MissingServiceError, type Launch, type Log, type Place, type Service } from './service.ts'
import { canInstall, findPrograms, install, lastLine, run, stopwatch } from './tools.ts'

export interface TemporalOptions {
  /** Values of the server's dynamic configuration, which tests lower to reach a limit soon, e.g. `limit.historyCount.suggestContinueAsNew`. */
  readonly dynamicConfig?: Readonly<Record<string, string | number | boolean>>
  /** Namespaces to make beside `default`. */
  readonly namespaces?: readonly string[]
}

const MODULE = join(import.meta.dirname, 'temporal')
const PACKAGE = 'github.com/temporalio/cli/cmd/temporal'
const BUILD = ['build', '-trimpath', '-ldflags=-s -w']
/** From this version on Go fetches the toolchain that go.mod asks for. */
const OLDEST_GO = [1, 21] as const
const GO_FOLDERS = ['/usr/local/go/bin', '/opt/homebrew/bin']
const REMEDY = 'Install Go 1.26.4 or later (go.dev/dl)'
const STILL_BUILDING_MS = 60_000
const CHECK_TIMEOUT_MS = 5_000

/** A shard polls its queues at most 20 times a second by default, which makes 50 ms of every step of a flow. */
const DYNAMIC_CONFIG: NonNullable<TemporalOptions['dynamicConfig']> = {
  'history.transferProcessorMaxPollRPS': 2000,
  'history.timerProcessorMaxPollRPS': 2000,
  'history.visibilityProcessorMaxPollRPS': 2000,
}

export const temporal: Service<'temporal', TemporalOptions> = {
  name: 'temporal',
  variable: 'FNFLOW_TEST_TEMPORAL',
  addressForm: 'host:port',

  prepare(log) {
    const hash = createHash('sha256')
    for (const file of ['go.mod', 'go.sum']) hash.update(readFileSync(join(MODULE, file)))
    const name = `temporal-${hash.digest('hex').slice(0, 16)}-${process.platform}-${process.arch}`
    return cached(
      name,
      (path) => build(path, log),
      (holder) => log(`temporal: process ${holder} is building the server; waiting for it`),
    )
  },

  async launch(program: string, { folder, port }: Place, options): Promise<Launch> {
    // Every port is told, so that none is taken that others use by default, and a restart finds the same ones.
    const [grpc, http, metrics] = [await port(), await port(), await port()]
    const config = Object.entries({ ...DYNAMIC_CONFIG, ...options.dynamicConfig })
    return {
      address: `127.0.0.1:${grpc}`,
      command: program,
      args: [
        ...['server', 'start-dev', '--headless', '--ip', '127.0.0.1', '--port', String(grpc)],
        ...['--http-port', String(http), '--metrics-port', String(metrics), '--log-level', 'error'],
        ...['--db-filename', join(folder, 'temporal.db'), '--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL'],
        ...config.flatMap(([key, value]) => ['--dynamic-config-value', `${key}=${JSON.stringify(value)}`]),
        ...(options.namespaces ?? []).flatMap((namespace) => ['--namespace', namespace]),
      ],
      cwd: folder,
      stopSignal: 'SIGTERM',
      quitSignal: 'SIGKILL',
    }
  },

  async check(address) {
    // A client that finds nobody waits a second before it tries again.
    await checkListening(address)
    const { Connection } = await import('@temporalio/client')
    const connection = await Connection.connect({ address, connectTimeout: CHECK_TIMEOUT_MS })
    try {
      const service = 'temporal.api.workflowservice.v1.WorkflowService'
      const { status } = await connection.withDeadline(Date.now() + CHECK_TIMEOUT_MS, () => connection.healthService.check({ service }))
      if (status !== 1) throw new Error(`the server's health is ${String(status)}, not 1 (SERVING)`)
    } finally {
      await connection.close()
    }
  },
}

async function build(path: string, log: Log): Promise<void> {
  const go = await findGo(log)
  const time = stopwatch()
  log('temporal: building the server, once: 4 to 7 minutes on two cores, 15 seconds if Go has its parts already')
  const ticking = setInterval(() => log(`temporal: still building after ${time()}`), STILL_BUILDING_MS)
  const env = { ...process.env, CGO_ENABLED: '0' }
  const { code, stderr } = await run(go, [...BUILD, '-o', path, PACKAGE], { cwd: MODULE, env, guarded: true })
  clearInterval(ticking)
  if (code !== 0) throw new MissingServiceError(temporal, `${go} build failed in ${MODULE} (${lastLine(stderr)})`, REMEDY)
  log(`temporal: built in ${time()}`)
}

/** A Go that can build the server: one that is there or, where Debian has one that is new enough, Debian's. */
export async function findGo(log: Log, folders: readonly string[] = GO_FOLDERS): Promise<string> {
  const tried: string[] = []
  const look = async () => {
    for (const go of findPrograms('go', folders)) {
      // Not in the module's folder, where an old Go would already try to be another.
      const { stdout } = await run(go, ['env', 'GOVERSION'], { cwd: tmpdir(), env: { ...process.env, GOTOOLCHAIN: 'local' } })
      if (isNewEnough(stdout)) return go
      tried.push(`${go} is ${stdout.trim() || 'of unknown version'}, older than ${OLDEST_GO.join('.')}`)
    }
    return undefined
  }
  const found = await look()
  if (found !== undefined) return found
  if (tried.length === 0) tried.push('there is no go on the PATH')
  if (canInstall()) {
    const time = stopwatch()
    log('temporal: looking for golang-go among the packages')
    const problem = await installGo()
    const installed = problem === undefined ? await look() : undefined
    if (installed !== undefined) {
      log(`temporal: installed golang-go in ${time()}`)
      return installed
    }
    tried.push(problem ?? 'apt-get installed golang-go, but that is no help')
  }
  throw new MissingServiceError(temporal, tried.join('; '), REMEDY)
}

/** Installs Debian's Go if that is new enough; returns why not, or undefined. */
async function installGo(): Promise<string | undefined> {
  await run('apt-get', ['update', '-qq'])
  const { stdout } = await run('apt-cache', ['policy', 'golang-go'])
  const candidate = /Candidate: (?:\d+:)?(\S+)/.exec(stdout)?.[1]
  if (candidate === undefined || !isNewEnough(candidate)) return `apt-get has golang-go ${candidate ?? 'in no version'}`
  return install('golang-go')
}

function isNewEnough(version: string): boolean {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(version) ?? []
  return Number(major) > OLDEST_GO[0] || (Number(major) === OLDEST_GO[0] && Number(minor) >= OLDEST_GO[1])
}
