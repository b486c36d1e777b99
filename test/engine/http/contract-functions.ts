import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FastifyInstance } from 'fastify'
import type { Engine, EngineOptions } from '../../../engine/api.ts'
import { createServer } from '../../../engine/http/server.ts'
import { callsOf } from './inject.ts'

const SPEC = {
  app: 'default',
  runtime: 'module',
  handler: 'inline',
  initializerTimeoutMs: 30_000,
  memoryMb: 128,
  environment: { variables: {}, secrets: {} },
  concurrency: { perInstance: 1, maxInstances: 400, reserved: 0, idleTimeoutMs: 60_000 },
}

/** Functions and their invocation, whatever runs the flows. */
export function functionsContract(open: (options: Pick<EngineOptions, 'functions' | 'executors'>) => Promise<Engine>): void {
  let engine: Engine
  let app: FastifyInstance
  const call = callsOf(() => app)
  const failing = (status: number, errorType = 'Planned') => ({ status, errorType })

  beforeAll(async () => {
    engine = await open({
      functions: {
        echo: (event: any) => event,
        'maths/double': ({ n }: any) => n * 2,
        text: () => 'just text',
        nothing: () => null,
        talk: (_event: any, context: any) => {
          context.getLogger().info('first')
          context.getLogger().info(`é${'x'.repeat(3000)}`)
          context.getLogger().info(`ü${'y'.repeat(3000)}`)
          return 'told'
        },
        fails: { ...SPEC, name: 'fails', runtime: 'planned' },
        late: {
          ...SPEC,
          name: 'late',
          inline: () => new Promise(() => undefined),
          timeoutMs: 50,
          memoryMb: 256,
          code: '/secret/folder/of/the/host',
          environment: { variables: { MODE: 'prod' }, secrets: { API_KEY: 'planted-secret' } },
        },
      },
      // ends with the status that it is told to end with
      executors: {
        planned: () => ({
          invoke: (invocation) => invocation.fail({ ...(invocation.body as any), errorMessage: 'it broke', stackTrace: ['at /host/file'] }),
          stop: async () => undefined,
        }),
      },
    })
    app = await createServer({ engine })
  })
  afterAll(async () => {
    await app?.close()
    await engine?.close()
  })

  describe('functions', () => {
    it('are listed by app and name, page by page', async () => {
      const { body } = await call('GET', '/v1/functions')
      const names = body.items.map(({ app, name }: any) => `${app}/${name}`)
      expect(names).toEqual([
        'default/echo',
        'default/fails',
        'default/late',
        'default/nothing',
        'default/talk',
        'default/text',
        'maths/double',
      ])
      const pages: string[] = []
      for (let cursor = ''; ;) {
        const page = await call('GET', `/v1/functions?limit=3${cursor}`)
        pages.push(...page.body.items.map(({ app, name }: any) => `${app}/${name}`))
        if (page.body.nextCursor === undefined) break
        cursor = `&cursor=${page.body.nextCursor}`
      }
      expect(pages).toEqual(names)
      for (const cursor of ['garbage', Buffer.from('default/echo').toString('base64url')])
        expect(await call('GET', `/v1/functions?cursor=${cursor}`)).toMatchObject({ status: 400, body: { code: 'bad-request' } })
    })

    it('are shown without the values of secrets and the folders of the host', async () => {
      const { status, body } = await call('GET', '/v1/functions/default/late')
      expect(status).toBe(200)
      expect(body).toMatchObject({ timeout: 0.05, memory: 256, environment: { variables: { MODE: 'prod' }, secrets: ['API_KEY'] } })
      expect(JSON.stringify([body, (await call('GET', '/v1/functions')).body])).not.toMatch(/planted-secret|\/secret\/folder/)
    })

    it('that are not there are 404', async () => {
      for (const path of ['/v1/functions/default/gone', '/v1/functions/nowhere/echo', '/v1/functions/__proto__/constructor'])
        expect(await call('GET', path)).toMatchObject({ status: 404, body: { code: 'function-not-found' } })
      expect((await call('GET', '/v1/functions?colour=red')).status).toBe(400)
      expect((await call('POST', '/v1/functions/default/echo')).status).toBe(405)
    })
  })

  describe('invocations', () => {
    const invoke = (name: string, body?: unknown, headers?: Record<string, string>) =>
      call('POST', `/v1/functions/${name}/invocations`, body, headers)

    it.each([[{ a: [1, null] }], [[1, 2]], [5], ['text'], [null], [false]])('answer with the result as JSON: %j', async (value) => {
      const answer = await invoke('default/echo', JSON.stringify(value), { 'content-type': 'application/json' })
      expect(answer).toMatchObject({ status: 200, body: value, headers: { 'content-type': 'application/json; charset=utf-8' } })
    })
    it('take a version, and no body at all', async () => {
      expect((await invoke('maths/double:latest', { n: 21 })).body).toBe(42)
      expect((await invoke('default/echo')).body).toEqual({})
      expect((await invoke('default/text')).body).toBe('just text')
      expect((await invoke('default/nothing')).body).toBe(null)
    })
    it('keep members that are called __proto__', async () => {
      const body = '{"__proto__":{"a":1},"constructor":2}'
      const { body: found } = await invoke('default/echo', body, { 'content-type': 'application/json' })
      expect(JSON.stringify(found)).toBe(body)
    })
    it('of no function, or of no version, are 404', async () => {
      expect(await invoke('default/gone', {})).toMatchObject({ status: 404, body: { code: 'function-not-found' } })
      expect(await invoke('default/echo:v7', {})).toMatchObject({ status: 404, body: { code: 'function-not-found' } })
    })
    it.each([
      [406, 413],
      [429, 429],
      [432, 429],
      [433, 504],
      [438, 503],
      [449, 503],
      [450, 503],
      [430, 502],
      [407, 502],
      [435, 502],
      [500, 502],
    ])("a function's status %i is answered with %i and the error document", async (own, status) => {
      const answer = await invoke('default/fails', failing(own))
      expect(answer).toMatchObject({ status, headers: { 'x-function-status': String(own) } })
      expect(answer.body).toMatchObject({ status: own, errorType: 'Planned', errorMessage: 'it broke' })
      expect(answer.body).not.toHaveProperty('stackTrace')
    })
    it('that take too long are 504', async () => {
      expect(await invoke('default/late', {})).toMatchObject({
        status: 504,
        headers: { 'x-function-status': '433', 'content-type': 'application/json; charset=utf-8' },
        body: { status: 433, errorType: 'FunctionTimeout' },
      })
    })
    it('over 6 MiB are 413, those over 512 levels 400', async () => {
      expect(await invoke('default/echo', { a: 'x'.repeat(6_291_456) })).toMatchObject({
        status: 413,
        headers: { 'x-function-status': '406' },
        body: { errorType: 'PayloadTooLarge' },
      })
      const deep = '['.repeat(600) + ']'.repeat(600)
      expect(await invoke('default/echo', deep)).toMatchObject({ status: 400, body: { code: 'payload-too-deep' } })
    })
    it('hand the last 4 KiB of the log to who asks, and none to others', async () => {
      const { headers, body } = await invoke('default/talk', {}, { 'x-log-type': 'tail', 'content-type': 'application/json' })
      expect(body).toBe('told')
      const log = Buffer.from(String(headers['x-function-log']), 'base64')
      expect(log.length).toBeLessThanOrEqual(4096)
      expect(log.length).toBeGreaterThan(4090)
      expect(log.toString()).toMatch(/^x+\n\S+ üy{3000}\n$/)
      expect((await invoke('default/talk', {})).headers).not.toHaveProperty('x-function-log')
    })
    it('refuse what they cannot do', async () => {
      const json = { 'content-type': 'application/json' }
      expect(await invoke('default/echo', {}, { 'x-invoke-type': 'async', ...json })).toMatchObject({
        status: 422,
        body: { code: 'unsupported' },
      })
      expect((await invoke('default/echo', {}, { 'x-invoke-type': 'later', ...json })).status).toBe(400)
      expect((await invoke('default/echo', 'a=1', { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(415)
      expect(await invoke('default/echo', '{"a":', json)).toMatchObject({ status: 400, body: { code: 'malformed-json', line: 1 } })
    })
  })
}
