import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { zipOf } from '../../executors/zips.ts'
import { HttpLab, type OpenEngine } from './http-lab.ts'

/** A function of JavaScript, as it is put. */
export function definitionOf(source: string, more: object = {}): Record<string, unknown> {
  const code = zipOf([{ name: 'index.mjs', content: source }]).toString('base64')
  return { runtime: 'nodejs', handler: 'index.handler', timeout: 60, code, ...more }
}
const saying = (text: string) => `export const handler = () => ${JSON.stringify(text)}`

/** Functions that are put with their code, on an engine that keeps them. */
export function functionDefinitionsContract(open: OpenEngine): void {
  describe('functions that are put', () => {
    let lab: HttpLab
    beforeAll(async () => {
      lab = await HttpLab.open(open, { functions: { fixed: () => 'fixed' } })
    })
    afterAll(() => lab?.close())
    const invoke = async (name: string, body: unknown = {}) => lab.call('POST', `/v1/functions/${name}/invocations`, body)

    it('are there at once, for invocations, for lists and for flows', async () => {
      const made = await lab.call(
        'POST',
        '/v1/functions',
        definitionOf('export const handler = ({ n }) => n * 2', { app: 'maths', name: 'twice' }),
      )
      expect(made).toMatchObject({ status: 201, headers: { location: '/v1/functions/maths/twice' } })
      expect(made.body).toMatchObject({ app: 'maths', name: 'twice', runtime: 'nodejs', codeHash: expect.stringMatching(/^[0-9a-f]{64}$/) })
      expect(await invoke('maths/twice', { n: 4 })).toMatchObject({ status: 200, body: 8 })
      const found = await lab.call('GET', '/v1/functions/maths/twice')
      expect(found).toMatchObject({ status: 200, body: made.body, headers: { etag: made.headers['etag'] } })
      expect(
        (await lab.call('GET', '/v1/functions/maths/twice', undefined, { 'if-none-match': String(made.headers['etag']) })).status,
      ).toBe(304)
      expect((await lab.call('GET', '/v1/functions')).body.items.map(({ name }: any) => name)).toEqual(['fixed', 'twice'])
      const flow = { flow: 'uses', start: 'a', nodes: { a: { type: 'function', function: 'maths/twice' } } }
      expect((await lab.call('PUT', '/v1/flows/uses', flow)).body.warnings).toEqual([])
      expect(await lab.ended(await lab.start('uses', { input: { n: 5 } }), 'succeeded')).toMatchObject({ output: 10 })
      expect(await lab.call('POST', '/v1/functions', definitionOf('', { app: 'maths', name: 'twice' }))).toMatchObject({
        status: 409,
        body: { code: 'conflict' },
      })
    })
    it('are replaced, and what runs goes on with its code', async () => {
      const slow = 'export const handler = ({ ms }) => new Promise((done) => setTimeout(done, ms, "old"))'
      expect((await lab.call('PUT', '/v1/functions/default/swap', definitionOf(slow))).status).toBe(201)
      expect((await invoke('default/swap', { ms: 0 })).body).toBe('old')
      const running = invoke('default/swap', { ms: 1500 })
      await expect.poll(() => lab.engine.instances().find((one) => one.function === 'default/swap')?.busy).toBe(1)
      expect((await lab.call('PUT', '/v1/functions/default/swap', definitionOf(saying('new')))).status).toBe(200)
      expect((await invoke('default/swap')).body).toBe('new')
      expect((await running).body).toBe('old')
      // those of the old code end when they have nothing to do
      await expect
        .poll(
          () =>
            lab.engine
              .instances()
              .filter((one) => one.function === 'default/swap')
              .reduce((sum, { idle, busy }) => sum + idle + busy, 0),
          { timeout: 10_000 },
        )
        .toBe(1)
    })
    it('are changed only as they were read, where that is asked for', async () => {
      const path = '/v1/functions/default/tagged'
      expect(await lab.call('PUT', path, definitionOf(saying('a')), { 'if-match': '*' })).toMatchObject({ status: 412 })
      const first = await lab.call('PUT', path, definitionOf(saying('a')), { 'if-none-match': '*' })
      expect(first.status).toBe(201)
      expect(await lab.call('PUT', path, definitionOf(saying('b')), { 'if-none-match': '*' })).toMatchObject({ status: 412 })
      const second = await lab.call('PUT', path, definitionOf(saying('b')), { 'if-match': String(first.headers['etag']) })
      expect(second.status).toBe(200)
      expect(second.headers['etag']).not.toBe(first.headers['etag'])
      expect((await lab.call('PUT', path, definitionOf(saying('b')))).headers['etag']).toBe(second.headers['etag'])
      expect(await lab.call('DELETE', path, undefined, { 'if-match': String(first.headers['etag']) })).toMatchObject({ status: 412 })
      expect((await lab.call('DELETE', path, undefined, { 'if-match': String(second.headers['etag']) })).status).toBe(204)
      expect(await invoke('default/tagged')).toMatchObject({ status: 404, body: { code: 'function-not-found' } })
      expect(await lab.call('DELETE', path)).toMatchObject({ status: 404 })
    })
    it('by many at once are created by one', async () => {
      const answers = await Promise.all(
        [1, 2, 3, 4].map((n) => lab.call('POST', '/v1/functions', definitionOf(saying(String(n)), { name: 'race' }))),
      )
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409])
      const winner = answers.findIndex(({ status }) => status === 201) + 1
      expect((await invoke('default/race')).body).toBe(String(winner))
    })
    it('with a key are made once', async () => {
      const put = () => lab.call('POST', '/v1/functions', definitionOf(saying('k'), { name: 'keyed' }), { 'idempotency-key': 'one' })
      const [first, again] = [await put(), await put()]
      expect(first.status).toBe(201)
      expect(again).toMatchObject({
        status: 201,
        body: first.body,
        headers: { 'idempotency-replayed': 'true', etag: first.headers['etag'] },
      })
    })
    it('cannot be those of functions.yaml', async () => {
      for (const answer of [
        await lab.call('POST', '/v1/functions', definitionOf(saying('x'), { name: 'fixed' })),
        await lab.call('PUT', '/v1/functions/default/fixed', definitionOf(saying('x'))),
        await lab.call('DELETE', '/v1/functions/default/fixed'),
      ])
        expect(answer).toMatchObject({ status: 409, body: { code: 'conflict', detail: expect.stringContaining('functions.yaml') } })
      expect((await invoke('default/fixed')).body).toBe('fixed')
    })
    it('say everything that is wrong with them', async () => {
      const bad = definitionOf(saying('x'), { name: 'bad', hanlder: 'x', memory: -1, environment: { variables: { SCF_A: 'x' } } })
      const { status, body } = await lab.call('POST', '/v1/functions', bad)
      expect({ status, code: body.code }).toEqual({ status: 422, code: 'function-invalid' })
      expect(body.diagnostics.map(({ path }: any) => path.join('.')).sort()).toEqual(['environment.variables.SCF_A', 'hanlder', 'memory'])
    })
    it.each<[string, object, RegExp]>([
      ['a folder of the machine', { code: './folder' }, /folders of the machine/],
      ['no code', { code: undefined }, /code is missing/],
      ['code that is no zip', { code: Buffer.from('hello').toString('base64') }, /no zip/],
      ['code that leads out', { code: zipOf([{ name: '../x' }]).toString('base64') }, /leads out/],
      ['code that is damaged', { code: zipOf([{ name: 'x', content: 'abc', crc: 7 }]).toString('base64') }, /damaged/],
      ['a file as a secret', { environment: { secrets: { A: { from: 'file', name: '/etc/passwd' } } } }, /functions.yaml only/],
      ['a variable of the server', { environment: { secrets: { A: { from: 'env', name: 'PATH' } } } }, /functionSecrets/],
      ['a secret in the clear', { environment: { secrets: { A: 'sesame' } } }, /where the secret is found/],
      ['the engine’s own process', { runtime: 'module' }, /own process/],
      ['an unknown runtime', { runtime: 'cobol' }, /unknown runtime/],
      ['a runtime that is no text', { runtime: { toString: 1 } }, /runtime/],
      ['a name that is none', { name: '../x' }, /name/],
      ['a name that is no text', { name: { toString: 1 } }, /name/],
      ['an app that is no text', { app: { toString: 1 } }, /app/],
      ['__proto__', JSON.parse('{"__proto__":{"a":1}}'), /__proto__/],
    ])('with %s are refused', async (_what, more, message) => {
      const given = { ...definitionOf(saying('x'), { name: 'refused' }) }
      for (const [key, value] of Object.entries(more)) Object.defineProperty(given, key, { value, enumerable: true })
      const { status, body } = await lab.call('POST', '/v1/functions', given)
      expect({ status, code: body.code }).toEqual({ status: 422, code: 'function-invalid' })
      expect(body.diagnostics.map((one: any) => one.message).join('\n')).toMatch(message)
      expect(JSON.stringify(body)).not.toMatch(/sesame/)
      expect((await lab.call('GET', '/v1/functions/default/refused')).status).toBe(404)
    })
    it('that are no functions at all are refused', async () => {
      for (const body of ['[]', '5', 'null', '"x"', '{}'])
        expect(await lab.call('POST', '/v1/functions', body, { 'content-type': 'application/json' }), body).toMatchObject({
          status: 422,
          body: { code: 'function-invalid' },
        })
      expect((await lab.call('POST', '/v1/functions')).status).toBe(400)
      expect((await lab.call('PUT', '/v1/functions/default/other', definitionOf('', { name: 'x' }))).body.code).toBe('name-mismatch')
      const deep = `{"async":{"onSuccess":${'['.repeat(5000)}${']'.repeat(5000)}}}`
      expect(await lab.call('POST', '/v1/functions', deep, { 'content-type': 'application/json' })).toMatchObject({
        status: 400,
        body: { code: 'payload-too-deep' },
      })
    })
    it('may have 50 MiB of code, and no more', async () => {
      const noise = (bytes: number) => Buffer.alloc(bytes, 'random-enough', 'latin1')
      const around = zipOf([
        { name: 'index.mjs', content: saying('big') },
        { name: 'noise', method: 0, content: '' },
      ]).length
      const big = (bytes: number) =>
        zipOf([
          { name: 'index.mjs', content: saying('big') },
          { name: 'noise', method: 0, content: noise(bytes - around) },
        ]).toString('base64')
      const limit = 50 * 1024 * 1024
      expect((await lab.call('POST', '/v1/functions', { ...definitionOf(''), name: 'big', code: big(limit) })).status).toBe(201)
      expect((await invoke('default/big')).body).toBe('big')
      for (const over of [1, 10 * 1024 * 1024])
        expect(await lab.call('POST', '/v1/functions', { ...definitionOf(''), name: 'bigger', code: big(limit + over) })).toMatchObject({
          status: 413,
          body: { code: 'payload-too-large' },
        })
    }, 60_000)
  })
}
