import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { clusterPlace } from '../../cli/cluster.ts'
import { readConfig } from '../../cli/config.ts'
import { fnflow, folderWith, lastLine } from './support.ts'

/** The example of the specification (cli.md). */
const WHOLE = `
engine: temporal
store: postgres://me@localhost/flows
temporal: { address: temporal:7233, namespace: shop, taskQueue: orders, tls: null, apiKey: { from: env, name: TEMPORAL_API_KEY } }
server: { host: 127.0.0.1, port: 8900, publicUrl: null, keys: [], cors: [], trustProxy: false, shutdownTimeout: 20s, rateLimit: null, allowedHosts: [], outbound: { allowPrivate: [] }, jwt: null }
flows: ./flows
functions: ./functions.yaml
timezone: UTC
retention: 90d
connections: { main: { kind: kafka, brokers: [localhost:9092] } }
channels: { orders: { connection: main, topic: order-events } }
limits: { executions: 1000000, startsPerSecond: 0, instances: 400, memory: 16384 }
asyncRetryInterval: 1m
gpus: auto
telemetry: { logs: json, otlp: null }
`
const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'

describe('fnflow.yaml', () => {
  it('is read, paths relative to it', async () => {
    const folder = folderWith({ 'fnflow.yaml': WHOLE })
    expect(await readConfig(join(folder, 'fnflow.yaml'), {})).toEqual({
      engine: 'temporal',
      connections: { main: { kind: 'kafka', brokers: ['localhost:9092'], tls: false } },
      channels: { orders: { connection: 'main', topic: 'order-events' } },
      store: 'postgres://me@localhost/flows',
      'temporal.address': 'temporal:7233',
      'temporal.namespace': 'shop',
      'temporal.taskQueue': 'orders',
      'temporal.tls': false,
      'temporal.apiKey': undefined,
      'server.host': '127.0.0.1',
      'server.port': 8900,
      'server.publicUrl': undefined,
      'server.keys': [],
      'server.cors': [],
      'server.trustProxy': false,
      'server.shutdownTimeout': 20_000,
      'server.rateLimit': undefined,
      'server.allowedHosts': [],
      'server.outbound.allowPrivate': [],
      'server.jwt': undefined,
      flows: [join(folder, 'flows')],
      functions: [join(folder, 'functions.yaml')],
      timezone: 'UTC',
      retention: 90 * 86_400_000,
      'limits.executions': 1_000_000,
      'limits.startsPerSecond': 0,
      'limits.instances': 400,
      'limits.memory': 16_384,
      asyncRetryInterval: 60_000,
      'telemetry.logs': 'json',
      'telemetry.otlp': undefined,
    })
    expect(await readConfig(join(folder, 'fnflow.yaml'), { TEMPORAL_API_KEY: 'sesame' })).toMatchObject({ 'temporal.apiKey': 'sesame' })
  })

  it('may be empty', async () => {
    expect(await readConfig(join(folderWith({ 'fnflow.yaml': '# nothing yet\n' }), 'fnflow.yaml'), {})).toEqual({})
  })

  it('names secrets and certificates by where they are', async () => {
    const folder = folderWith({
      'fnflow.yaml': `
store: { from: file, name: url }
temporal:
  apiKey: { from: env, name: KEY }
  tls: { ca: certificates/ca.pem, cert: { from: env, name: CERT }, key: { from: file, name: certificates/ca.pem }, serverName: temporal }
`,
      url: 'postgres://me:sesame@localhost/flows\n',
      'certificates/ca.pem': PEM,
    })
    expect(await readConfig(join(folder, 'fnflow.yaml'), { KEY: 'key', CERT: PEM })).toEqual({
      store: 'postgres://me:sesame@localhost/flows',
      'temporal.apiKey': 'key',
      'temporal.tls.ca': PEM,
      'temporal.tls.cert': PEM,
      'temporal.tls.key': PEM.trimEnd(),
      'temporal.tls.serverName': 'temporal',
    })
  })

  it('has connections, whose parts may be secrets, and channels over them', async () => {
    const folder = folderWith({
      'fnflow.yaml': `
connections:
  main: { kind: kafka, brokers: [a:9092], sasl: { mechanism: plain, username: u, password: { from: env, name: PASSWORD } }, tls: { ca: ca.pem } }
  mq: { kind: rabbitmq, url: { from: file, name: url } }
channels:
  orders: { connection: main, topic: order-events, mode: structured }
  mail: { connection: mq, exchange: mail, routingKey: new }
`,
      url: 'amqp://u:sesame@h\n',
      'ca.pem': PEM,
    })
    expect(await readConfig(join(folder, 'fnflow.yaml'), { PASSWORD: 'sesame' })).toEqual({
      connections: {
        main: { kind: 'kafka', brokers: ['a:9092'], sasl: { mechanism: 'plain', username: 'u', password: 'sesame' }, tls: { ca: PEM } },
        mq: { kind: 'rabbitmq', url: 'amqp://u:sesame@h', tls: false },
      },
      channels: {
        orders: { connection: 'main', topic: 'order-events', mode: 'structured' },
        mail: { connection: 'mq', exchange: 'mail', routingKey: 'new' },
      },
    })
  })

  it('gives way to the environment, whose empty variables are none', async () => {
    const file = join(folderWith({ 'fnflow.yaml': `${WHOLE}`, 'ca.pem': PEM }), 'fnflow.yaml')
    const env = {
      FNFLOW_STORE: 'postgres://other@localhost/flows',
      FNFLOW_TEMPORAL_ADDRESS: 'elsewhere:7233',
      FNFLOW_TEMPORAL_TASKQUEUE: 'other',
      FNFLOW_TEMPORAL_NAMESPACE: '',
      FNFLOW_TEMPORAL_TLS: 'true',
      FNFLOW_TEMPORAL_APIKEY: 'sesame',
      FNFLOW_RETENTION: '12h',
      FNFLOW_TEST_TEMPORAL: 'not:ours',
      FNFLOW_SERVER: 'http://of.the/client',
      FNFLOW_KEY: 'of the client',
      FNFLOW_SERVER_PORT: '80',
      FNFLOW_SERVER_CORS: 'https://a.example, https://b.example',
      FNFLOW_SERVER_TRUSTPROXY: '2',
      FNFLOW_SERVER_OUTBOUND_ALLOWPRIVATE: '10.0.0.0/8,localhost',
      FNFLOW_SERVER_RATELIMIT: '{"max": 5}',
      FNFLOW_SERVER_KEYS: '[{"name": "ci", "role": "viewer", "flows": ["a"], "key": "0123456789abcdef"}]',
      FNFLOW_LIMITS_INSTANCES: '3',
    }
    expect(await readConfig(file, env)).toMatchObject({
      store: 'postgres://other@localhost/flows',
      'temporal.address': 'elsewhere:7233',
      'temporal.namespace': 'shop',
      'temporal.taskQueue': 'other',
      'temporal.tls': true,
      'temporal.apiKey': 'sesame',
      retention: 43_200_000,
      'server.port': 80,
      'server.cors': ['https://a.example', 'https://b.example'],
      'server.trustProxy': 2,
      'server.outbound.allowPrivate': ['10.0.0.0/8', 'localhost'],
      'server.rateLimit': { max: 5, windowMs: 60_000 },
      'server.keys': [{ name: 'ci', role: 'viewer', flows: ['a'], key: '0123456789abcdef' }],
      'limits.instances': 3,
    })
  })

  it("a server's keys are secrets, which its workers need not have", async () => {
    const text = 'server: { keys: [{ name: ops, role: operator, key: { from: env, name: OPS_KEY } }] }'
    const file = join(folderWith({ 'fnflow.yaml': text }), 'fnflow.yaml')
    const env = { OPS_KEY: '0123456789abcdef' }
    expect(await readConfig(file, env, { isServer: true })).toEqual({
      'server.keys': [{ name: 'ops', role: 'operator', key: env.OPS_KEY }],
    })
    expect(await readConfig(file, {})).toEqual({})
    await expect(readConfig(file, {}, { isServer: true })).rejects.toMatchObject({
      exitCode: 2,
      document: { diagnostics: [{ line: 1, message: 'server.keys[0].key: the environment variable OPS_KEY is not set' }] },
    })
  })

  it('a secret that is not set does not matter where a variable stands for it', async () => {
    const file = join(folderWith({ 'fnflow.yaml': 'store: { from: env, name: NOBODY_SET_IT }' }), 'fnflow.yaml')
    expect(await readConfig(file, { FNFLOW_STORE: 'postgres://x/y' })).toEqual({ store: 'postgres://x/y' })
  })
})

describe('what is wrong with it', () => {
  const findings = async (text: string, env: NodeJS.ProcessEnv = {}): Promise<string[]> => {
    const cwd = folderWith({ 'fnflow.yaml': text })
    const { code, stdout, stderr } = await fnflow(['worker'], { cwd, env })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    return stderr.trimEnd().split('\n')
  }

  it('is said at once, with file, line and column', async () => {
    const lines = await findings(`engine: fast
stroe: postgres://me:sesame@x/y
temporal:
  adress: localhost
  namespace: 3
  tls: { ca: nowhere.pem, certificate: x }
retention: soon
functions: []
flows: [a, 3]
server:
  port: "80"
  hosts: [x]
  keys: [{ name: a, role: boss, key: 0123456789abcdef }, { name: b }, x, { name: b, role: viewer, key: 0123456789abcdef, flow: c }]
  allowedHosts: [ok.example, 'http://x']
  trustProxy: [10.0.0.0/33]
  rateLimit: { max: 0 }
  publicUrl: flows.example
timezone: +02:00
limits: 1
telemetry: { logs: xml }
`)
    expect(lines).toEqual([
      'fnflow.yaml:1:9 schema engine: expected embedded or temporal, not "fast"',
      'fnflow.yaml:2:1 schema unknown key stroe; did you mean "store"?',
      'fnflow.yaml:4:3 schema unknown key temporal.adress; did you mean "address"?',
      'fnflow.yaml:5:14 schema temporal.namespace: expected the name of a namespace, not 3',
      expect.stringMatching(/^fnflow\.yaml:6:14 schema temporal\.tls\.ca: there is no file .*nowhere\.pem$/),
      'fnflow.yaml:6:27 schema unknown key temporal.tls.certificate; there are ca, cert, key, serverName',
      'fnflow.yaml:7:12 schema retention: expected a duration such as 90d or 12h, or seconds, not "soon"',
      'fnflow.yaml:8:12 schema functions: expected the path of a functions.yaml, not a list',
      'fnflow.yaml:9:12 schema flows[1]: expected the folder of the flows, not 3',
      'fnflow.yaml:11:9 schema server.port: expected a port from 0 to 65535, not "80"',
      'fnflow.yaml:12:3 schema unknown key server.hosts; did you mean "host"?',
      'fnflow.yaml:13:27 schema server.keys[0].role: expected viewer, operator or admin',
      'fnflow.yaml:14:30 schema server.allowedHosts[1]: expected hosts such as flows.example.com, not "http://x"',
      'fnflow.yaml:15:16 schema server.trustProxy[0]: expected addresses or networks, such as 10.0.0.0/8, not "10.0.0.0/33"',
      'fnflow.yaml:16:21 schema server.rateLimit.max: expected a number of requests from 1, not 0',
      'fnflow.yaml:17:14 schema server.publicUrl: expected the URL under which others reach the server, such as https://flows.example.com, not "flows.example"',
      'fnflow.yaml:18:11 schema timezone: expected the name of a time zone, such as UTC or Europe/Berlin, not "+02:00"',
      'fnflow.yaml:19:9 schema limits: expected a mapping of executions, startsPerSecond, instances, memory, not 1',
      'fnflow.yaml:20:20 schema telemetry.logs: expected json or text, not "xml"',
      expect.stringMatching(/^error: ConfigInvalid \(400\): fnflow\.yaml is no configuration: 19 errors$/),
    ])
  })

  it.each([
    [
      '- engine',
      /^fnflow\.yaml:1:1 schema the configuration: expected a mapping of engine, store, temporal, server, flows, functions, .*, not a list/,
    ],
    [
      'temporal: localhost',
      /^fnflow\.yaml:1:11 schema temporal: expected a mapping of address, namespace, taskQueue, tls, apiKey, not "localhost"/,
    ],
    ['engine: [', /^fnflow\.yaml:\d+:\d+ syntax /],
    ['engine: temporal\nengine: embedded', /^fnflow\.yaml:2:1 duplicate-key /],
    ['store: { from: env, name: NOBODY_SET_IT }', /^fnflow\.yaml:1:8 schema store: the environment variable NOBODY_SET_IT is not set/],
    [
      'store: { from: vault, name: X }',
      /^fnflow\.yaml:1:8 schema store: expected a folder, or the URL of a PostgreSQL database, not a mapping/,
    ],
    [
      'temporal: { tls: yes please }',
      /^fnflow\.yaml:1:18 schema temporal\.tls: expected true, false or \{ ca, cert, key, serverName \}, not "yes please"/,
    ],
    [
      'server: { keys: [{ role: viewer }] }',
      /^fnflow\.yaml:1:18 schema server\.keys\[0\]\.name: expected a name of the key, and it is missing/,
    ],
    [
      'server: { keys: [{ name: a, role: viewer, key: 0123456789abcdef, flow: x }] }',
      /^fnflow\.yaml:1:66 schema server\.keys: unknown key flow; there are name, role, flows, key/,
    ],
    [
      'server: { keys: [{ name: a, role: viewer, key: sesame }] }',
      /^fnflow\.yaml:1:48 schema server\.keys\[0\]\.key: expected a key of at least 16 characters(?!.*sesame)/,
    ],
    [
      'server: { jwt: { issuer: x } }',
      /^fnflow\.yaml:1:16 schema server\.jwt\.audience: expected the audience of the tokens, and it is missing/,
    ],
  ])('%j', async (text, message) => {
    expect((await findings(text))[0]).toMatch(message)
  })

  it('a store is not repeated: it may hold a password', async () => {
    expect((await findings('store: mysql://me:sesame@localhost/x')).join('\n')).toMatch(
      /^error: --store must be the URL of a PostgreSQL database(?!.*sesame)/,
    )
  })

  it('a configuration for one machine has no workers', async () => {
    expect((await findings('engine: embedded'))[0]).toMatch(/^error: .*engine: embedded, which has no workers/)
  })

  it('a file that is named and not there', async () => {
    const { code, stderr } = await fnflow(['worker', '--config', 'nowhere.yaml'])
    expect(code).toBe(2)
    expect(stderr).toMatch(/^error: no configuration file nowhere\.yaml/)
  })

  it('a variable is named', async () => {
    expect((await findings('', { FNFLOW_RETENTION: 'soon' }))[0]).toBe(
      'error: FNFLOW_RETENTION: expected a duration such as 90d or 12h, or seconds, not "soon"',
    )
    expect((await findings('', { FNFLOW_TEMPORAL_TLS_CA: 'nowhere.pem' }))[0]).toMatch(
      /^error: FNFLOW_TEMPORAL_TLS_CA: there is no file .*nowhere\.pem$/,
    )
  })

  it('with --json the last line of stderr has all findings', async () => {
    const cwd = folderWith({ 'fnflow.yaml': 'stroe: x\nengine: fast\n' })
    expect(lastLine(await fnflow(['worker', '--json'], { cwd }))).toMatchObject({
      errorType: 'ConfigInvalid',
      diagnostics: [
        { file: 'fnflow.yaml', line: 1, column: 1, rule: 'schema' },
        { file: 'fnflow.yaml', line: 2, column: 9 },
      ],
    })
  })
})

describe('options', () => {
  const config = { store: 'postgres://a/b', 'temporal.address': 'configured:1', 'temporal.tls': true, 'temporal.apiKey': 'configured' }

  it('come before variables and configuration', () => {
    const flags = { store: 'postgres://c/d', address: 'given:1', namespace: 'given', taskQueue: 'given', scope: 's', payloads: './p' }
    expect(clusterPlace(flags, config, {})).toEqual({
      store: 'postgres://c/d',
      temporal: {
        address: 'given:1',
        namespace: 'given',
        taskQueue: 'given',
        scope: 's',
        payloads: './p',
        tls: true,
        apiKey: 'configured',
      },
    })
    expect(clusterPlace({}, config, { TEMPORAL_API_KEY: 'variable' })).toEqual({
      store: 'postgres://a/b',
      temporal: { address: 'configured:1', tls: true, apiKey: 'configured' },
    })
  })

  it('without any, what is left to the engine is left out', () => {
    expect(clusterPlace({ store: 'postgres://c/d' }, {}, { TEMPORAL_API_KEY: '' })).toEqual({ store: 'postgres://c/d', temporal: {} })
    expect(clusterPlace({ store: 'postgresql://c/d' }, {}, { TEMPORAL_API_KEY: 'k' })).toEqual({
      store: 'postgresql://c/d',
      temporal: { apiKey: 'k' },
    })
  })

  it('certificates are read from files, and go together with those of the configuration', () => {
    const folder = folderWith({ 'ca.pem': PEM, 'me.pem': 'no certificate' })
    expect(clusterPlace({ store: 'postgres://c/d', tlsCa: join(folder, 'ca.pem') }, { 'temporal.tls.serverName': 'temporal' }, {})).toEqual(
      {
        store: 'postgres://c/d',
        temporal: { tls: { ca: PEM, serverName: 'temporal' } },
      },
    )
    expect(() => clusterPlace({ store: 'postgres://c/d', tlsCert: join(folder, 'me.pem') }, {}, {})).toThrow(
      /^--tls-cert: the file .*me\.pem is not PEM/,
    )
    expect(() => clusterPlace({ store: 'postgres://c/d', tlsKey: join(folder, 'no.key') }, {}, {})).toThrow(
      /^--tls-key: there is no file .*no\.key$/,
    )
  })
})
