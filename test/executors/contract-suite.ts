import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Json } from '../../dsl/json.ts'
import type { Executor, FunctionSpec } from '../../executors/contract.ts'
import { ExecutorRegistry } from '../../executors/registry.ts'
import { call, callFails, FakeInvocation, invoke, type SpecPatch } from './helpers.ts'

/** What an executor can do beyond the least: tests of what it cannot do are not defined for it. */
export interface Capabilities {
  /** Counts the function's own timeout itself (elsewhere the engine does). */
  readonly ownTimeout: boolean
  /** Runs initializers. */
  readonly initializer: boolean
  /** Functions, and the first of them, may be missing at run time. */
  readonly loadsCode: boolean
  /** Has instances with limits. */
  readonly instances: boolean
}

const LIMIT = 6 * 1024 * 1024

/** Every executor passes this; `specFor` gives the function of that name in the fixtures `contract.mjs` or `contract.py`. */
export function contractSuite(
  name: string,
  runtime: string,
  capabilities: Capabilities,
  specFor: (fixture: string, patch?: SpecPatch) => FunctionSpec,
): void {
  const { ownTimeout, initializer, loadsCode, instances } = capabilities
  describe(`executor contract: ${name}`, () => {
    let registry: ExecutorRegistry
    let executor: Executor
    beforeAll(() => {
      registry = new ExecutorRegistry()
      executor = registry.get(runtime) as Executor
    })
    afterAll(() => registry.stopAll())

    test('hands JSON through, unchanged', async () => {
      const spec = specFor('echo')
      const samples: Json[] = [
        null,
        true,
        0,
        -1.5,
        1e300,
        '',
        'ü€😀\u2028\n"\\',
        [],
        {},
        [1, [2, { a: null }]],
        { '': 1, 'a b': { c: [] } },
        JSON.parse('{"__proto__":{"x":1}}'),
      ]
      for (const sample of samples) expect(JSON.stringify(await call(executor, spec, sample))).toBe(JSON.stringify(sample))
    })

    test('the callee gets a copy of the body', async () => {
      const body = { a: 1 }
      expect(await call(executor, specFor('mutate'), body)).toEqual({ a: 1, changed: true })
      expect(body).toEqual({ a: 1 })
    })

    test('no result is null', async () => {
      expect(await call(executor, specFor('nothing'))).toBe(null)
    })

    test('what is thrown is 430 with type, message and stack', async () => {
      const error = await callFails(executor, specFor('fails'))
      expect(error).toMatchObject({ status: 430, errorType: 'Custom', errorMessage: 'broken on purpose' })
      expect(error.stackTrace?.join('\n')).toMatch(/contract\.(mjs|py)/)
      expect(error.stackTrace?.join('\n')).not.toMatch(/shim|module\.ts|file:|[( "]\//)
    })

    test('errorMessage and stackTrace are capped at 64 KiB of UTF-8', async () => {
      const error = await callFails(executor, specFor('failsHuge'))
      expect(Buffer.byteLength(error.errorMessage)).toBeLessThanOrEqual(65536)
      expect(Buffer.byteLength(error.errorMessage)).toBeGreaterThan(65000)
      expect(error.errorMessage).not.toContain('\uFFFD')
      expect(Buffer.byteLength((error.stackTrace ?? []).join(''))).toBeLessThanOrEqual(65536)
    })

    test('a result that JSON cannot carry is 403, a cycle too', async () => {
      for (const fixture of ['notJson', 'cycle']) {
        expect(await callFails(executor, specFor(fixture))).toMatchObject({ status: 403, errorType: 'ResultNotJson' })
      }
    })

    test('a result of exactly 6 MiB passes, one byte more is 407', async () => {
      const spec = specFor('text')
      expect(((await call(executor, spec, { length: LIMIT - 2 })) as string).length).toBe(LIMIT - 2)
      expect(await callFails(executor, spec, { length: LIMIT - 1 })).toMatchObject({ status: 407, errorType: 'PayloadTooLarge' })
    })

    test('sizes are bytes of UTF-8', async () => {
      const spec = specFor('text')
      expect(((await call(executor, spec, { length: LIMIT / 2 - 1, of: 'é' })) as string).length).toBe(LIMIT / 2 - 1)
      expect(await callFails(executor, spec, { length: LIMIT / 2, of: 'é' })).toMatchObject({ status: 407 })
    })

    test('a body of 6 MiB passes, one byte more is 406', async () => {
      const spec = specFor('echo')
      expect(((await call(executor, spec, 'x'.repeat(LIMIT - 2))) as string).length).toBe(LIMIT - 2)
      expect(await callFails(executor, spec, 'x'.repeat(LIMIT - 1))).toMatchObject({ status: 406, errorType: 'PayloadTooLarge' })
    })

    test('512 levels pass, 513 are PayloadTooDeep', async () => {
      const spec = specFor('deep')
      expect(JSON.stringify(await call(executor, spec, { levels: 512 }))).toBe('['.repeat(512) + ']'.repeat(512))
      expect(await callFails(executor, spec, { levels: 513 })).toMatchObject({ status: 407, errorType: 'PayloadTooDeep' })
      expect(await callFails(executor, spec, { levels: 20_000 })).toMatchObject({ status: 407, errorType: 'PayloadTooDeep' })
    })

    test('the context has both clouds’ names', async () => {
      const spec = specFor('shape', { variables: { MODE: 'prod' }, app: 'maths' })
      const invocation = invoke(executor, spec, {}, { requestId: 'abc-1', attempt: 3, callback: { token: 'tok', url: 'http://x' } })
      const outcome = await invocation.done
      expect(outcome).toMatchObject({
        ok: true,
        value: {
          attempt: 3,
          token: 'tok',
          requestId: 'abc-1',
          name: spec.name,
          user: 'prod',
          unknown: null,
          version: 'latest',
          memory: 256,
          cpu: 400,
          pack: 'maths',
          credentials: ['', '', '', '', '', '', ''],
        },
      })
      const { keys, remaining } = (outcome as { value: Json }).value as unknown as { keys: Record<string, Json>; remaining: number }
      expect(remaining).toBeGreaterThan(1000)
      expect(keys).toEqual({
        request_id: 'abc-1',
        function_name: spec.name,
        function_version: '$LATEST',
        namespace: 'maths',
        memory_limit_in_mb: 256,
        time_limit_in_ms: expect.any(Number),
        environment: '{"SCF_NAMESPACE": "maths"}',
        environ: 'SCF_NAMESPACE=maths;SCF_NAMESPACE=maths',
        tencentcloud_region: '',
        tencentcloud_appid: '',
        tencentcloud_uin: '',
      })
    })

    test('the logger’s lines come with level and request id, before the result', async () => {
      const invocation = new FakeInvocation(specFor('logs'), {}, { requestId: 'log-1' })
      let before = -1
      void invocation.done.then(() => (before = invocation.lines.length))
      executor.invoke(invocation)
      expect(await invocation.done).toEqual({ ok: true, value: 'logged' })
      expect(invocation.lines.map(({ level, text, requestId }) => [level, text, requestId])).toEqual([
        ['debug', 'd 1', 'log-1'],
        ['info', 'i', 'log-1'],
        ['warn', 'w a b', 'log-1'],
        ['error', 'e', 'log-1'],
      ])
      expect(before).toBe(4)
    })

    test('many at once each get their own result, and are settled once', async () => {
      const spec = specFor('echo', { concurrency: { maxInstances: 4 } })
      const all = Array.from({ length: 60 }, (_, n) => invoke(executor, spec, n))
      expect(await Promise.all(all.map(async (one) => (await one.done).ok && one.settlements))).toEqual(all.map(() => 1))
    })

    test('a cancelled one is let go, and the next goes on', async () => {
      const invocation = invoke(executor, specFor('never'), {})
      await new Promise((resolve) => setTimeout(resolve, 150))
      invocation.cancel()
      expect(await invocation.done).toMatchObject({ ok: false, error: { status: 499 } })
      expect(await call(executor, specFor('echo'), 1)).toBe(1)
    })

    if (ownTimeout) {
      test('the function’s own timeout is 433', async () => {
        const error = await callFails(executor, specFor('never', { timeoutMs: 500 }))
        expect(error).toMatchObject({
          status: 433,
          errorType: 'FunctionTimeout',
          errorMessage: expect.stringMatching(/timed out after 0.5 seconds/),
        })
      })
    }

    if (initializer) {
      test('the initializer runs once before the first request; a failing one is 443 with its type, a slow one 450', async () => {
        const spec = specFor('initialised', { initializer: 'contract.init' })
        expect(await call(executor, spec)).toBe(1)
        expect(await call(executor, spec)).toBe(1)
        expect(await callFails(executor, specFor('initialised', { initializer: 'contract.initFails' }))).toMatchObject({
          status: 443,
          errorType: 'Custom',
          errorMessage: 'no database',
        })
        expect(
          await callFails(executor, specFor('initialised', { initializer: 'contract.never', initializerTimeoutMs: 400 })),
        ).toMatchObject({
          status: 450,
          errorType: 'InitContainerTimeout',
        })
        expect(await callFails(executor, specFor('initialised', { initializer: 'contract.nope' }))).toMatchObject({ status: 437 })
      })
    }

    if (loadsCode) {
      test('a missing file or function is 437, code that throws while loading 443', async () => {
        const found = specFor('echo')
        for (const handler of ['contract.nope', 'nofile.echo', 'contract', 'contract.']) {
          expect(await callFails(executor, { ...found, handler })).toMatchObject({ status: 437, errorType: 'HandlerNotFound' })
        }
        expect(await callFails(executor, { ...found, code: '/does/not/exist' })).toMatchObject({ status: 437 })
        const broken = await callFails(executor, { ...found, handler: 'broken.handler' })
        expect(broken).toMatchObject({ status: 443, errorMessage: 'broken at load' })
        expect(broken.stackTrace?.join('\n')).toMatch(/broken\.(mjs|py)/)
        const unparsable = await callFails(executor, { ...found, handler: 'nosyntax.handler' })
        expect(unparsable.status).toBe(443)
        // In this process the test runner's own loader reads the file, and words its failure differently.
        if (instances) expect(unparsable.errorType).toBe('SyntaxError')
        expect(await callFails(executor, { ...found, handler: 'noimport.handler' })).toMatchObject({ status: 443 })
        expect(await call(executor, { ...found, handler: 'sub/index.handler' }, 2)).toEqual({ sub: 2 })
      })
    }

    if (instances) {
      test('those over maxInstances wait, in their order', async () => {
        const spec = specFor('slow', { concurrency: { maxInstances: 1 } })
        const order: number[] = []
        await Promise.all([40, 30, 20, 10].map((ms, n) => call(executor, spec, { ms }).then(() => order.push(n))))
        expect(order).toEqual([0, 1, 2, 3])
      })
    }

    if (instances) {
      test('slow ones run side by side', async () => {
        const spec = specFor('slow')
        await Promise.all([1, 2, 3].map(() => call(executor, spec, { ms: 50 })))
        const started = Date.now()
        await Promise.all([1, 2, 3].map(() => call(executor, spec, { ms: 500 })))
        expect(Date.now() - started).toBeLessThan(1300)
      })
    }
  })
}
