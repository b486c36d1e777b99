import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fastify, type FastifyInstance } from 'fastify'
import type { Engine } from '../../../engine/api.ts'
import type { Authenticate } from '../../../engine/http/access.ts'
import { fnflowApi } from '../../../engine/http/api.ts'
import type { OpenEngine } from './http-lab.ts'
import { callsOf, type Answer } from './inject.ts'

const YAML = { 'content-type': 'application/yaml' }
const AS_YAML = { accept: 'application/yaml' }

/** Sees what its key says: `Bearer <role> <flow>,<flow>`. */
const authenticate: Authenticate = ({ headers: { authorization } }) => {
  const [, role, flows] = authorization?.split(' ') ?? []
  if (role === undefined) return { role: 'admin' }
  return { role: role as 'admin', ...(flows === undefined ? {} : { flows: flows.split(',') }) }
}

/** The catalogue of flows over HTTP (http-api.md, 2), whatever keeps it. */
export function catalogueContract(open: OpenEngine): void {
  let engine: Engine
  let app: FastifyInstance
  const call = callsOf(() => app)

  beforeAll(async () => {
    engine = await open({ functions: { next: ({ n }: any) => ({ n: n + 1 }), ask: () => null } })
    app = fastify()
    await app.register(fnflowApi, { engine, authenticate })
  })
  afterAll(async () => {
    await app?.close()
    await engine?.close()
  })

  const pass = (flow: string, n: unknown = 1): object => ({ flow, start: 'p', nodes: { p: { type: 'pass', params: { n } } } })
  const asks = (flow: string): object => ({ flow, start: 'a', nodes: { a: { type: 'callback', function: 'ask' } } })
  const put = async (flow: string, n?: unknown): Promise<Answer> => call('PUT', `/v1/flows/${flow}`, pass(flow, n))
  const etagOf = ({ headers }: Answer): string => String(headers['etag'])

  async function output(flow: string, version?: string): Promise<unknown> {
    const { body } = await call('POST', `/v1/flows/${flow}/executions`, { ...(version === undefined ? {} : { version }) })
    return (await call('GET', `/v1/executions/${body.id}?wait=20`)).body.output
  }

  describe('definitions', () => {
    it('are checked whatever they are: what does not parse is a syntax diagnostic', async () => {
      const check = (body: string, headers = {}) => call('POST', '/v1/flows:validate', body, headers)
      const syntax = { valid: false, diagnostics: [{ rule: 'syntax', line: 1, column: 1 }] }
      for (const headers of [{}, YAML]) {
        expect(await check('', { 'content-length': '0', 'content-type': 'application/json', ...headers })).toMatchObject({
          status: 200,
          body: syntax,
        })
        expect((await check(' '.repeat(6 * 1_048_576 + 1), headers)).status).toBe(413)
      }
      const yaml = 'flow: checked\nstart: p\nnodes:\n  p: { type: pass }\n'
      expect((await check(yaml, YAML)).body).toMatchObject({ valid: true })
      expect(await check(yaml)).toMatchObject({ status: 200, body: syntax })
    })

    it('of JSON that is too long for a flow are 422, those of YAML 400', async () => {
      const long = JSON.stringify(pass('long', 'x'.repeat(1_100_000)))
      const refused = {
        status: 422,
        body: { code: 'flow-invalid', diagnostics: [{ message: expect.stringContaining('1 MiB') as unknown }] },
      }
      expect(await call('PUT', '/v1/flows/long', long)).toMatchObject(refused)
      expect(await call('PUT', '/v1/flows/long', long, YAML)).toMatchObject({ status: 400, body: { code: 'malformed-yaml' } })
    })

    it('that are known, even by a weak ETag, are 304; only strong ones let them be replaced', async () => {
      const weak = `W/${etagOf(await put('weakly'))}`
      expect((await call('GET', '/v1/flows/weakly', undefined, { 'if-none-match': weak })).status).toBe(304)
      expect((await call('PUT', '/v1/flows/weakly', pass('weakly', 2), { 'if-match': weak })).status).toBe(412)
    })

    it('come back as they were written, and converted for who wants the other form', async () => {
      const yaml = '# orders\nflow: as-yaml\nstart: p # here\nnodes:\n  p: { type: pass, params: { n: 1, t: "2026-01-01", no: "no" } }\n'
      const made = await call('PUT', '/v1/flows/as-yaml', yaml, YAML)
      expect(made).toMatchObject({ status: 201, headers: { location: '/v1/flows/as-yaml', vary: 'accept' } })
      expect(etagOf(made)).toMatch(/^"[0-9a-f]+"$/)
      const asYaml = await call('GET', '/v1/flows/as-yaml', undefined, AS_YAML)
      expect(asYaml).toMatchObject({ status: 200, body: yaml, headers: { etag: etagOf(made), vary: 'accept' } })
      expect(asYaml.headers['content-type']).toMatch(/^application\/yaml/)
      const value = { flow: 'as-yaml', start: 'p', nodes: { p: { type: 'pass', params: { n: 1, t: '2026-01-01', no: 'no' } } } }
      expect(await call('GET', '/v1/flows/as-yaml')).toMatchObject({ status: 200, body: value, headers: { etag: etagOf(made) } })

      const json = '{\n  "flow": "as-json", "start": "p",\n  "nodes": {"p": {"type": "pass"}}}\n'
      await call('POST', '/v1/flows', json)
      const raw = await app.inject({ url: '/v1/flows/as-json', headers: { host: 'localhost' } })
      expect(raw.body).toBe(json)
      const converted = await call('GET', '/v1/flows/as-json', undefined, AS_YAML)
      expect(converted.headers['etag']).toBe(raw.headers['etag'])
      // what was converted means the same
      const again = await call('PUT', '/v1/flows/as-json', converted.body, YAML)
      expect(again).toMatchObject({ status: 200 })
      expect((await call('GET', '/v1/flows/as-json')).body).toEqual(JSON.parse(json))
    })

    it.each([
      ['application/yaml;q=0.5, application/json', 'json'],
      ['application/json;q=0.5, application/yaml', 'yaml'],
      ['text/html, application/yaml, */*;q=0.8', 'yaml'],
      ['*/*', 'json'],
      ['text/html', 'json'],
    ])('Accept: %s is answered with %s', async (accept, type) => {
      await put('negotiated')
      expect((await call('GET', '/v1/flows/negotiated', undefined, { accept })).headers['content-type']).toContain(type)
    })

    it('of odd texts keep them: BOM, CRLF, every kind of text in JSON as YAML', async () => {
      const text = '\uFEFFflow: odd\r\nstart: p\r\nnodes:\r\n  p: { type: pass } # ü\r\n'
      expect((await call('PUT', '/v1/flows/odd', text, YAML)).status).toBe(201)
      const raw = await app.inject({ url: '/v1/flows/odd', headers: { host: 'localhost', ...AS_YAML } })
      expect(raw.rawPayload.equals(Buffer.from(text))).toBe(true)
      const strange = [
        '\0',
        '\ud83d\ude00',
        ' a\tb \n\n c',
        '\r\n',
        'null',
        '1e3',
        '~',
        '- a',
        'a: b',
        '# c',
        '\u2028\ufeff',
        '"',
        "'",
        '%',
        '|',
        '\u0085x',
        '2026-01-01',
        '0x1F',
        '1_000',
        '.inf',
        '=',
        '<<',
      ]
      const literal = Object.fromEntries(strange.map((one, at) => [one, [one, at]]))
      const json = JSON.stringify({ flow: 'odd', start: 'p', nodes: { p: { type: 'pass', params: { v: { literal } } } } }).replace(
        '"null":',
        '"__proto__":',
      )
      const bytes = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(json)])
      const headers = { host: 'localhost', 'content-type': 'application/json' }
      expect((await app.inject({ method: 'PUT', url: '/v1/flows/odd', headers, payload: bytes })).statusCode).toBe(200)
      expect((await app.inject({ url: '/v1/flows/odd', headers: { host: 'localhost' } })).body).toBe(json)
      const { body: yaml } = await call('GET', '/v1/flows/odd', undefined, AS_YAML)
      expect((await call('PUT', '/v1/flows/odd', yaml, YAML)).status).toBe(200)
      expect((await app.inject({ url: '/v1/flows/odd', headers: { host: 'localhost' } })).body).toBe(json)
    })

    it('that were changed since are not overwritten', async () => {
      const first = etagOf(await put('tagged', 1))
      const second = await call('PUT', '/v1/flows/tagged', pass('tagged', 2), { 'if-match': `"other", ${first}` })
      expect(second).toMatchObject({ status: 200 })
      for (const stale of [first, `W/${etagOf(second)}`, '"x"'])
        expect(await call('PUT', '/v1/flows/tagged', pass('tagged', 3), { 'if-match': stale })).toMatchObject({
          status: 412,
          body: { code: 'precondition-failed' },
        })
      expect((await call('PUT', '/v1/flows/tagged', pass('tagged', 3), { 'if-none-match': '*' })).status).toBe(412)
      expect((await call('PUT', '/v1/flows/untagged', pass('untagged'), { 'if-match': '*' })).status).toBe(412)
      expect((await call('PUT', '/v1/flows/untagged', pass('untagged'), { 'if-none-match': '*' })).status).toBe(201)
      expect((await call('GET', '/v1/flows/tagged')).body).toEqual(pass('tagged', 2))
      for (const bad of ['abc', '"a" "b"', ''])
        expect((await call('PUT', '/v1/flows/tagged', pass('tagged', 3), { 'if-match': bad })).status, bad).toBe(400)
      const known = await call('GET', '/v1/flows/tagged', undefined, { 'if-none-match': etagOf(second) })
      expect(known).toMatchObject({ status: 304, body: '', headers: { etag: etagOf(second) } })
      expect((await call('DELETE', '/v1/flows/tagged', undefined, { 'if-match': first })).status).toBe(412)
      expect((await call('DELETE', '/v1/flows/tagged', undefined, { 'if-match': etagOf(second) })).status).toBe(204)
    })

    it('are created once, however many try at the same moment', async () => {
      const posts = await Promise.all(Array.from({ length: 8 }, (_, n) => call('POST', '/v1/flows', pass('raced', n))))
      expect(posts.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409, 409, 409])
      expect(posts.find(({ status }) => status === 409)).toMatchObject({ body: { code: 'conflict' } })
      const won = posts.find(({ status }) => status === 201)!
      expect(etagOf(await call('GET', '/v1/flows/raced'))).toBe(etagOf(won))
      const puts = await Promise.all(
        Array.from({ length: 8 }, (_, n) => call('PUT', '/v1/flows/raced2', pass('raced2', n), { 'if-none-match': '*' })),
      )
      expect(puts.map(({ status }) => status).sort()).toEqual([201, 412, 412, 412, 412, 412, 412, 412])
    })

    it.each([
      ['broken JSON', '{"flow": "x",\n  "start" 7}', {}, 400, { code: 'malformed-json', line: 2, column: 11 }],
      ['YAML as JSON', 'flow: x', {}, 400, { code: 'malformed-json', line: 1, column: 1 }],
      [
        'JSON that is not UTF-8',
        Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
        {},
        400,
        { code: 'malformed-json', line: 1, column: 3 },
      ],
      ['YAML that is not UTF-8', Buffer.from([0x61, 0xff]), YAML, 400, { code: 'malformed-yaml', line: 1, column: 1 }],
      ['broken YAML', 'flow: x\nnodes: @', YAML, 400, { code: 'malformed-yaml', line: 2, column: 8 }],
      ['U+0000 in YAML', 'flow: x\n# \0', YAML, 400, { code: 'malformed-yaml', line: 2, column: 3 }],
      ['what is too deep', `${'['.repeat(600)}${']'.repeat(600)}`, {}, 400, { code: 'payload-too-deep' }],
      ['what is too large', JSON.stringify('x'.repeat(6_300_000)), {}, 413, { code: 'payload-too-large' }],
      ['a key twice', '{"flow": "x", "flow": "y"}', {}, 422, { code: 'flow-invalid', diagnostics: expect.any(Array) as unknown }],
      ['__proto__ as a key', '{"flow":"x","start":"p","nodes":{"p":{"type":"pass"}},"__proto__":{}}', {}, 422, { code: 'flow-invalid' }],
      ['another name', pass('y'), {}, 422, { code: 'name-mismatch' }],
      ['no body', undefined, {}, 400, { code: 'bad-request' }],
      ['another type', 'x', { 'content-type': 'text/plain' }, 415, { code: 'unsupported-media-type' }],
    ] as const)('%s is refused, and nothing is stored', async (_what, body, headers, status, problem) => {
      const answer = await call('PUT', '/v1/flows/x', body, headers as Record<string, string>)
      expect(answer).toMatchObject({ status, body: problem })
      expect(JSON.stringify(answer.body)).not.toMatch(/node_modules|\.ts:\d/)
      expect(await call('GET', '/v1/flows/x')).toMatchObject({ status: 404, body: { code: 'flow-not-found' } })
    })

    it('are listed newest first, page by page', async () => {
      for (const name of ['list-c', 'list-a', 'list-b']) await put(name)
      await put('list-c', 2)
      const key = { authorization: 'Bearer viewer list-a,list-b,list-c,nobody' }
      const { body } = await call('GET', '/v1/flows?limit=2', undefined, key)
      expect(body.items).toMatchObject([
        { flow: 'list-b', version: 'latest', mode: 'standard', revision: expect.any(String) as unknown },
        { flow: 'list-a' },
      ])
      await put('list-d')
      const rest = await call('GET', `/v1/flows?limit=2&cursor=${body.nextCursor}`, undefined, key)
      expect(rest.body).toMatchObject({ items: [{ flow: 'list-c' }] })
      expect(rest.body).not.toHaveProperty('nextCursor')
      expect((await call('GET', '/v1/flows?limit=1')).body.items).toMatchObject([{ flow: 'list-d' }])
      for (const query of ['limit=0', 'limit=201', 'cursor=%21', 'colour=red'])
        expect((await call('GET', `/v1/flows?${query}`)).status, query).toBe(400)
    })
  })

  describe('versions and aliases', () => {
    it('are published, shown and started by', async () => {
      await put('v', 1)
      const first = await call('POST', '/v1/flows/v/versions')
      expect(first).toMatchObject({ status: 201, body: { flow: 'v', version: '1' }, headers: { location: '/v1/flows/v/versions/1' } })
      await put('v', 2)
      expect(await call('POST', '/v1/flows/v/versions', { version: 'two', description: 'better' })).toMatchObject({
        status: 201,
        body: { version: 'two' },
      })
      await put('v', 3)
      expect((await call('GET', '/v1/flows/v/versions')).body.items).toMatchObject([
        { version: 'two', description: 'better' },
        { version: '1' },
      ])
      const page = await call('GET', '/v1/flows/v/versions?limit=1')
      expect((await call('GET', `/v1/flows/v/versions?cursor=${page.body.nextCursor}`)).body.items).toMatchObject([{ version: '1' }])
      expect((await call('GET', '/v1/flows/v/versions/1')).body).toMatchObject({ version: '1', definition: pass('v', 1) })
      expect((await call('GET', '/v1/flows/v?version=1')).body).toEqual(pass('v', 1))
      expect(await call('POST', '/v1/flows/v/versions', { version: '1' })).toMatchObject({ status: 409, body: { code: 'conflict' } })

      expect(await call('PUT', '/v1/flows/v/aliases/prod', { version: '1' })).toMatchObject({
        status: 201,
        body: { alias: 'prod', version: '1' },
      })
      expect(await call('PUT', '/v1/flows/v/aliases/prod', { version: 'two' })).toMatchObject({ status: 200 })
      const versions = [
        { version: '1', weight: 0 },
        { version: 'two', weight: 100 },
      ]
      expect(await call('PUT', '/v1/flows/v/aliases/canary', { versions })).toMatchObject({ status: 201, body: { versions } })
      expect((await call('GET', '/v1/flows/v/aliases')).body.items).toMatchObject([
        { alias: 'canary', versions },
        { alias: 'prod', version: 'two' },
      ])
      const aliases = await call('GET', '/v1/flows/v/aliases?limit=1')
      expect((await call('GET', `/v1/flows/v/aliases?cursor=${aliases.body.nextCursor}`)).body.items).toMatchObject([{ alias: 'prod' }])
      expect((await call('GET', '/v1/flows/v/aliases?cursor=garbage')).status).toBe(400)
      expect((await call('GET', '/v1/flows/v?version=prod')).body).toEqual(pass('v', 2))
      for (const [version, n] of [
        [undefined, 3],
        ['latest', 3],
        ['1', 1],
        ['prod', 2],
        ['canary', 2],
      ] as const)
        expect(await output('v', version), version).toEqual({ n })
      const { id } = (await call('POST', '/v1/flows/v/executions', { version: 'prod' })).body
      expect((await call('GET', `/v1/executions/${id}?wait=20`)).body).toMatchObject({ version: 'two' })
      const rerun = await call('POST', `/v1/executions/${id}/rerun`, { version: '1' })
      expect((await call('GET', `/v1/executions/${rerun.body.id}?wait=20`)).body).toMatchObject({ version: '1', output: { n: 1 } })

      // without a body: from the start, as it was
      expect(await call('POST', `/v1/executions/${id}/rerun`)).toMatchObject({ status: 202, body: { version: 'two' } })

      expect((await call('DELETE', '/v1/flows/v/aliases/prod')).status).toBe(204)
      expect(await call('DELETE', '/v1/flows/v/aliases/prod')).toMatchObject({ status: 404, body: { code: 'alias-not-found' } })
      for (const missing of ['prod', 'constructor', '9'])
        expect(await call('POST', '/v1/flows/v/executions', { version: missing })).toMatchObject({
          status: 404,
          body: { code: 'version-not-found' },
        })
    })

    it('of express flows are chosen before they start', async () => {
      await call('PUT', '/v1/flows/mixed', { ...pass('mixed', 1), mode: 'express' })
      await call('POST', '/v1/flows/mixed/versions', { version: 'fast' })
      await put('mixed', 2)
      expect(await call('POST', '/v1/flows/mixed/sync-executions', {})).toMatchObject({ status: 409, body: { code: 'not-express' } })
      expect(await call('POST', '/v1/flows/mixed/sync-executions', { version: 'fast' })).toMatchObject({
        status: 200,
        body: { output: { n: 1 }, execution: { version: 'fast' } },
      })
    })

    it.each([
      ['POST', '/v1/flows/b/versions', { version: 'latest' }, 422, 'invalid-body'],
      ['POST', '/v1/flows/b/versions', { version: 'x'.repeat(43) }, 422, 'invalid-body'],
      ['POST', '/v1/flows/b/versions', { version: 'a b' }, 422, 'invalid-body'],
      ['POST', '/v1/flows/b/versions', { versoin: '1' }, 422, 'invalid-body'],
      ['POST', '/v1/flows/nobody/versions', {}, 404, 'flow-not-found'],
      ['GET', '/v1/flows/nobody/versions', undefined, 404, 'flow-not-found'],
      ['GET', '/v1/flows/b/versions/7', undefined, 404, 'version-not-found'],
      ['GET', '/v1/flows/b?version=7', undefined, 404, 'version-not-found'],
      ['GET', '/v1/flows/nobody/aliases', undefined, 404, 'flow-not-found'],
      ['PUT', '/v1/flows/b/aliases/latest', { version: '1' }, 400, 'bad-request'],
      ['PUT', '/v1/flows/b/aliases/17', { version: '1' }, 400, 'bad-request'],
      ['PUT', `/v1/flows/b/aliases/${'x'.repeat(64)}`, { version: '1' }, 400, 'bad-request'],
      ['PUT', '/v1/flows/b/aliases/a%2Fb', { version: '1' }, 400, 'bad-request'],
      ['PUT', '/v1/flows/b/aliases/one', { version: '1' }, 409, 'conflict'],
      ['PUT', '/v1/flows/b/aliases/p', { version: '7' }, 404, 'version-not-found'],
      ['PUT', '/v1/flows/b/aliases/p', {}, 422, 'invalid-body'],
      ['PUT', '/v1/flows/b/aliases/p', { versions: [{ version: 'one', weight: 100 }] }, 422, 'invalid-body'],
      [
        'PUT',
        '/v1/flows/b/aliases/p',
        {
          versions: [
            { version: 'one', weight: 50 },
            { version: 'one', weight: 50 },
          ],
        },
        422,
        'invalid-body',
      ],
      [
        'PUT',
        '/v1/flows/b/aliases/p',
        {
          versions: [
            { version: 'one', weight: 50 },
            { version: 'two', weight: 51 },
          ],
        },
        422,
        'invalid-body',
      ],
      [
        'PUT',
        '/v1/flows/b/aliases/p',
        {
          versions: [
            { version: 'one', weight: 99.5 },
            { version: 'two', weight: 0.5 },
          ],
        },
        422,
        'invalid-body',
      ],
      ['PUT', '/v1/flows/b/aliases/p', { version: 'one', versions: [] }, 422, 'invalid-body'],
      ['PUT', '/v1/flows/b/aliases/p', '{"version": }', 400, 'malformed-json'],
      ['GET', '/v1/flows/b/aliases/p', undefined, 405, 'method-not-allowed'],
      ['DELETE', '/v1/flows/nobody', undefined, 404, 'flow-not-found'],
      ['DELETE', '/v1/flows/b?force=yes', undefined, 400, 'bad-request'],
    ] as const)('%s %s %j is refused with %i %s', async (method, url, body, status, code) => {
      await put('b')
      await call('POST', '/v1/flows/b/versions', { version: 'one' })
      expect(await call(method, url, body)).toMatchObject({ status, body: { code } })
      expect((await call('GET', '/v1/flows/b/aliases')).body.items).toEqual([])
    })
  })

  describe('deleting a flow', () => {
    it('takes force while it runs; what runs is cancelled, records stay, numbers begin again', async () => {
      await call('PUT', '/v1/flows/del', asks('del'))
      await call('POST', '/v1/flows/del/versions')
      await call('PUT', '/v1/flows/del/aliases/prod', { version: '1' })
      const ids: string[] = []
      for (const version of ['latest', 'prod']) ids.push((await call('POST', '/v1/flows/del/executions', { version })).body.id)
      expect(await call('DELETE', '/v1/flows/del')).toMatchObject({ status: 409, body: { code: 'flow-running' } })
      expect((await call('GET', '/v1/flows/del/aliases')).body.items).toHaveLength(1)
      expect(await call('DELETE', '/v1/flows/del?force=true')).toMatchObject({ status: 204, body: '' })
      for (const id of ids)
        expect((await call('GET', `/v1/executions/${id}?wait=20`)).body).toMatchObject({ flow: 'del', status: 'cancelled' })
      for (const url of ['', '/versions', '/versions/1', '/aliases'])
        expect(await call('GET', `/v1/flows/del${url}`)).toMatchObject({ status: 404, body: { code: 'flow-not-found' } })
      expect(await call('POST', '/v1/flows/del/executions', { version: 'prod' })).toMatchObject({
        status: 404,
        body: { code: 'flow-not-found' },
      })
      await put('del', 5)
      expect((await call('GET', '/v1/flows/del/versions')).body.items).toEqual([])
      expect((await call('POST', '/v1/flows/del/versions', {})).body).toMatchObject({ version: '1' })
      expect(await output('del')).toEqual({ n: 5 })
      expect((await call('DELETE', '/v1/flows/del')).status).toBe(204)
    })

    it('leaves what runs its definition, also while the flow is put again', async () => {
      await put('kept', 1)
      const flow = {
        flow: 'kept',
        start: 'w',
        nodes: { w: { type: 'wait', seconds: 0.5, next: 'p' }, p: { type: 'pass', params: { old: 1 } } },
      }
      await call('PUT', '/v1/flows/kept', flow)
      const { id } = (await call('POST', '/v1/flows/kept/executions', {})).body
      await put('kept', 2)
      expect((await call('GET', `/v1/executions/${id}?wait=20`)).body).toMatchObject({ status: 'succeeded', output: { old: 1 } })
    })
  })

  describe('keys with a flow list', () => {
    const key = { authorization: 'Bearer admin mine,other' }
    it('neither see nor define other flows, nor call them', async () => {
      await put('theirs')
      await call('POST', '/v1/flows/theirs/versions')
      for (const [method, url, body] of [
        ['GET', '/v1/flows/theirs', undefined],
        ['GET', '/v1/flows/theirs/versions/1', undefined],
        ['PUT', '/v1/flows/theirs', pass('theirs', 2)],
        ['PUT', '/v1/flows/theirs/aliases/p', { version: '1' }],
        ['DELETE', '/v1/flows/theirs', undefined],
      ] as const)
        expect(await call(method, url, body, key), url).toMatchObject({ status: 404, body: { code: 'flow-not-found' } })
      for (const [name, nodes] of [
        ['theirs2', { p: { type: 'pass' } }],
        ['mine', { p: { type: 'subflow', flow: 'theirs' } }],
      ] as const)
        expect(await call('POST', '/v1/flows', { flow: name, start: 'p', nodes }, key)).toMatchObject({
          status: 403,
          body: { code: 'forbidden' },
        })
      expect((await call('GET', '/v1/flows', undefined, key)).body.items).toEqual([])
      expect(
        (await call('POST', '/v1/flows', { flow: 'mine', start: 'p', nodes: { p: { type: 'subflow', flow: 'other:1' } } }, key)).status,
      ).toBe(201)
      expect((await call('GET', '/v1/flows', undefined, key)).body.items).toMatchObject([{ flow: 'mine' }])
    })

    it.each([
      ['viewer', 'PUT', '/v1/flows/mine', 403],
      ['operator', 'POST', '/v1/flows/mine/versions', 403],
      ['operator', 'DELETE', '/v1/flows/mine', 403],
      ['viewer', 'GET', '/v1/flows', 200],
    ] as const)('a key of role %s: %s %s is %i', async (role, method, url, status) => {
      const body = method === 'GET' || method === 'DELETE' ? undefined : pass('mine')
      expect((await call(method, url, body, { authorization: `Bearer ${role}` })).status).toBe(status)
    })
  })
}
