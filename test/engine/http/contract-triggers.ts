import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fastify, type FastifyInstance } from 'fastify'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { CannotSeek, type SeekTarget, type TriggerHost } from '../../../connectors/triggers/contract.ts'
import type { Engine, EngineOptions } from '../../../engine/api.ts'
import type { Caller } from '../../../engine/http/access.ts'
import { fnflowApi } from '../../../engine/http/api.ts'
import { rejection, until } from '../calls.ts'
import { callsOf } from './inject.ts'
import { Receiver } from './receiver.ts'

type Options = Pick<EngineOptions, 'functions' | 'channels' | 'outbound'>

const CALLERS: Readonly<Record<string, Caller>> = {
  admin: { name: 'admin', role: 'admin' },
  operator: { name: 'operator', role: 'operator' },
  viewer: { name: 'viewer', role: 'viewer' },
  narrow: { name: 'narrow', role: 'operator', flows: ['narrow-flow'] },
  author: { name: 'author', role: 'admin', flows: ['tells', 'tells-fast', 'drops', 'heard'] },
}

type SigningKey = Awaited<ReturnType<typeof generateKeyPair>>['privateKey']

/** Triggers of kind http and topic, and their state, whatever runs the flows. */
export function triggersContract(open: (options: Options) => Promise<Engine>): void {
  describe('triggers', () => {
    let engine: Engine
    let app: FastifyInstance
    const issuer = new Receiver()
    const held = new Map<string, () => void>()
    let released = false

    const plain = callsOf(() => app)
    const call: typeof plain = (method, url, body, headers = {}) => plain(method, url, body, { authorization: 'Bearer admin', ...headers })

    beforeAll(async () => {
      await issuer.listen()
      engine = await open({
        functions: {
          echo: (event: any) => event,
          fail: () => {
            throw Object.assign(new Error('inside the flow'), { name: 'Planned' })
          },
          hold: (event: any, context: any) =>
            new Promise((resolve) => {
              if (released) resolve(event)
              else held.set(context.request_id, () => resolve(event))
            }),
        },
        channels: { log: { kind: 'log' }, alarms: { kind: 'topic', topic: 'from-channel' }, later: { kind: 'topic', topic: 'later' } },
        outbound: { allowPrivate: ['127.0.0.1'] },
      })
      app = fastify()
      await app.register(fnflowApi, {
        engine,
        authenticate: ({ headers }) => CALLERS[String(headers.authorization).replace('Bearer ', '')],
      })
    })
    afterAll(async () => {
      release()
      await app?.close()
      await engine?.close()
      await issuer.close()
    })

    function release(): void {
      released = true
      for (const end of held.values()) end()
    }

    const flow = (name: string, triggers: object[], functionName = 'echo', more: object = {}): object => ({
      flow: name,
      triggers,
      start: 'a',
      nodes: { a: { type: 'function', function: functionName } },
      ...more,
    })

    async function deploy(name: string, triggers: object[], functionName?: string, more?: object): Promise<void> {
      const { status, body } = await call('PUT', `/v1/flows/${name}`, flow(name, triggers, functionName, more))
      expect([200, 201], JSON.stringify(body)).toContain(status)
    }

    async function ended(id: string): Promise<any> {
      const { body } = await call('GET', `/v1/executions/${id}?wait=20`)
      expect(body.status, JSON.stringify(body)).toBe('succeeded')
      return body
    }

    /** On a store that others deploy to, what is deployed counts within 2 s. */
    async function known(method: 'POST' | 'GET', url: string): Promise<void> {
      await until(async () => 'flow' in (await engine.triggers.route(method, url)), `${method} ${url}`)
    }

    describe('http', () => {
      it('start the flow with the request as event', async () => {
        await deploy('orders', [{ type: 'http', name: 'hook', path: '/orders/{id}', auth: 'none' }])
        await known('POST', '/orders/1')
        const { status, body } = await plain(
          'POST',
          '/t/orders/a%2Fb?x=1&y=2&x=3&__proto__=4',
          { amount: 5 },
          { 'x-more': 'é'.normalize() },
        )
        expect(status).toBe(202)
        expect(Object.keys(body)).toEqual(['executionId'])
        const execution = await ended(body.executionId)
        expect(execution).toMatchObject({ flow: 'orders', trigger: { type: 'http', name: 'hook' } })
        expect(execution.input).toMatchObject({
          body: { amount: 5 },
          isBase64Encoded: false,
          httpMethod: 'POST',
          path: '/orders/a%2Fb',
          pathParameters: { id: 'a/b' },
          headers: { 'content-type': 'application/json', host: 'localhost' },
          requestContext: { requestId: expect.stringMatching(/./), apiId: 'orders/hook', stage: 'RELEASE', sourceIp: '127.0.0.1' },
        })
        expect(JSON.stringify(execution.input.queryStringParameters)).toBe('{"x":["1","3"],"y":"2","__proto__":"4"}')
        expect(execution.output).toEqual(execution.input)
      })

      it('take any body: texts as they are, binary ones as base64', async () => {
        await deploy('bodies', [{ type: 'http', name: 'hook', path: '/bodies', auth: 'none', mode: 'sync', timeout: '30s' }])
        await known('POST', '/bodies')
        const send = async (body: unknown, type: string) => (await plain('POST', '/t/bodies', body, { 'content-type': type })).body
        expect(await send('a=1&b=2', 'application/x-www-form-urlencoded')).toMatchObject({ body: 'a=1&b=2', isBase64Encoded: false })
        expect(await send('{"a":1}', 'text/plain')).toMatchObject({ body: '{"a":1}', isBase64Encoded: false })
        expect(await send('{"a":', 'application/json')).toMatchObject({ body: '{"a":', isBase64Encoded: false })
        expect(await send('{"a":1}', 'application/cloudevents+json')).toMatchObject({ body: { a: 1 }, isBase64Encoded: false })
        expect(await send(Buffer.from([0xff, 0, 1]), 'text/plain')).toMatchObject({ body: '/wAB', isBase64Encoded: true })
        expect(await send('plain', 'image/png')).toMatchObject({ body: 'cGxhaW4=', isBase64Encoded: true })
        expect(await send('', 'text/plain')).toMatchObject({ body: '', isBase64Encoded: false })
        expect(await send(Buffer.from([0x22, 0xff, 0x22]), 'application/octet-stream')).toMatchObject({ body: 'Iv8i' })
        const refused = (body: unknown, type: string) => plain('POST', '/t/bodies', body, { 'content-type': type })
        // what is called JSON is held to what the API's own bodies are
        expect(await refused(Buffer.from([0x22, 0xff, 0x22]), 'application/json')).toMatchObject({
          status: 400,
          body: { code: 'malformed-json', line: 1, column: 2 },
        })
        expect(await refused('{"a":[1e999]}', 'application/json')).toMatchObject({ status: 400, body: { code: 'bad-request' } })
        expect((await refused('{"a":1}', 'application/json; charset=latin1')).status).toBe(415)
        expect(await send('{"a":[1e999]}', 'application/json2')).toMatchObject({ body: '{"a":[1e999]}' })
        const large = await plain('POST', '/t/bodies', 'x'.repeat(6_400_000), { 'content-type': 'text/plain' })
        expect(large).toMatchObject({ status: 413, body: { code: 'payload-too-large' } })
        const larger = await plain('POST', '/t/bodies', 'x'.repeat(9_000_000), { 'content-type': 'text/plain' })
        expect(larger.status).toBe(413)
        const zipped = await plain('POST', '/t/bodies', 'x', { 'content-type': 'text/plain', 'content-encoding': 'gzip' })
        expect(zipped.status).toBe(415)
      })

      it('answer with the output of a flow that makes answers, in mode sync', async () => {
        const shape = { statusCode: 201, headers: { 'X-Made': 'yes', 'content-length': '9999' }, body: '$.body.text' }
        await deploy(
          'answers',
          [{ type: 'http', name: 'get', path: '/answers', method: 'ANY', auth: 'none', mode: 'sync', timeout: 30 }],
          'echo',
          {
            nodes: { a: { type: 'pass', params: shape } },
          },
        )
        await known('POST', '/answers')
        expect(await plain('PUT', '/t/answers', { text: 'made' })).toMatchObject({
          status: 201,
          body: 'made',
          headers: { 'x-made': 'yes', 'content-length': '4', 'content-type': 'text/plain; charset=utf-8' },
        })
        const binary = { statusCode: 200, isBase64Encoded: true, body: 'aGk=', headers: { 'content-type': 'image/png' } }
        await deploy('answers', [{ type: 'http', name: 'get', path: '/answers', auth: 'none', mode: 'sync', timeout: 30 }], 'echo', {
          nodes: { a: { type: 'pass', params: binary } },
        })
        await until(async () => (await plain('POST', '/t/answers', {})).body === 'hi', 'the new definition')
        await deploy('answers', [{ type: 'http', name: 'get', path: '/answers', auth: 'none', mode: 'sync', timeout: 30 }], 'echo', {
          nodes: { a: { type: 'pass', params: { statusCode: 200, headers: { 'bad header': 'x' } } } },
        })
        await until(async () => (await plain('POST', '/t/answers', {})).status === 502, 'an answer that cannot be sent')
      })

      it('do not tell what has failed inside, and say which execution was not waited for', async () => {
        await deploy('failing', [{ type: 'http', name: 'hook', path: '/failing', auth: 'none', mode: 'sync', timeout: '30s' }], 'fail')
        await deploy('slow', [{ type: 'http', name: 'hook', path: '/slow', auth: 'none', mode: 'sync', timeout: '300ms' }], 'hold')
        await known('POST', '/failing')
        await known('POST', '/slow')
        const failed = await plain('POST', '/t/failing', {})
        expect(failed).toMatchObject({ status: 502, body: { code: 'execution-failed', status: 502, executionId: expect.any(String) } })
        expect(JSON.stringify(failed.body)).not.toMatch(/inside the flow|Planned/)
        const slow = await plain('POST', '/t/slow', {})
        expect(slow).toMatchObject({ status: 504, body: { code: 'execution-timed-out', executionId: expect.any(String) } })
        expect((await call('GET', `/v1/executions/${slow.body.executionId}`)).body.status).toBe('running')
      })

      it('start nothing where the filter says no, and shape the input', async () => {
        const hook = { type: 'http', name: 'hook', path: '/filtered', auth: 'none', filter: '$.body.amount > 10' }
        await deploy('filtered', [{ ...hook, input: { sum: '$.body.amount', from: '$$.trigger.name', of: '$$.flow.name' } }])
        await known('POST', '/filtered')
        expect(await plain('POST', '/t/filtered', { amount: 5 })).toMatchObject({ status: 204, body: '' })
        const { body } = await plain('POST', '/t/filtered', { amount: 50 })
        expect((await ended(body.executionId)).input).toEqual({ sum: 50, from: 'hook', of: 'filtered' })
        expect(await plain('POST', '/t/filtered', { amount: 'many' })).toMatchObject({ status: 400, body: { code: 'bad-request' } })
        expect((await call('GET', '/v1/triggers/filtered/hook')).body.counts).toMatchObject({ started: 1, filtered: 1 })
      })

      it('answer methods that they do not take with those that they do', async () => {
        await deploy('methods', [{ type: 'http', name: 'hook', path: '/methods', auth: 'none' }])
        await known('POST', '/methods')
        for (const method of ['GET', 'QUERY', 'PROPFIND'] as const) {
          const response = await app.inject({ method: method as 'GET', url: '/t/methods?x=1', headers: { host: 'localhost' } })
          expect([method, response.statusCode, response.headers['allow']]).toEqual([method, 405, 'POST'])
          const nowhere = await app.inject({ method: method as 'GET', url: '/t/nowhere', headers: { host: 'localhost' } })
          expect([method, nowhere.statusCode]).toEqual([method, 404])
        }
      })

      it('are found by method and path alone', async () => {
        await deploy('found', [
          { type: 'http', name: 'new', path: '/found/new', auth: 'none', input: { by: 'new' } },
          { type: 'http', name: 'one', path: '/found/{id}', auth: 'none', input: { by: 'one' } },
          { type: 'http', name: 'get', path: '/found/{other}', method: 'GET', auth: 'none', input: { by: 'get' } },
        ])
        await known('GET', '/found/x')
        const by = async (method: 'GET' | 'POST', path: string) => (await ended((await plain(method, path)).body.executionId)).input.by
        expect(await by('POST', '/t/found/new')).toBe('new')
        expect(await by('POST', '/t/found/old')).toBe('one')
        expect(await by('GET', '/t/found/new')).toBe('get')
        expect(await plain('DELETE', '/t/found/new')).toMatchObject({ status: 405, headers: { allow: 'GET, POST' } })
        for (const path of ['/t/found', '/t/found/', '/t/found/a/b', '/t/', '/t/nowhere'])
          expect(await plain('POST', path, {}), path).toMatchObject({ status: 404, body: { code: 'not-found' } })
        expect((await plain('POST', '/t/found/%zz', {})).status).toBe(400)
      })

      it('of another flow keep their method and path', async () => {
        await deploy('keeper', [{ type: 'http', name: 'hook', path: '/kept/{id}', auth: 'none' }])
        await known('POST', '/kept/1')
        const other = flow('thief', [{ type: 'http', name: 'hook', path: '/kept/{any}', method: 'ANY' }])
        for (const [method, url] of [
          ['POST', '/v1/flows'],
          ['PUT', '/v1/flows/thief'],
        ] as const)
          expect(await call(method, url, other)).toMatchObject({ status: 409, body: { code: 'path-taken' } })
        expect(await rejection(engine.catalogue.get('thief'))).toMatchObject({ code: 'flow-not-found' })
        await deploy('keeper', [{ type: 'http', name: 'hook', path: '/kept/{id}', auth: 'none' }])
        await deploy('keeper', [])
        await deploy('thief', [{ type: 'http', name: 'hook', path: '/kept/{any}', auth: 'none' }])
      })

      it('take a key of an operator who sees the flow, and keep it to themselves', async () => {
        await deploy('keyed', [{ type: 'http', name: 'hook', path: '/keyed' }])
        await known('POST', '/keyed')
        const send = (key?: string) => plain('POST', '/t/keyed', {}, key === undefined ? {} : { authorization: `Bearer ${key}` })
        expect(await send()).toMatchObject({ status: 401, headers: { 'www-authenticate': expect.any(String) } })
        expect((await send('wrong')).status).toBe(401)
        expect((await send('viewer')).status).toBe(403)
        expect((await send('narrow')).status).toBe(404)
        const { status, body } = await send('operator')
        expect(status).toBe(202)
        expect(JSON.stringify(await ended(body.executionId))).not.toContain('Bearer')
      })

      it('take tokens of their issuer', async () => {
        const { publicKey, privateKey } = await generateKeyPair('RS256')
        const stranger = await generateKeyPair('RS256')
        const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256' }
        issuer.answer = () => ({ status: 200, body: JSON.stringify({ keys: [jwk] }) })
        const jwt = { issuer: 'https://id.example', audience: 'orders', jwksUrl: `${issuer.url}/keys` }
        await deploy('tokens', [{ type: 'http', name: 'hook', path: '/tokens', auth: 'jwt', jwt }])
        await known('POST', '/tokens')
        const token = (key: SigningKey, { iss = jwt.issuer, aud = jwt.audience, exp = '5m' } = {}) =>
          new SignJWT({ sub: 'noah' })
            .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
            .setIssuer(iss)
            .setAudience(aud)
            .setExpirationTime(exp)
            .sign(key)
        const send = (bearer: string) => plain('POST', '/t/tokens', {}, { authorization: `Bearer ${bearer}` })
        const taken = await send(await token(privateKey))
        expect(taken.status).toBe(202)
        const { input } = await ended(taken.body.executionId)
        expect(input.requestContext.authorizer.claims).toMatchObject({ sub: 'noah' })
        expect(JSON.stringify(input)).not.toContain('Bearer')
        const none = Buffer.from('{"alg":"none"}').toString('base64url')
        const refused = [
          await token(stranger.privateKey),
          await token(privateKey, { iss: 'https://other.example' }),
          await token(privateKey, { aud: 'others' }),
          await token(privateKey, { exp: '-5m' }),
          `${none}.${Buffer.from(JSON.stringify({ iss: jwt.issuer, aud: jwt.audience, exp: 9_999_999_999 })).toString('base64url')}.`,
          'admin',
        ]
        for (const bearer of refused) expect((await send(bearer)).status, bearer).toBe(401)
        expect((await plain('POST', '/t/tokens', {})).status).toBe(401)
      })

      it('start nothing twice for one key', async () => {
        await deploy('once', [{ type: 'http', name: 'hook', path: '/once', method: 'ANY', auth: 'none' }])
        await known('POST', '/once')
        for (const method of ['POST', 'PUT'] as const) {
          const send = (key: string) => plain(method, '/t/once', { n: 1 }, { 'idempotency-key': key })
          const first = (await send('one')).body.executionId
          expect((await send('one')).body.executionId).toBe(first)
          expect((await send('two')).body.executionId).not.toBe(first)
        }
        expect((await plain('PUT', '/t/once', {}, { 'idempotency-key': 'a b' })).status).toBe(400)
        expect((await plain('POST', '/t/once', { n: 2 }, { 'idempotency-key': 'one' })).status).toBe(409)
        const sync = await plain('POST', '/t/slow', {}, { 'idempotency-key': 'slow' })
        expect(sync.status).toBe(504)
        const again = await plain('POST', '/t/slow', {}, { 'idempotency-key': 'slow' })
        expect([again.status, again.body.executionId]).toEqual([504, sync.body.executionId])
      })

      it('are busy while maxInFlight executions run', async () => {
        await deploy('busy', [{ type: 'http', name: 'hook', path: '/busy', auth: 'none', maxInFlight: 2 }], 'hold')
        await known('POST', '/busy')
        const answers = await Promise.all([1, 2, 3, 4].map(() => plain('POST', '/t/busy', {})))
        expect(answers.map(({ status }) => status).sort()).toEqual([202, 202, 429, 429])
        const refused = answers.find(({ status }) => status === 429)
        expect(refused).toMatchObject({ body: { code: 'too-many-executions' }, headers: { 'retry-after': '1' } })
        expect((await call('GET', '/v1/triggers/busy/hook')).body).toMatchObject({ inFlight: 2, counts: { started: 2 } })
        const running = answers.flatMap(({ body }) => body.executionId ?? [])
        for (const id of running) await call('POST', `/v1/executions/${id}/stop`)
        await until(async () => (await plain('POST', '/t/busy', {})).status === 202, 'room again')
      })

      it('answer a repeated request with its execution at maxInFlight, too', async () => {
        const trigger = { type: 'http', name: 'hook', path: '/full', auth: 'none', mode: 'sync', timeout: '50ms', maxInFlight: 1 }
        await deploy('full-hook', [trigger], 'hold')
        await known('POST', '/full')
        const post = (key: string) => plain('POST', '/t/full', {}, { 'idempotency-key': key })
        const first = await post('once')
        expect(first).toMatchObject({ status: 504, body: { code: 'execution-timed-out' } })
        expect((await post('other')).status).toBe(429)
        expect(await post('once')).toMatchObject({ status: 504, body: { executionId: first.body.executionId } })
        expect((await call('GET', '/v1/triggers/full-hook/hook')).body).toMatchObject({
          inFlight: 1,
          counts: { started: 1, deduplicated: 1 },
        })
      })
    })

    describe('topics', () => {
      const publish = (topic: string, body: object, headers?: Record<string, string>) =>
        call('POST', `/v1/topics/${topic}/messages`, body, headers)
      const subscribed = (name: string, topic: string, count = 1) =>
        until(async () => {
          const { body } = await call('GET', '/v1/triggers?limit=200')
          return body.items.filter((one: any) => one.flow.startsWith(name) && one.type === 'topic').length >= count && topic !== ''
        }, `${count} of ${name}`)
      const executions = async (flow: string) => (await call('GET', `/v1/executions?flow=${flow}`)).body.items

      it('start every subscribed flow', async () => {
        for (const name of ['alarm-a', 'alarm-b']) await deploy(name, [{ type: 'topic', name: 'alarms', topic: 'alarms' }])
        await deploy('alarm-c', [{ type: 'topic', name: 'alarms', topic: 'alarms', filter: "$.record[0].smn.subject == 'other'" }])
        await subscribed('alarm', 'alarms', 3)
        const { status, body } = await publish('alarms', { message: { disk: 'full' }, subject: 'alarm', attributes: { level: 3 } })
        expect([status, body]).toEqual([202, { messageId: expect.any(String), executions: 2 }])
        for (const name of ['alarm-a', 'alarm-b']) {
          await until(async () => (await executions(name)).length === 1, name)
          const { input, trigger } = await ended((await executions(name))[0].id)
          expect(trigger).toEqual({ type: 'topic', name: 'alarms' })
          expect(input).toEqual({
            record: [
              {
                event_version: '1.0',
                event_subscription_urn: `urn:fnflow:flow:${name}:alarms`,
                smn: {
                  topic_urn: 'urn:fnflow:topic:alarms',
                  timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
                  message: { disk: 'full' },
                  message_id: body.messageId,
                  subject: 'alarm',
                  type: 'notification',
                  message_attributes: { level: 3 },
                },
              },
            ],
          })
        }
        expect(await executions('alarm-c')).toEqual([])
      })

      it('that nobody is subscribed to start nothing', async () => {
        expect(await publish('silence', { message: null })).toMatchObject({ status: 202, body: { executions: 0 } })
      })

      it('refuse what is no message', async () => {
        expect((await publish('silence', {})).status).toBe(422)
        expect((await publish('silence', { message: 1, colour: 'red' })).status).toBe(422)
        expect((await publish('a%2Fb', { message: 1 })).status).toBe(400)
        expect(await publish('silence', { message: 'x'.repeat(6_300_000) })).toMatchObject({
          status: 413,
          body: { code: 'payload-too-large' },
        })
        expect((await publish('silence', { message: 1 }, { authorization: 'Bearer viewer' })).status).toBe(403)
      })

      it('do not start a flow that the key does not see', async () => {
        await deploy('wide-flow', [{ type: 'topic', name: 'w', topic: 'mixed' }])
        await deploy('narrow-flow', [{ type: 'topic', name: 'n', topic: 'mixed' }])
        await subscribed('wide-flow', 'mixed')
        await subscribed('narrow-flow', 'mixed')
        expect(await publish('mixed', { message: 1 }, { authorization: 'Bearer narrow' })).toMatchObject({
          status: 403,
          body: { code: 'forbidden' },
        })
        expect(await executions('narrow-flow')).toEqual([])
        const { body } = await call('GET', '/v1/triggers', undefined, { authorization: 'Bearer narrow' })
        expect(body.items.map(({ flow }: any) => flow)).toEqual(['narrow-flow'])
        expect((await call('GET', '/v1/triggers/wide-flow/w', undefined, { authorization: 'Bearer narrow' })).status).toBe(404)
      })

      it('get nothing of flows whose author does not see all of their subscribers, also where one subscribes later', async () => {
        const event = { type: 'event', channel: 'later', data: 1 }
        const put = (name: string, more: object, by = 'author') =>
          call('PUT', `/v1/flows/${name}`, flow(name, [], 'echo', more), { authorization: `Bearer ${by}` })
        const told: [string, object][] = [
          ['tells', { nodes: { a: event } }],
          ['tells-fast', { mode: 'express', nodes: { a: event } }],
        ]
        for (const [name, more] of told) expect(await put(name, more)).toMatchObject({ status: 201 })
        const drops = { type: 'topic', name: 'd', topic: 'dropped', deadLetter: 'later', filter: "$.record[0].smn.message > 'text'" }
        expect((await put('drops', { triggers: [drops] })).status).toBe(201)
        const run = async (name: string): Promise<any> => {
          const { body } = await call('POST', `/v1/flows/${name}/executions`, {}, { authorization: 'Bearer author' })
          return (await call('GET', `/v1/executions/${body.id}?wait=20`)).body
        }
        // what it sees is started
        await deploy('heard', [{ type: 'topic', name: 'h', topic: 'later' }])
        await subscribed('heard', 'later')
        expect((await run('tells')).status).toBe('succeeded')
        await until(async () => (await executions('heard')).length === 1, 'heard')
        await deploy('hidden', [{ type: 'topic', name: 'h', topic: 'later' }])
        await subscribed('hidden', 'later')
        for (const [name] of told) {
          const { status, error } = await run(name)
          expect([name, status, error.errorType]).toEqual([name, 'failed', 'PublishFailed'])
          expect(JSON.stringify(error)).not.toContain('hidden')
        }
        await subscribed('drops', 'dropped')
        expect(await publish('dropped', { message: 7 })).toMatchObject({ status: 503, body: { code: 'channel-unavailable' } })
        expect([await executions('hidden'), (await executions('heard')).length]).toEqual([[], 1])
        // a part of no definition
        const { body } = await call('GET', '/v1/flows/tells')
        expect(JSON.stringify(body)).not.toContain('sees')
        const [execution] = await executions('tells')
        expect(JSON.stringify((await call('GET', `/v1/executions/${execution.id}/definition`)).body)).not.toContain('sees')
        // and no more where somebody else has put it
        expect((await put('tells', told[0]![1], 'admin')).status).toBe(200)
        await until(async () => (await run('tells')).status === 'succeeded', 'the definition of the admin')
        await until(async () => (await executions('hidden')).length > 0, 'hidden')
      })

      it('start all or none where one is at its maxInFlight', async () => {
        await deploy('full-a', [{ type: 'topic', name: 't', topic: 'full' }])
        await deploy('full-b', [{ type: 'topic', name: 't', topic: 'full', maxInFlight: 1 }], 'hold')
        await subscribed('full', 'full', 2)
        expect((await publish('full', { message: 1 })).body.executions).toBe(2)
        expect(await publish('full', { message: 2 })).toMatchObject({ status: 429, body: { code: 'too-many-executions' } })
        await until(async () => (await executions('full-a')).length > 0, 'full-a')
        expect((await executions('full-a')).length).toBe(1)
      })

      it('answer a message that has come before at maxInFlight, too', async () => {
        await deploy('again-a', [{ type: 'topic', name: 't', topic: 'again', maxInFlight: 1 }], 'hold')
        await deploy('again-b', [{ type: 'topic', name: 't', topic: 'again' }])
        await subscribed('again', 'again', 2)
        const both = { messageId: 'm1', executions: 2 }
        expect(await engine.triggers.publish('again', { message: 1 }, { id: 'm1' })).toEqual(both)
        expect(await engine.triggers.publish('again', { message: 1 }, { id: 'm1' })).toEqual(both)
        expect(await publish('again', { message: 2 })).toMatchObject({ status: 429 })
      })

      it('get the events of a channel: one flow starts another', async () => {
        await deploy('listener', [{ type: 'topic', name: 't', topic: 'from-channel' }])
        await subscribed('listener', 'from-channel')
        await deploy('teller', [], 'echo', {
          nodes: { a: { type: 'event', channel: 'alarms', data: { told: '$.what' }, subject: 'news', eventType: 'test.told' } },
        })
        const { body } = await call('POST', '/v1/flows/teller/executions', { input: { what: 'this' } })
        const { output } = await ended(body.id)
        await until(async () => (await executions('listener')).length === 1, 'listener')
        const { input } = await ended((await executions('listener'))[0].id)
        expect(input.record[0].smn).toMatchObject({
          message: { told: 'this' },
          subject: 'news',
          message_id: output.eventId,
          message_attributes: { id: output.eventId, source: '/flows/teller', type: 'test.told' },
        })
        // the same event again, as after a crash, starts nothing
        await engine.triggers.publish('from-channel', { message: { told: 'this' } }, { id: output.eventId })
        expect((await executions('listener')).length).toBe(1)
        expect((await call('GET', '/v1/triggers/listener/t')).body.counts).toMatchObject({ started: 1, deduplicated: 1 })
      })
    })

    describe('state', () => {
      it('is kept: a trigger that is disabled starts nothing, and stays so when the flow is deployed again', async () => {
        const hook = { type: 'http', name: 'hook', path: '/state', auth: 'none' }
        await deploy('state', [hook])
        await known('POST', '/state')
        const disabled = await call('POST', '/v1/triggers/state/hook/disable')
        expect(disabled).toMatchObject({ status: 200, body: { enabled: false, state: 'disabled', lag: 0, lastEventAt: null } })
        expect((await plain('POST', '/t/state', {})).status).toBe(404)
        await deploy('state', [{ ...hook, maxInFlight: 5 }])
        expect((await call('GET', '/v1/triggers/state/hook')).body).toMatchObject({ enabled: false })
        const enabled = await call('POST', '/v1/triggers/state/hook/enable')
        expect(enabled).toMatchObject({ status: 200, body: { enabled: true, state: 'running' } })
        expect((await plain('POST', '/t/state', {})).status).toBe(202)
      })

      it('goes with its flow', async () => {
        const hook = { type: 'http', name: 'hook', path: '/gone', auth: 'none' }
        await deploy('gone', [hook])
        await call('POST', '/v1/triggers/gone/hook/disable')
        await engine.catalogue.remove('gone')
        expect(await call('GET', '/v1/triggers/gone/hook')).toMatchObject({ status: 404, body: { code: 'trigger-not-found' } })
        await deploy('gone', [hook])
        expect((await call('GET', '/v1/triggers/gone/hook')).body).toMatchObject({ enabled: true })
      })

      it('is shown to viewers, and changed by operators', async () => {
        await deploy('seen', [{ type: 'http', name: 'hook', path: '/seen' }])
        const viewer = { authorization: 'Bearer viewer' }
        expect((await call('GET', '/v1/triggers/seen/hook', undefined, viewer)).status).toBe(200)
        for (const action of ['enable', 'disable', 'fire'])
          expect((await call('POST', `/v1/triggers/seen/hook/${action}`, action === 'fire' ? {} : undefined, viewer)).status).toBe(403)
        expect((await call('GET', '/v1/triggers/seen/other')).status).toBe(404)
        expect((await call('POST', '/v1/triggers/nowhere/other/fire', {})).status).toBe(404)
        expect((await call('GET', '/v1/triggers?colour=red')).status).toBe(400)
      })

      // a cluster's other servers have some seconds to stop, each time
      it('may be sought anew by operators, where the kind can', { timeout: 240_000 }, async () => {
        const asked: SeekTarget[] = []
        let problem: Error | null = null
        const resolve = async (to: SeekTarget): Promise<ReadonlyMap<string, number>> => {
          if (problem !== null) throw problem
          asked.push(to)
          return new Map([['tape', 7]])
        }
        let last: TriggerHost | undefined
        const nothing = async (): Promise<void> => undefined
        engine.registerConnector('tape', {
          source: (_, host) => ({ start: async () => void (last = host), pause: nothing, stop: nothing, resolve }),
        })
        await deploy('sought', [
          { type: 'custom', name: 'tape', kind: 'tape' },
          { type: 'http', name: 'hook', path: '/sought' },
        ])
        await until(() => last !== undefined, 'the source')
        const seek = (to: unknown, headers = {}, name = 'tape') => call('POST', `/v1/triggers/sought/${name}/seek`, { to }, headers)
        const times = [1782900000000, '2026-07-01T10:00:00Z']
        for (const to of ['earliest', 'latest', ...times, { tape: 3 }])
          expect(await seek(to)).toMatchObject({ status: 200, body: { flow: 'sought', name: 'tape', type: 'custom' } })
        const time = { time: 1782900000000 }
        expect(asked).toEqual(['earliest', 'latest', time, time, { offsets: { tape: 3 } }])
        await until(() => last?.generation === 5, 'a source of the last generation')
        expect(await last!.places.read()).toEqual(new Map([['tape', { next: 7 }]]))
        for (const to of ['soon', '2026-07-01', -1, null, [1], '']) expect((await seek(to)).status).toBe(422)
        problem = new CannotSeek('there is no such place')
        expect(await seek('earliest')).toMatchObject({ status: 400, body: { code: 'bad-request', detail: 'there is no such place' } })
        problem = new Error('the broker is away')
        expect(await seek('earliest')).toMatchObject({ status: 503, body: { code: 'connection-unavailable' } })
        expect(await seek('earliest', {}, 'hook')).toMatchObject({ status: 400 })
        expect((await seek('earliest', { authorization: 'Bearer viewer' })).status).toBe(403)
        expect((await seek('earliest', {}, 'other')).status).toBe(404)
        await engine.catalogue.remove('sought')
      })

      it('does not matter to fire, which starts the flow for an event', async () => {
        await deploy('fired', [{ type: 'http', name: 'hook', path: '/fired', filter: '$.never == true', input: { n: '$.n' } }])
        await call('POST', '/v1/triggers/fired/hook/disable')
        const { status, body, headers } = await call('POST', '/v1/triggers/fired/hook/fire', { event: { n: 7 } })
        expect([status, headers['location']]).toEqual([202, `/v1/executions/${body.executionId}`])
        const execution = await ended(body.executionId)
        expect(execution).toMatchObject({ input: { n: 7 }, trigger: { type: 'http', name: 'hook' } })
        expect((await call('POST', '/v1/triggers/fired/hook/fire', { events: 1 })).status).toBe(422)
      })

      it('takes any event to fire with, null as well, and {} where there is none', async () => {
        await deploy('anything', [{ type: 'http', name: 'hook', path: '/anything' }])
        await known('POST', '/anything')
        const inputOf = async (body?: object): Promise<unknown> => {
          const { status, body: fired } = await call('POST', '/v1/triggers/anything/hook/fire', body)
          expect(status, JSON.stringify(fired)).toBe(202)
          return (await ended(fired.executionId)).input
        }
        expect([await inputOf({ event: null }), await inputOf({}), await inputOf()]).toEqual([null, {}, {}])
        const bare = await call('POST', '/v1/flows/anything/executions')
        expect(bare.status, JSON.stringify(bare.body)).toBe(202)
        expect((await ended(bare.body.id)).input).toEqual({})
        await deploy('anything-express', [], 'echo', { mode: 'express' })
        expect(await call('POST', '/v1/flows/anything-express/sync-executions')).toMatchObject({ status: 200, body: { output: {} } })
      })

      it('is listed by flow and name, page by page, and measured', async () => {
        const hook = (name: string) => ({ type: 'http', name, path: `/pages/${name}` })
        await deploy('pages', [hook('b'), hook('a')])
        const { body } = await call('GET', '/v1/triggers?limit=200')
        const names = body.items.map(({ flow: of, name }: any) => `${of}/${name}`)
        expect(names).toEqual([...names].sort())
        expect(names).toContain('pages/a')
        const pages: string[] = []
        for (let cursor = ''; ;) {
          const page = await call('GET', `/v1/triggers?limit=2${cursor}`)
          expect(page.body.items.length).toBeLessThanOrEqual(2)
          pages.push(...page.body.items.map(({ flow: of, name }: any) => `${of}/${name}`))
          if (page.body.nextCursor === undefined) break
          cursor = `&cursor=${page.body.nextCursor}`
        }
        expect(pages).toEqual(names)
        expect((await call('GET', '/v1/triggers?cursor=garbage')).status).toBe(400)
        expect((await call('GET', '/metrics')).body).toContain('fnflow_trigger_lag{flow="pages",trigger="a"} 0')
      })

      it('says when timers fire next', async () => {
        const { status, body } = await call(
          'PUT',
          '/v1/flows/later',
          flow('later', [{ type: 'timer', name: 'nightly', cron: '0 0 3 * * *', input: { n: 1 } }]),
        )
        expect(status, JSON.stringify(body)).toBe(201)
        const timer = (await call('GET', '/v1/triggers/later/nightly')).body
        expect(timer).toMatchObject({ type: 'timer', lag: 0 })
        expect(timer.nextFires.map((time: number) => new Date(time).toISOString().slice(11))).toEqual(
          Array.from({ length: 5 }, () => '03:00:00.000Z'),
        )
        expect((await call('POST', '/v1/triggers/later/nightly/disable')).body.nextFires).toEqual([])
        const fired = await call('POST', '/v1/triggers/later/nightly/fire', { event: {} })
        expect((await ended(fired.body.executionId)).input).toEqual({ n: 1 })
      })
    })
  })
}
