import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { Client, credentials, Server as GrpcServer, ServerCredentials, type handleUnaryCall } from '@grpc/grpc-js'
import { temporal as temporalProto } from '@temporalio/proto'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createEngine, type Engine, type EngineOptions } from '../../../engine/index.ts'
import { isSupported } from '../../../engine/temporal/connect.ts'
import { normalizeSpec } from '../../../executors/function-spec.ts'
import { newAuthority, tlsInFrontOf } from './certificates.ts'
import { newDatabase, newNamespace, temporalServices } from './services.ts'

const { address } = temporalServices()
let store = ''
let namespace = ''
beforeAll(async () => {
  ;[store, namespace] = await Promise.all([newDatabase(), newNamespace()])
})

/** Whatever it is, it is said within this. */
const PATIENCE_MS = 60_000

/** What an engine is refused with; one that is made all the same is closed. */
async function refusal(temporal: NonNullable<EngineOptions['temporal']>, more: EngineOptions = {}): Promise<unknown> {
  const began = performance.now()
  try {
    await (await createEngine({ engine: 'temporal', store, temporal: { address, namespace, ...temporal }, ...more })).close()
  } catch (error) {
    expect(performance.now() - began).toBeLessThan(PATIENCE_MS)
    return error
  }
  throw new Error('it was not refused')
}

const servers: Server[] = []
const sockets = new Set<Socket>()
afterAll(() => {
  for (const socket of sockets) socket.destroy()
  for (const server of servers) server.close()
})

/** Accepts connections and does `answer` with each. Resolves to its address. */
async function listener(answer: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    answer(socket)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** The real server behind a proxy that says another version. */
async function oldServer(serverVersion: string): Promise<{ readonly address: string; readonly asked: string[] }> {
  const asked: string[] = []
  const behind = new Client(address, credentials.createInsecure())
  const server = new GrpcServer({ 'grpc.max_receive_message_length': -1 })
  const { GetSystemInfoResponse } = temporalProto.api.workflowservice.v1
  for (const [service, methods] of Object.entries(METHODS)) {
    const plain = (value: Buffer): Buffer => value
    const definition = Object.fromEntries(
      methods.map((name) => [
        name,
        {
          path: `/${service}/${name}`,
          requestStream: false,
          responseStream: false,
          ...{ requestSerialize: plain, requestDeserialize: plain, responseSerialize: plain, responseDeserialize: plain },
        },
      ]),
    )
    const implementation = Object.fromEntries(
      methods.map((name): [string, handleUnaryCall<Buffer, Buffer>] => [
        name,
        ({ request, metadata }, respond) => {
          asked.push(name)
          behind.makeUnaryRequest(`/${service}/${name}`, plain, plain, request, metadata, (error, response) => {
            if (error !== null || response === undefined) return respond(error)
            if (name !== 'GetSystemInfo') return respond(null, response)
            const info = { ...GetSystemInfoResponse.decode(response), serverVersion }
            respond(null, Buffer.from(GetSystemInfoResponse.encode(info).finish()))
          })
        },
      ]),
    )
    server.addService(definition, implementation)
  }
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  )
  onTestFinished(() => {
    server.forceShutdown()
    behind.close()
  })
  return { address: `127.0.0.1:${port}`, asked }
}

const METHODS = {
  'temporal.api.workflowservice.v1.WorkflowService': ['GetSystemInfo', 'DescribeNamespace', 'CountWorkflowExecutions'],
  'temporal.api.operatorservice.v1.OperatorService': ['ListSearchAttributes', 'AddSearchAttributes'],
}

describe.each([
  ['a worker', {}],
  ['a client', { worker: false }],
] as const)('%s is refused, and told why', (_who, role) => {
  it('where nothing listens', async () => {
    expect(await refusal({ address: '127.0.0.1:1', ...role })).toMatchObject({
      code: 'temporal-unavailable',
      status: 503,
      message: expect.stringMatching(/^no Temporal server listens at 127\.0\.0\.1:1; start one/) as unknown,
    })
  })

  it('where the name is unknown', async () => {
    expect(await refusal({ address: 'temporal.invalid:7233', ...role })).toMatchObject({
      code: 'temporal-unavailable',
      message: 'the name of the Temporal server temporal.invalid:7233 is not known',
    })
  })

  it('where what listens says nothing, or is no Temporal server', { timeout: 2 * PATIENCE_MS }, async () => {
    const silent = await listener(() => undefined)
    const talkative = await listener((socket) => socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n'))
    const told = async (other: string): Promise<void> =>
      expect(await refusal({ address: other, ...role })).toMatchObject({
        code: 'temporal-unavailable',
        message: expect.stringContaining(other) as unknown,
      })
    await Promise.all([silent, talkative].map(told))
  })

  it('where there is no such namespace', async () => {
    expect(await refusal({ namespace: 'nobody-made-it', ...role })).toMatchObject({
      code: 'temporal-unavailable',
      message: expect.stringMatching(
        /has no namespace nobody-made-it; make it \(temporal operator namespace create -n nobody-made-it\), or name another$/,
      ) as unknown,
    })
  })
})

describe('TLS', () => {
  const authority = newAuthority()
  const server = authority.sign('server')
  const me = authority.sign('me')
  const expired = authority.sign('expired', 'expired')
  const { ca } = authority

  it('an expired client certificate is named before anybody is asked', async () => {
    expect(await refusal({ address: '127.0.0.1:1', tls: { ca, cert: expired.cert, key: expired.key } })).toMatchObject({
      code: 'temporal-unavailable',
      message: expect.stringMatching(/^the client certificate for Temporal has expired on .* 2020 GMT; renew it$/) as unknown,
    })
  })

  it('an expired server certificate is named', async () => {
    const tls = await tlsInFrontOf(address, expired)
    expect(await refusal({ address: tls, tls: { ca } })).toMatchObject({
      code: 'temporal-unavailable',
      message: `the certificate of the Temporal server at ${tls} has expired; renew it there`,
    })
  })

  it('a certificate of an authority that is not known, or for another name, is named', async () => {
    const tls = await tlsInFrontOf(address, server)
    expect(await refusal({ address: tls, tls: true })).toMatchObject({
      code: 'temporal-unavailable',
      message: expect.stringMatching(/is not trusted \(\w+\); give the authority's certificate as tls\.ca/) as unknown,
    })
    expect(await refusal({ address: tls, tls: { ca, serverName: 'temporal.example' } })).toMatchObject({
      code: 'temporal-unavailable',
      message: expect.stringMatching(/is not trusted \(ERR_TLS_CERT_ALTNAME_INVALID\).*tls\.serverName$/) as unknown,
    })
  })

  it('TLS where there is none, and none where there is', { timeout: 2 * PATIENCE_MS }, async () => {
    expect(await refusal({ tls: { ca } })).toMatchObject({
      code: 'temporal-unavailable',
      message: expect.stringContaining('does not speak TLS as this client does') as unknown,
    })
    expect(await refusal({ address: await tlsInFrontOf(address, server) })).toMatchObject({
      code: 'temporal-unavailable',
      message: expect.stringContaining('if the server wants TLS, set tls') as unknown,
    })
  })

  it('a server that wants a certificate of the client, and gets none', { timeout: PATIENCE_MS }, async () => {
    const tls = await tlsInFrontOf(address, { ...server, ca, requestCert: true })
    expect(await refusal({ address: tls, tls: { ca } })).toMatchObject({
      code: 'temporal-unavailable',
      message: expect.stringContaining(tls) as unknown,
    })
  })

  it('with all of it a flow runs', async () => {
    const tls = await tlsInFrontOf(address, { ...server, ca, requestCert: true })
    const engine = await createEngine({
      engine: 'temporal',
      store,
      temporal: { address: tls, namespace, taskQueue: 'tls', scope: 'tls', tls: { ca, cert: me.cert, key: me.key } },
      functions: { hello: () => 'hello' },
    })
    await engine.deploy({ flow: 'f', start: 'a', nodes: { a: { type: 'function', function: 'hello' } } })
    expect(await engine.run('f')).toBe('hello')
    await engine.close()
  })
})

describe('PostgreSQL', () => {
  it('that is not reachable is named by host, port and database', async () => {
    expect(await refusal({}, { store: 'postgres://me:sesame@127.0.0.1:1/flows' })).toMatchObject({
      code: 'store-unusable',
      status: 503,
      message: expect.stringMatching(/127\.0\.0\.1:1\/flows.*ECONNREFUSED/) as unknown,
    })
  })

  it('that refuses the password says so, without the password', async () => {
    // the servers of tests take any password
    const refusing = await listener((socket) => {
      socket.once('data', () => {
        // "R", the request for a password
        socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]))
        socket.once('data', () => {
          const fields = Buffer.from('SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user "me"\0\0')
          const head = Buffer.alloc(5, 'E')
          head.writeInt32BE(fields.length + 4, 1)
          socket.end(Buffer.concat([head, fields]))
        })
      })
    })
    const error = await refusal({}, { store: `postgres://me:sesame@${refusing}/flows` })
    expect(error).toMatchObject({
      code: 'store-unusable',
      message: expect.stringMatching(/password authentication failed for user "me"\. Correct user and password in the URL/) as unknown,
    })
    expect((error as Error).message).not.toContain('sesame')
  })

  it.each(['', './data', 'mysql://localhost/flows'])('a store %j is refused with what is expected', async (other) => {
    expect(await refusal({}, { store: other })).toMatchObject({
      code: 'bad-option',
      message: expect.stringMatching(/^(the engine temporal|store must)/) as unknown,
    })
  })
})

describe('options', () => {
  it.each([
    [{ address: 'localhost:port' }, /address must be host:port/],
    [{ adress: 'localhost' }, /temporal has no option adress; it has address, namespace/],
    [{ namespace: '' }, /namespace must be a text/],
    [{ tls: { ca: 'ca.pem' } }, /ca must be a PEM text \(-----BEGIN …\), not the path of a file/],
    [{ tls: { cert: '-----BEGIN CERTIFICATE-----' } }, /cert and key belong together/],
    [{ tls: { cert: '-----BEGIN x-----', key: '-----BEGIN x-----' } }, /cert is not a certificate/],
    [{ worker: { only: true } }, /a worker with only needs queues/],
    [{ worker: { queues: ['a b'] } }, /"a b" is no name of a queue/],
    [{ worker: { slots: 0 } }, /slots must be a whole number from 1, not 0/],
  ])('%j', async (temporal, message) => {
    expect(await refusal(temporal as NonNullable<EngineOptions['temporal']>)).toMatchObject({
      code: 'bad-option',
      message: expect.stringMatching(message) as unknown,
    })
  })
})

it.each([
  ['1.28.0', true],
  ['1.31.0-153.0', true],
  ['1.100.2', true],
  ['2.0.0', true],
  ['1.27.9', false],
  ['1.9.0', false],
  ['0.30.0', false],
  ['', false],
  ['latest', false],
])('a server of version %j is supported: %s', (version, supported) => {
  expect(isSupported(version)).toBe(supported)
})

it('a server that is too old is refused by client and worker, and nothing is made there', async () => {
  const old = await oldServer('1.20.3')
  for (const role of [{ worker: false }, {}])
    expect(await refusal({ address: old.address, ...role })).toMatchObject({
      code: 'temporal-unavailable',
      message: `the Temporal server at ${old.address} is version 1.20.3; fnflow needs 1.28 or later`,
    })
  expect(old.asked).not.toContain('AddSearchAttributes')
})

describe('an execution', () => {
  const engines: Engine[] = []
  afterAll(async () => {
    await Promise.all(engines.map((engine) => engine.close()))
  })
  const open = async (
    taskQueue: string,
    temporal: NonNullable<EngineOptions['temporal']> = {},
    more: EngineOptions = {},
  ): Promise<Engine> => {
    const engine = await createEngine({
      engine: 'temporal',
      store,
      temporal: { address, namespace, taskQueue, scope: taskQueue, ...temporal },
      ...more,
    })
    engines.push(engine)
    return engine
  }
  const calling = (name: string): object => ({ flow: `calls-${name}`, start: 'a', nodes: { a: { type: 'function', function: name } } })

  it('whose function no worker has fails with 435, naming it', async () => {
    const engine = await open('no-code')
    await engine.deploy(calling('nowhere'))
    await expect(engine.run('calls-nowhere')).rejects.toMatchObject({
      error: { status: 435, errorType: 'FunctionNotFound', errorMessage: expect.stringContaining('default/nowhere') as unknown },
    })
  })

  it.each(['nodejs', 'python'])('whose code is not on the worker fails with what %s says', async (runtime) => {
    const gone = normalizeSpec('gone', { runtime, code: '/nowhere/at/all', handler: 'index.handler' })
    const engine = await open(`gone-${runtime}`, {}, { functions: { 'default/gone': gone } })
    await engine.deploy(calling('gone'))
    await expect(engine.run('calls-gone')).rejects.toMatchObject({
      error: { status: 437, errorType: 'HandlerNotFound', errorMessage: 'function default/gone: the folder of its code does not exist' },
    })
  })

  it('that no worker serves says so in its record, with the remedy, and ends when there is one', { timeout: 2 * PATIENCE_MS }, async () => {
    const client = await open('unserved', { worker: false })
    await client.deploy(calling('hello'))
    const execution = await client.start('calls-hello')
    const problems = await until(async () => (await execution.describe()).problems)
    expect(problems).toEqual([
      expect.stringMatching(/^no worker polls the task queue unserved for workflows; start one: fnflow worker --task-queue unserved$/),
    ])
    await open('unserved', {}, { functions: { hello: () => 'hello' } })
    expect(await execution.result()).toBe('hello')
    expect(await execution.describe()).not.toHaveProperty('problems')
  })

  // problems.ts takes the queue of every activity for that of its workflow; remove `fails` with that
  it('whose function is of a pool that nobody serves says so, too', async () => {
    const functions = { 'default/load': normalizeSpec('load', { inline: () => 'loaded', pool: 'imports' }) }
    const engine = await open('no-pool', {}, { functions })
    await engine.deploy(calling('load'))
    const execution = await engine.start('calls-load')
    await new Promise((resolve) => setTimeout(resolve, 8000))
    const { problems } = await execution.describe()
    await execution.stop()
    expect(problems).toEqual([
      expect.stringMatching(
        /^no worker polls the task queue no-pool\.imports for functions \(a#1 waits there\); start one: fnflow worker .*--queues imports/,
      ),
    ])
  })

  it('runs a function with gpu on a worker that serves such cards', async () => {
    const functions = { 'default/scale': normalizeSpec('scale', { inline: () => 'scaled', gpu: { type: 'nvidia-t4', memoryGiB: 4 } }) }
    const engine = await open('carded', {}, { functions })
    await open('carded', { worker: { queues: ['gpu.nvidia-t4'], only: true } }, { functions })
    await engine.deploy(calling('scale'))
    expect(await engine.run('calls-scale')).toBe('scaled')
    await expect(engine.invoke('scale', {})).rejects.toMatchObject({ error: { status: 449 } })
  })
})

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + PATIENCE_MS; ; await new Promise((resolve) => setTimeout(resolve, 500))) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > end) throw new Error('it did not come')
  }
}
