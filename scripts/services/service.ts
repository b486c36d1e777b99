/*
 * The contract of a real service that tests, bench and the conformance runner use. A new one is one file beside this one and its line
 * in `table.ts`: how its program comes here, how a server is started on free ports with its data in a given folder, and how to ask a
 * server whether it answers.
 */

/** Takes one line for people: what is being installed, built or started, and how long it took. */
export type Log = (line: string) => void

/** Where a server may put its data, and how it gets ports. */
export interface Place {
  /** An empty folder of the server's own. Other users may pass through it, but it belongs to this one. */
  readonly folder: string
  /** A port that is free now; never the same twice. */
  readonly port: () => Promise<number>
}

/** How to start a server, again and again: always the same ports and the same data. */
export interface Launch {
  /** What goes into the service's variable. */
  readonly address: string
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** For servers that refuse to run as root. */
  readonly user?: User
  /** The signal upon which the server ends in good order, its data complete. */
  readonly stopSignal: NodeJS.Signals
  /** The signal upon which it ends at once; its data may need recovery, but nothing of it is left outside of its folder. */
  readonly quitSignal: NodeJS.Signals
  /** Removes what a server that was killed leaves outside of its folder. */
  sweep?(): Promise<void>
}

export interface User {
  readonly uid: number
  readonly gid: number
}

/** What {@link Service.launch} may be told; each service declares its own. */
export type ServiceOptions = object

export interface Service<Name extends string = string, Options extends ServiceOptions = ServiceOptions> {
  readonly name: Name
  /** The environment variable that gives the address of a server that runs already. */
  readonly variable: `FNFLOW_TEST_${string}`
  /** How the address in {@link variable} looks. */
  readonly addressForm: string
  /** Finds the server's program; installs or builds it when it is missing. Throws a {@link MissingServiceError}. */
  prepare(log: Log): Promise<string>
  /** Makes the data that a first start needs. */
  launch(program: string, place: Place, options: Options): Promise<Launch>
  /** Resolves when the server at `address` answers; throws what went wrong otherwise. It is called until it resolves. */
  check(address: string): Promise<void>
}

/** Thrown when a service can be neither found nor installed nor built. Its message is one line that says what to install. */
export class MissingServiceError extends Error {
  override readonly name = 'MissingServiceError'

  constructor(service: Pick<Service, 'name' | 'variable' | 'addressForm'>, why: string, remedy: string) {
    super(`${service.name} can't be had: ${why}. ${remedy}, or give a running one: ${service.variable}=${service.addressForm}`)
  }
}
