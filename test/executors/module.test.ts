import { expect, test } from 'vitest'
import { ModuleExecutor } from '../../executors/module.ts'
import { call, callFails, FakeInvocation, inlineSpec, invoke } from './helpers.ts'

const executor = new ModuleExecutor()

test('neither the event nor the result is shared', async () => {
  const body = { list: [1] }
  let result: { list: number[] } = { list: [] }
  const outcome = await call(
    executor,
    inlineSpec((event) => (result = event)),
    body,
  )
  result.list.push(2)
  expect(outcome).toEqual({ list: [1] })
  expect(body).toEqual({ list: [1] })
})

test('a handler that is synchronous is settled at once, one with a promise later', async () => {
  expect(
    invoke(
      executor,
      inlineSpec(() => 1),
    ).settlements,
  ).toBe(1)
  const later = invoke(
    executor,
    inlineSpec(async () => 1),
  )
  expect(later.settlements).toBe(0)
  expect(await later.done).toEqual({ ok: true, value: 1 })
})

test('whatever is thrown becomes an error document', async () => {
  class Own extends TypeError {}
  const thrown: [unknown, object][] = [
    ['x', { errorType: 'Error', errorMessage: 'x' }],
    [null, { errorType: 'Error', errorMessage: 'null' }],
    [undefined, { errorType: 'Error', errorMessage: 'undefined' }],
    [{ a: 1 }, { errorType: 'Error', errorMessage: '{"a":1}' }],
    [Symbol('s'), { errorType: 'Error', errorMessage: 'Symbol(s)' }],
    [new TypeError('t'), { errorType: 'TypeError', errorMessage: 't' }],
    [new Own('o'), { errorType: 'Own', errorMessage: 'o' }],
    [Object.assign(new Error('n'), { name: 'Named' }), { errorType: 'Named' }],
    [new DOMException('d', 'AbortError'), { errorType: 'AbortError' }],
    [
      new Proxy(
        {},
        {
          get: () => {
            throw new Error('trap')
          },
        },
      ),
      { errorType: 'Error' },
    ],
  ]
  for (const [value, expected] of thrown) {
    const handlers = [
      () => {
        throw value
      },
      () => Promise.reject(value as Error),
    ]
    for (const handler of handlers) expect(await callFails(executor, inlineSpec(handler))).toMatchObject({ status: 430, ...expected })
  }
})

test('an aborted handler rejects with AbortError', async () => {
  const invocation = new FakeInvocation(
    inlineSpec(
      (_, context) => new Promise((_resolve, reject) => context.signal.addEventListener('abort', () => reject(context.signal.reason))),
    ),
    {},
  )
  executor.invoke(invocation)
  invocation.cancel()
  await new Promise((resolve) => setImmediate(resolve))
  expect(await invocation.done).toMatchObject({ ok: false, error: { status: 499 } })
})

test('callbacks with three parameters', async () => {
  const three = (handler: (event: any, context: any, callback: (error?: unknown, value?: unknown) => void) => unknown) =>
    inlineSpec(handler as never)
  expect(
    await call(
      executor,
      three((event, _context, callback) => void setImmediate(callback, null, event)),
      5,
    ),
  ).toBe(5)
  expect(
    await call(
      executor,
      three((_event, _context, callback) => {
        callback(null, 1)
        callback(null, 2)
        return 3
      }),
    ),
  ).toBe(1)
  expect(
    await call(
      executor,
      three(async (_event, _context, callback) => {
        callback(null, 1)
        return 2
      }),
    ),
  ).toBe(2)
  expect(
    await callFails(
      executor,
      three((_event, _context, callback) => callback(new RangeError('r'))),
    ),
  ).toMatchObject({ status: 430, errorType: 'RangeError' })
})

test('thenables are awaited; a getter `then` that throws is the handler’s failure', async () => {
  expect(
    await call(
      executor,
      inlineSpec(() => ({ then: (resolve: (value: number) => void) => resolve(7) })),
    ),
  ).toBe(7)
  const trap = {
    get then(): never {
      throw new Error('trap')
    },
  }
  expect(
    await callFails(
      executor,
      inlineSpec(() => trap),
    ),
  ).toMatchObject({ status: 430, errorMessage: 'trap' })
})

test('secrets are data for the function and masked in its log', async () => {
  const spec = {
    ...inlineSpec((_, context) => {
      context.logger.info('key %s', context.getUserData('KEY'))
      return 1
    }),
    environment: { variables: {}, secrets: { KEY: 'sesame-42' } },
  }
  const invocation = invoke(executor, spec)
  expect(invocation.lines[0]!.text).toBe('key ***')
})
