/*
 * Kafka: one node that is broker and controller. Its jars come by Maven, once, from the versions that kafka/pom.xml pins; Java and Maven
 * themselves are the machine's, or Debian's packages.
 */
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mendRequestQueue } from '../../connectors/kafka/mend.ts'
import { cached } from './build-cache.ts'
import { checkListening } from './ports.ts'
import { MissingServiceError, type Launch, type Log, type Place, type Service } from './service.ts'
import { canInstall, findPrograms, install, lastLine, run, stopwatch } from './tools.ts'

export interface KafkaOptions {
  /** More lines of server.properties. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
  /** Listens with SASL (plain, SCRAM-SHA-256, SCRAM-SHA-512), too, on ports of its own. */
  readonly secure?: SecureOptions
  /** Listens on one more port, and sends clients that find it there to another: behind which a test has a proxy. */
  readonly proxied?: { readonly port: number; readonly advertised: number }
}

interface SecureOptions {
  readonly username: string
  readonly password: string
  /** SASL without TLS. */
  readonly saslPort: number
  /** SASL over TLS. */
  readonly saslTlsPort: number
  /** TLS, where clients must show a certificate of that authority. */
  readonly mutualTlsPort: number
  /** PEM texts. */
  readonly ca: string
  readonly cert: string
  readonly key: string
}

const MODULE = join(import.meta.dirname, 'kafka')
const PACKAGE = 'maven'
const OLDEST_JAVA = 17
const REMEDY = `Install Java ${OLDEST_JAVA} or later and Maven (Debian: apt-get install ${PACKAGE})`
const JAVA_FOLDERS = process.env['JAVA_HOME'] ? [join(process.env['JAVA_HOME'], 'bin')] : []
const CHECK_TIMEOUT_MS = 5_000
/** Enough for tests, and started soon: what the second compiler would gain, a short run does not get back. */
const JAVA_OPTIONS = ['-Xms128m', '-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Djava.net.preferIPv4Stack=true']

/** What every broker is told; compose.yaml says the same where it matters. */
export const SETTINGS = {
  'offsets.topic.replication.factor': 1,
  'offsets.topic.num.partitions': 1,
  'transaction.state.log.replication.factor': 1,
  'transaction.state.log.min.isr': 1,
  'transaction.state.log.num.partitions': 1,
  'share.coordinator.state.topic.replication.factor': 1,
  'share.coordinator.state.topic.min.isr': 1,
  // nobody waits for more consumers that are not to come
  'group.initial.rebalance.delay.ms': 0,
  // tests kill consumers and do not wait until that is believed
  'group.min.session.timeout.ms': 100,
  // one that was killed comes back as another, which waits for the session of the first
  'broker.heartbeat.interval.ms': 500,
  'broker.session.timeout.ms': 2500,
  // an unknown topic is one
  'auto.create.topics.enable': false,
  // events have up to 6 MiB
  'message.max.bytes': 16_777_216,
  'replica.fetch.max.bytes': 16_777_216,
} as const

export const kafka: Service<'kafka', KafkaOptions> = {
  name: 'kafka',
  variable: 'FNFLOW_TEST_KAFKA',
  addressForm: 'host:port',

  async prepare(log) {
    const { java, maven } = await findTools(log)
    const pom = readFileSync(join(MODULE, 'pom.xml'))
    const name = `kafka-${createHash('sha256').update(pom).digest('hex').slice(0, 16)}`
    const jars = await cached(
      name,
      (path) => fetchJars(maven, path, log),
      (holder) => log(`kafka: process ${holder} is fetching the broker; waiting for it`),
    )
    return [java, jars].join('\n')
  },

  async launch(program: string, { folder, port }: Place, { settings = {}, secure, proxied }): Promise<Launch> {
    const [java = '', jars = ''] = program.split('\n')
    const [plain, controller] = [await port(), await port()]
    const data = join(folder, 'data')
    const lines = {
      'process.roles': 'broker,controller',
      'node.id': 1,
      'controller.quorum.voters': `1@127.0.0.1:${controller}`,
      'controller.listener.names': 'CONTROLLER',
      'log.dirs': data,
      ...listeners({ PLAINTEXT: plain, CONTROLLER: controller }, secure, proxied),
      ...SETTINGS,
      ...settings,
    }
    const file = join(folder, 'server.properties')
    const text = Object.entries(lines).map(([name, value]) => `${name}=${String(value).replaceAll('\n', '\\n')}\n`)
    await writeFile(file, text.join(''), { mode: 0o600 })
    const args = [...JAVA_OPTIONS, '-cp', join(jars, '*')]
    if (secure === undefined) await format(data)
    else await formatWithUsers([java, ...args], data, file, secure)
    return {
      address: `127.0.0.1:${plain}`,
      command: java,
      args: [...args, 'kafka.Kafka', file],
      cwd: folder,
      stopSignal: 'SIGTERM',
      quitSignal: 'SIGKILL',
    }
  },

  async check(address) {
    // A client that finds nobody tries for a while before it says so.
    await checkListening(address)
    const { Kafka, logLevel } = await import('kafkajs')
    mendRequestQueue()
    const client = new Kafka({
      brokers: [address],
      logLevel: logLevel.NOTHING,
      connectionTimeout: CHECK_TIMEOUT_MS,
      requestTimeout: CHECK_TIMEOUT_MS,
      retry: { retries: 0 },
    })
    const admin = client.admin()
    try {
      await admin.connect()
      if ((await admin.describeCluster()).brokers.length === 0) throw new Error('there is no broker in the cluster')
    } finally {
      await admin.disconnect()
    }
  },
}

function listeners(
  own: Readonly<Record<string, number>>,
  secure: KafkaOptions['secure'],
  proxied: KafkaOptions['proxied'],
): Record<string, string> {
  const ports = {
    ...own,
    ...(secure === undefined ? {} : { SASL_PLAINTEXT: secure.saslPort, SASL_SSL: secure.saslTlsPort, SSL: secure.mutualTlsPort }),
    ...(proxied === undefined ? {} : { PROXIED: proxied.port }),
  }
  // certificates are made out to a name
  const at = (name: string, port: number): string => `${name}://${name.endsWith('SSL') ? 'localhost' : '127.0.0.1'}:${port}`
  const entries = Object.entries(ports)
  const advertised = entries.filter(([name]) => name !== 'CONTROLLER')
  return {
    ...(secure === undefined ? {} : securitySettings(secure)),
    listeners: entries.map(([name, port]) => at(name, port)).join(','),
    'advertised.listeners': advertised.map(([name, port]) => at(name, name === 'PROXIED' ? proxied!.advertised : port)).join(','),
    'listener.security.protocol.map': entries
      .map(([name]) => `${name}:${name in own || name === 'PROXIED' ? 'PLAINTEXT' : name}`)
      .join(','),
  }
}

function securitySettings({ username, password, ca, cert, key }: SecureOptions): Record<string, string> {
  const modules = {
    plain: `plain.PlainLoginModule required user_${username}="${password}"`,
    'scram-sha-256': 'scram.ScramLoginModule required',
    'scram-sha-512': 'scram.ScramLoginModule required',
  }
  const logins = ['sasl_plaintext', 'sasl_ssl'].flatMap((listener) =>
    Object.entries(modules).map(([mechanism, module]) => [
      `listener.name.${listener}.${mechanism}.sasl.jaas.config`,
      `org.apache.kafka.common.security.${module};`,
    ]),
  )
  return {
    ...Object.fromEntries(logins),
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.certificate.chain': cert,
    'ssl.keystore.key': key,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.certificates': ca,
    'listener.name.ssl.ssl.client.auth': 'required',
  }
}

/** What the broker's own tool would write, which takes as long as the broker's start. */
async function format(data: string): Promise<void> {
  await mkdir(data, { mode: 0o700 })
  await writeFile(join(data, 'meta.properties'), `version=1\ncluster.id=${newId()}\nnode.id=1\ndirectory.id=${newId()}\n`)
}

/** The storage tool takes one that begins with - for an option. */
function newId(): string {
  const id = randomBytes(16).toString('base64url')
  return id.startsWith('-') ? newId() : id
}

/** Users of SCRAM are data. */
async function formatWithUsers(java: readonly string[], data: string, file: string, { username, password }: SecureOptions): Promise<void> {
  const users = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
    '--add-scram',
    `${mechanism}=[name=${username},password=${password}]`,
  ])
  const [command = '', ...args] = [...java, 'kafka.tools.StorageTool', 'format', '-t', newId(), '-c', file, ...users]
  const { code, stderr } = await run(command, args, { guarded: true })
  if (code !== 0) throw new Error(`the storage tool failed in ${data}: ${lastLine(stderr)}`)
}

async function fetchJars(maven: string, path: string, log: Log): Promise<void> {
  const time = stopwatch()
  log('kafka: fetching the broker, once: some 15 s')
  mkdirSync(path)
  const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${path}`, '-DincludeScope=runtime']
  const { code, stdout, stderr } = await run(maven, ['-q', '-B', '-f', join(MODULE, 'pom.xml'), ...goal], { guarded: true })
  if (code !== 0) {
    const why = stdout.split('\n').find((line) => line.startsWith('[ERROR]')) ?? lastLine(stderr)
    throw new MissingServiceError(kafka, `${maven} failed in ${MODULE} (${lastLine(why)})`, REMEDY)
  }
  log(`kafka: fetched in ${time()}`)
}

/** Java and Maven: those that are there or, where they may be installed, Debian's. */
export async function findTools(log: Log, folders = JAVA_FOLDERS): Promise<{ readonly java: string; readonly maven: string }> {
  const tried: string[] = []
  const look = async () => {
    tried.length = 0
    const maven = findPrograms('mvn')[0]
    if (maven === undefined) tried.push('there is no mvn on the PATH')
    const java = await findJava(folders, tried)
    return java === undefined || maven === undefined ? undefined : { java, maven }
  }
  const found = await look()
  if (found !== undefined) return found
  if (!canInstall()) throw new MissingServiceError(kafka, tried.join('; '), REMEDY)
  const time = stopwatch()
  log(`kafka: installing the package ${PACKAGE}, once: some 30 s`)
  const problem = await install(PACKAGE)
  const installed = problem === undefined ? await look() : undefined
  if (installed === undefined) {
    tried.push(problem ?? `apt-get installed ${PACKAGE}, but that is no help`)
    throw new MissingServiceError(kafka, tried.join('; '), REMEDY)
  }
  log(`kafka: installed in ${time()}`)
  return installed
}

async function findJava(folders: readonly string[], tried: string[]): Promise<string | undefined> {
  const all = findPrograms('java', folders)
  if (all.length === 0) tried.push('there is no java on the PATH')
  for (const java of all) {
    const { stderr } = await run(java, ['-version'])
    const version = Number(/version "(\d+)/.exec(stderr)?.[1])
    if (version >= OLDEST_JAVA) return java
    tried.push(`${java} is ${Number.isNaN(version) ? 'of unknown version' : `Java ${version}`}, older than ${OLDEST_JAVA}`)
  }
  return undefined
}
