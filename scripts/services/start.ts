/**
 * Starts real services for tests, bench and conformance:
 *
 *     const services = await startServices(['temporal', 'postgres'])
 *     services.addresses.temporal   // '127.0.0.1:23456'
 *     services.env                  // { FNFLOW_TEST_TEMPORAL: '127.0.0.1:23456', ... }
 *     await services.stop()
 *
 * A service whose variable is set is used as it is. Servers that were started here die with this process, however it dies.
 */
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { acquireGuardian, guardFolder, releaseGuardian } from './guardian.ts'
import { freePort } from './ports.ts'
import { ServerProcess } from './server.ts'
import type { Launch, Log, Service } from './service.ts'
import { stopwatch } from './tools.ts'
import { SERVICES, type OptionsOf, type ServiceName } from './table.ts'

export interface StartOptions {
  /** Takes lines for people. Default: stderr. */
  readonly log?: Log
  /** Start a server even where the variable gives one: for tests that kill it. Default: false. */
  readonly own?: boolean
  /** What the services are told, by their names. One that is told something is started even where the variable gives one. */
  readonly options?: { readonly [Name in ServiceName]?: OptionsOf<Name> }
}

/** One service of a run. */
export interface RunningService {
  readonly name: ServiceName
  readonly address: string
  /** Whether its variable gave it: then it is somebody else's, and can't be killed here. */
  readonly given: boolean
  /** The id of the server's first process; undefined while it is down, and for one that was given. */
  readonly pid: number | undefined
  /** Sends a signal; SIGKILL (the default) goes to all of the server's processes. Resolves when it has ended, at once for SIGSTOP and SIGCONT. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Stops the server if it runs, starts it on the same ports and the same data, and waits until it answers. */
  restart(): Promise<void>
}

export interface RunningServices<Name extends ServiceName = ServiceName> {
  /** The variables that give these services to a process. */
  readonly env: Readonly<Record<string, string>>
  readonly addresses: { readonly [N in Name]: string }
  readonly services: { readonly [N in Name]: RunningService }
  /** Ends what was started and removes its data. */
  stop(): Promise<void>
}

/** A port that was free when it was chosen can be taken when the server listens. */
const START_ATTEMPTS = 3

/** Starts the named services, all at the same time, and waits until they answer. Nothing is left of them if one does not. */
export async function startServices<const Name extends ServiceName>(
  names: readonly Name[],
  options: StartOptions = {},
): Promise<RunningServices<Name>> {
  const log = options.log ?? ((line: string) => console.error(line))
  const run = new Run(log)
  try {
    const outcomes = await Promise.allSettled([...new Set(names)].map((name) => run.add(name, options)))
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  } catch (error) {
    await run.stop()
    throw error
  }
  const services = run.services as Record<Name, RunningService>
  const all = Object.values<RunningService>(services)
  return {
    env: Object.fromEntries(all.map(({ name, address }) => [SERVICES[name].variable, address])),
    addresses: Object.fromEntries(all.map(({ name, address }) => [name, address])) as Record<Name, string>,
    services,
    stop: () => run.stop(),
  }
}

class Run {
  readonly services: Partial<Record<ServiceName, RunningService>> = {}
  private readonly log: Log
  private readonly servers: Server[] = []
  private folder: Promise<string> | undefined
  private stopped: Promise<void> | undefined

  constructor(log: Log) {
    this.log = log
  }

  async add(name: ServiceName, options: StartOptions): Promise<void> {
    const service: Service = SERVICES[name]
    const address = process.env[service.variable]
    if (address !== undefined && address !== '' && !options.own && options.options?.[name] === undefined) {
      await checkGiven(service, address)
      this.services[name] = new Given(name, address)
      return
    }
    const program = await service.prepare(this.log)
    const time = stopwatch()
    this.folder ??= newFolder()
    const server = await Server.start(service, name, program, join(await this.folder, name), options.options?.[name] ?? {}, this.log)
    this.servers.push(server)
    this.services[name] = server
    this.log(`${name}: answers at ${server.address} after ${time()}`)
  }

  stop(): Promise<void> {
    this.stopped ??= this.stopAll()
    return this.stopped
  }

  private async stopAll(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()))
    if (this.folder === undefined) return
    await rm(await this.folder, { recursive: true, force: true, maxRetries: 5 })
    await releaseGuardian()
  }
}

async function newFolder(): Promise<string> {
  acquireGuardian()
  const folder = join(tmpdir(), `fnflow-services-${randomBytes(6).toString('hex')}`)
  // before it is there: this process may be killed at any time
  guardFolder(folder)
  await mkdir(folder)
  // The servers that run as a user of their own must get to their folders through this one, whatever the umask.
  await chmod(folder, 0o711)
  return folder
}

async function checkGiven({ name, variable, check }: Service, address: string): Promise<void> {
  try {
    await check(address)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(
      `${name} at ${withoutPassword(address)}, which ${variable} gives, does not answer: ${why}. Start it, or unset ${variable}`,
    )
  }
}

/** For messages, which end up in logs. */
function withoutPassword(address: string): string {
  return address.replace(/(:\/\/[^:/@]*):[^@]*@/, '$1:***@')
}

class Given implements RunningService {
  readonly name: ServiceName
  readonly address: string
  readonly given = true
  readonly pid = undefined

  constructor(name: ServiceName, address: string) {
    this.name = name
    this.address = address
  }

  kill(): Promise<void> {
    return this.refuse('killed')
  }

  restart(): Promise<void> {
    return this.refuse('restarted')
  }

  private refuse(what: string): Promise<never> {
    const { variable } = SERVICES[this.name]
    return Promise.reject(
      new Error(
        `${this.name} at ${withoutPassword(this.address)} is given by ${variable} and can't be ${what}: start one with { own: true }`,
      ),
    )
  }
}

class Server implements RunningService {
  readonly name: ServiceName
  readonly given = false
  private readonly service: Service
  private readonly launch: Launch
  private readonly logFile: string
  private readonly log: Log
  private process: ServerProcess | undefined

  private constructor(service: Service, name: ServiceName, launch: Launch, logFile: string, log: Log) {
    this.service = service
    this.name = name
    this.launch = launch
    this.logFile = logFile
    this.log = log
  }

  static async start(service: Service, name: ServiceName, program: string, parent: string, options: object, log: Log): Promise<Server> {
    await mkdir(parent)
    await chmod(parent, 0o711)
    for (let attempt = 1; ; attempt++) {
      const folder = join(parent, String(attempt))
      await mkdir(folder)
      const launch = await service.launch(program, { folder, port: freePort }, options)
      const server = new Server(service, name, launch, join(parent, `${attempt}.log`), log)
      try {
        await server.up()
        return server
      } catch (error) {
        await server.stop()
        const message = `${name} did not start: ${(error as Error).message}`
        if (attempt === START_ATTEMPTS) throw new Error(message)
        log(`${message}\n${name}: trying again on other ports`)
      }
    }
  }

  get address(): string {
    return this.launch.address
  }

  get pid(): number | undefined {
    return this.process?.running ? this.process.pid : undefined
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.process?.kill(signal)
  }

  async restart(): Promise<void> {
    await this.process?.stop(this.launch.stopSignal)
    await this.up()
  }

  /** For good: its data is of no more use. */
  async stop(): Promise<void> {
    await this.process?.stop(this.launch.quitSignal)
    await this.launch.sweep?.()
  }

  private async up(): Promise<void> {
    const server = await ServerProcess.start(this.launch, this.logFile)
    this.process = server
    let answered = false
    void server.ended.then((how) => {
      if (answered && !server.expectedToEnd) this.log(`${this.name}: ended by itself with ${how}${server.lastWords()}`)
    })
    await server.ready(() => this.service.check(this.address))
    answered = true
  }
}
