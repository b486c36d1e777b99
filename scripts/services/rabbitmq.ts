/* RabbitMQ: Debian's package, but a node per start, with its data, its cookie and its port mapper (epmd) in the run's own folder. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { checkListening } from './ports.ts'
import { MissingServiceError, type Launch, type Log, type Place, type Service } from './service.ts'
import { canInstall, findPrograms, install, isExecutable, stopwatch } from './tools.ts'

export interface RabbitmqOptions {
  /** More lines of rabbitmq.conf, such as `consumer_timeout`. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
  /** Lines of the other configuration file, in Erlang: what rabbitmq.conf has no name for. */
  readonly advanced?: string
  /** Listens with TLS, too, on a port of its own; PEM texts. With `mutual`, clients must show a certificate of that authority. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string; readonly mutual?: boolean; readonly port: number }
  /** Users, virtual hosts and their permissions beside those that a new node has, as `rabbitmqctl export_definitions` writes them. */
  readonly definitions?: object
}

/** Not the one on the PATH, which changes the user and then cannot write to our folders. */
const DEBIAN = '/usr/lib/rabbitmq/bin'
const PACKAGE = 'rabbitmq-server'
const REMEDY = `Install RabbitMQ 3.10 or later (Debian: apt-get install ${PACKAGE})`
const CHECK_TIMEOUT_MS = 5_000

/** What every node is told; compose.yaml says the same where it matters. */
export const SETTINGS = {
  // The tests' own data is small, and a full disk would only block their publishers.
  'disk_free_limit.absolute': '1MB',
  'log.file.level': 'warning',
} as const

/*
 * The node would start an epmd that makes itself a daemon, nobody's child, and outlives it. So ours is there first; it ends with the node,
 * and with whoever kills this shell's tree. The node's own script waits for the node when it is asked to end.
 */
const SCRIPT = `
"$1" -address 127.0.0.1 -port "$ERL_EPMD_PORT" & epmd=$!
i=0
until "$1" -port "$ERL_EPMD_PORT" -names >/dev/null 2>&1 || [ $i -ge 100 ]; do i=$((i+1)); sleep 0.1; done
"$2" & node=$!
trap 'kill -TERM "$node"' TERM
wait "$node"; code=$?
# a signal that was trapped has ended the wait, not the node
while kill -0 "$node" 2>/dev/null; do wait "$node"; code=$?; done
kill -TERM "$epmd"
exit "$code"`

export const rabbitmq: Service<'rabbitmq', RabbitmqOptions> = {
  name: 'rabbitmq',
  variable: 'FNFLOW_TEST_RABBITMQ',
  addressForm: 'amqp://user:password@host:port/vhost',

  prepare: (log) => findOrInstall(log),

  async launch(program: string, { folder, port }: Place, { settings = {}, advanced, tls, definitions }): Promise<Launch> {
    // Every port is told, so that none is taken that others use by default, and a restart finds the same ones.
    const [amqp, distribution, mapper] = [await port(), await port(), await port()]
    const at = (...names: string[]): string => join(folder, ...names)
    for (const name of ['home', 'data', 'log']) await mkdir(at(name), { mode: 0o700 })
    const files: Record<string, string> = {}
    if (tls !== undefined) Object.assign(files, { 'ca.pem': tls.ca, 'cert.pem': tls.cert, 'key.pem': tls.key })
    if (definitions !== undefined) files['definitions.json'] = JSON.stringify(definitions)
    if (advanced !== undefined) files['advanced.config'] = advanced
    const lines = {
      'listeners.tcp.1': `127.0.0.1:${amqp}`,
      ...SETTINGS,
      ...(definitions === undefined ? {} : { load_definitions: at('definitions.json') }),
      ...(tls === undefined ? {} : tlsSettings(tls, at)),
      ...settings,
    }
    files['rabbitmq.conf'] = Object.entries(lines)
      .map(([name, value]) => `${name} = ${value}\n`)
      .join('')
    for (const [name, text] of Object.entries(files)) await writeFile(at(name), text, { mode: 0o600 })
    return {
      address: `amqp://guest:guest@127.0.0.1:${amqp}/`,
      command: '/bin/sh',
      args: ['-c', SCRIPT, 'fnflow-rabbitmq', findEpmd(), program],
      cwd: folder,
      env: {
        // of the Erlang cookie
        HOME: at('home'),
        RABBITMQ_NODENAME: `fnflow-${amqp}@localhost`,
        RABBITMQ_MNESIA_BASE: at('data'),
        RABBITMQ_LOG_BASE: at('log'),
        RABBITMQ_CONFIG_FILE: at('rabbitmq.conf'),
        RABBITMQ_ADVANCED_CONFIG_FILE: at('advanced.config'),
        RABBITMQ_ENABLED_PLUGINS_FILE: at('enabled_plugins'),
        RABBITMQ_FEATURE_FLAGS_FILE: at('feature_flags'),
        RABBITMQ_PID_FILE: at('pid'),
        RABBITMQ_GENERATED_CONFIG_DIR: at('generated'),
        RABBITMQ_CONF_ENV_FILE: at('none'),
        RABBITMQ_DIST_PORT: String(distribution),
        ERL_EPMD_PORT: String(mapper),
        ERL_EPMD_ADDRESS: '127.0.0.1',
      },
      stopSignal: 'SIGTERM',
      quitSignal: 'SIGKILL',
    }
  },

  async check(address) {
    const { hostname, port } = new URL(address)
    // A client that finds nobody is slower to say so.
    if (port !== '') await checkListening(`${hostname}:${port}`)
    const { connect } = await import('amqplib')
    const connection = await connect(address, { timeout: CHECK_TIMEOUT_MS })
    connection.on('error', () => undefined)
    await connection.close()
  },
}

function tlsSettings({ port, mutual = false }: NonNullable<RabbitmqOptions['tls']>, at: (name: string) => string) {
  return {
    'listeners.ssl.1': `127.0.0.1:${port}`,
    'ssl_options.cacertfile': at('ca.pem'),
    'ssl_options.certfile': at('cert.pem'),
    'ssl_options.keyfile': at('key.pem'),
    'ssl_options.verify': mutual ? 'verify_peer' : 'verify_none',
    'ssl_options.fail_if_no_peer_cert': mutual,
  }
}

/** The script that starts a node. */
export async function findOrInstall(log: Log, folder = DEBIAN): Promise<string> {
  const program = join(folder, 'rabbitmq-server')
  if (isExecutable(program)) return program
  const missing = `there is no ${program}`
  if (!canInstall()) throw new MissingServiceError(rabbitmq, missing, REMEDY)
  const time = stopwatch()
  log(`rabbitmq: installing the package ${PACKAGE}, once: some 15 s`)
  const problem = await install(PACKAGE)
  if (problem !== undefined) throw new MissingServiceError(rabbitmq, `${missing}; ${problem}`, REMEDY)
  log(`rabbitmq: installed in ${time()}`)
  if (!isExecutable(program)) throw new MissingServiceError(rabbitmq, `${missing}, not after installing ${PACKAGE} either`, REMEDY)
  return program
}

/** A part of Erlang, which the package brings along. */
function findEpmd(): string {
  return findPrograms('epmd', ['/usr/bin', '/usr/lib/erlang/bin'])[0] ?? 'epmd'
}
