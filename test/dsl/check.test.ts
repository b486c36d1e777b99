import { describe, expect, test } from 'vitest'
import { checkFlow } from '../../dsl/check.ts'
import { loadFlow } from '../../dsl/load.ts'
import { brief, checkNodes, places } from './flows.ts'

const pass = { type: 'pass' }
const fn = { type: 'function', function: 'f' }
const flow = (rest: Record<string, unknown>): unknown => ({ flow: 'h', start: 'a', nodes: { a: pass }, ...rest })
const check = (value: unknown): string[] => brief(checkFlow({ value }).diagnostics)
const many = (count: number, node: object): Record<string, unknown> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, { ...node, ...(i + 1 < count ? { next: `n${i + 1}` } : {}) }]))

describe('the flow', () => {
  test.each([['h'], ['H-1_x'], ['a'.repeat(64)], ['a9']])('name %s', (name) => expect(check(flow({ flow: name }))).toEqual([]))
  test.each([[''], ['1a'], ['a-'], ['a_'], ['a b'], ['a'.repeat(65)], [5], [null], ['ä'], ['a\n']])('no name: %j', (name) => {
    expect(check(flow({ flow: name }))).toEqual(['schema flow'])
  })
  test('description: 512 characters, not units', () => {
    expect(check(flow({ description: '😀'.repeat(512) }))).toEqual([])
    expect(check(flow({ description: 'x'.repeat(513) }))).toEqual(['schema description'])
  })
  test('fields of the wrong type', () => {
    expect(check(flow({ mode: 'fast', mergeInput: 'yes', timeout: '1 h', triggers: {}, layout: [], description: 1 }))).toEqual([
      'schema description',
      'schema layout',
      'schema mergeInput',
      'schema mode',
      'schema timeout',
      'schema triggers',
    ])
  })
  test('missing fields', () => {
    expect(checkFlow({ value: {} }).diagnostics.map(({ message }) => message)).toEqual([
      expect.stringContaining('"flow" is missing'),
      expect.stringContaining('"start" is missing'),
      expect.stringContaining('"nodes" is missing'),
    ])
  })
  test('triggers: at most ten, each with a type', () => {
    const timers = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ type: 'timer', name: `t${index}`, cron: '* * * * * *', input: {} }))
    expect(check(flow({ triggers: timers(10) }))).toEqual([])
    expect(check(flow({ triggers: timers(11) }))).toEqual(['too-many-nodes triggers'])
    expect(check(flow({ triggers: [{ name: 'x' }, 5, { type: 1 }] }))).toEqual([
      'schema triggers.0',
      'schema triggers.1',
      'schema triggers.2.type',
    ])
  })
  test('layout is anything that JSON has', () => expect(check(flow({ layout: { a: { x: 1, deep: [null] }, gone: 5 } }))).toEqual([]))
  test('an unknown key, with the nearest one', () => {
    const [diagnostic] = checkFlow({ value: flow({ timout: 5 }) }).diagnostics
    expect(diagnostic).toMatchObject({
      rule: 'schema',
      path: ['timout'],
      message: 'the flow: unknown key "timout"; did you mean "timeout"?',
    })
  })
  test('express: five minutes', () => {
    expect(check(flow({ mode: 'express', timeout: 300 }))).toEqual([])
    expect(check(flow({ mode: 'express', timeout: '5m1ms' }))).toEqual(['express-duration timeout'])
    expect(check(flow({ mode: 'standard', timeout: '30d' }))).toEqual([])
  })
})

describe('nodes', () => {
  test.each(['a', '_', '_a-', 'A9', 'constructor', 'toString', 'x'.repeat(64)])('id %s', (id) =>
    expect(brief(checkNodes({ [id]: pass }))).toEqual([]),
  )
  test.each(['1a', '-a', 'a b', 'a.b', '', 'x'.repeat(65), 'ä'])('no id: %j', (id) =>
    expect(brief(checkNodes({ [id]: pass }))).toEqual([`schema nodes.${id}`]),
  )
  test('the id __proto__ is refused', async () => {
    expect(await places('{"flow": "h", "start": "__proto__", "nodes": {"__proto__": {"type": "pass"}}}')).toEqual(['1:47 schema'])
  })
  test.each([5, null, [], 'x', true])('a node that is %j', (node) =>
    expect(brief(checkNodes({ a: { ...pass, next: 'b' }, b: node }))).toContain('schema nodes.b'),
  )
  test('label is a text, whatever it says', () => {
    expect(brief(checkNodes({ a: { ...pass, label: '' } }))).toEqual([])
    expect(brief(checkNodes({ a: { ...pass, label: {} } }))).toEqual(['schema nodes.a.label'])
  })
  test('an unknown type is one mistake', () => {
    const diagnostics = checkNodes({
      a: { type: 'conditon', branches: [{ when: '$.x', next: 'b' }], catch: [{ next: 'c' }], onError: 'd' },
      b: pass,
      c: pass,
      d: { type: 'error' },
    })
    expect(brief(diagnostics)).toEqual(['schema nodes.a.type'])
    expect(diagnostics[0]!.message).toContain('did you mean "condition"?')
  })
  test.each(['constructor', '__proto__', 5, null, {}])('type %j', (type) =>
    expect(brief(checkNodes({ a: { type } }))).toEqual(['schema nodes.a.type']),
  )
  test('no type', () => expect(brief(checkNodes({ a: {} }))).toEqual(['schema nodes.a']))
  test('onError on the kinds that may fail, elsewhere it is unknown', () => {
    const x = { type: 'error' }
    const inner = { i: fn }
    const mayFail = [
      fn,
      { type: 'event', channel: 'c' },
      { type: 'callback', function: 'f' },
      { type: 'subflow', flow: 'g' },
      { type: 'service', nodes: inner },
      { type: 'loop', items: '$.x', nodes: inner },
    ]
    for (const node of mayFail) expect(brief(checkNodes({ a: { ...node, onError: 'x' }, x }))).toEqual([])
    expect(brief(checkNodes({ a: { type: 'parallel', branches: ['b'], onError: 'x' }, b: pass, x }))).toEqual([])
    for (const node of [pass, { type: 'wait' }, { type: 'end' }])
      expect(brief(checkNodes({ s: { ...pass, next: 'a' }, a: { ...node, onError: 'x' }, x })).at(0)).toBe('schema nodes.a.onError')
  })
  test('several mistakes in one node are all reported', () => {
    expect(brief(checkNodes({ a: { type: 'function', timeout: -1, nxt: 'b', input: '$[', invoke: 'maybe', onError: 'y' } }))).toEqual([
      'jsonpath-syntax nodes.a.input',
      'schema nodes.a',
      'schema nodes.a.invoke',
      'schema nodes.a.nxt',
      'schema nodes.a.timeout',
      'unknown-node nodes.a.onError',
    ])
  })
})

describe('limits', () => {
  test('99 functions, inner ones counted', () => {
    expect(brief(checkNodes(many(99, fn)))).toEqual([])
    expect(brief(checkNodes(many(100, fn)))).toEqual(['too-many-nodes nodes.n99'])
    const inner = { type: 'loop', items: '$.x', nodes: many(50, fn) }
    expect(brief(checkNodes({ l: { ...inner, next: 'm' }, m: inner }))).toEqual(['too-many-nodes nodes.m.nodes.n49'])
  })
  test('other nodes are not counted', () => expect(brief(checkNodes(many(500, pass)))).toEqual([]))
  test('10 event nodes', () => {
    const event = { type: 'event', channel: 'c' }
    expect(brief(checkNodes(many(10, event)))).toEqual([])
    expect(brief(checkNodes(many(11, event)))).toEqual(['too-many-nodes nodes.n10'])
  })
})

describe('references', () => {
  const e = { type: 'end' }
  const x = { type: 'error' }
  test.each<[string, Record<string, unknown>, string[]]>([
    ['start at an error node', { x }, ['start-target start']],
    ['next to an error node', { a: { ...pass, next: 'x' }, x }, ['next-target nodes.a.next']],
    ['next to an end node', { a: { ...pass, next: 'e' }, e }, []],
    ['onError to an end node', { a: { ...fn, onError: 'e' }, e }, ['error-source nodes.a.onError']],
    [
      'catch to an error node',
      { a: { ...fn, onError: 'x' }, x: { ...x, catch: [{ next: 'y' }] }, y: x },
      ['error-target nodes.x.catch.0.next'],
    ],
    ['parallel branch to an end', { a: { type: 'parallel', branches: ['e', 'b'] }, e, b: pass }, ['branch-target nodes.a.branches.0']],
    [
      'condition branch to an error node',
      {
        a: {
          type: 'condition',
          branches: [
            { when: '$.a == 1', next: 'x' },
            { default: true, next: 'b' },
          ],
        },
        x,
        b: pass,
      },
      ['branch-target nodes.a.branches.0.next'],
    ],
    ['a name of Object.prototype', { a: { ...pass, next: 'constructor' } }, ['unknown-node nodes.a.next']],
    [
      'everywhere',
      { a: { ...fn, next: 'n', onError: 'x' }, x: { ...x, catch: [{ next: 'c' }] } },
      ['unknown-node nodes.a.next', 'unknown-node nodes.x.catch.0.next'],
    ],
    ['an inner node from outside', { l: { type: 'loop', items: '$.x', nodes: { i: pass }, next: 'i' } }, ['unknown-node nodes.l.next']],
  ])('%s', (_name, nodes, expected) => expect(brief(checkNodes(nodes))).toEqual(expected))
  test('the nearest id', () => {
    const [diagnostic] = checkNodes({ square: { ...pass, next: 'plsu' }, plus: { ...pass, next: 'square2' }, square2: pass })
    expect(diagnostic!.message).toContain('did you mean "plus"?')
  })
  test('an unknown start alone, also if nothing could be reached', () => {
    expect(brief(checkFlow({ value: { flow: 'h', start: 'zz', nodes: { a: pass, b: pass } } }).diagnostics)).toEqual(['unknown-node start'])
    expect(brief(checkFlow({ value: { flow: 'h', nodes: { a: pass, b: pass } } }).diagnostics)).toEqual(['schema'])
    expect(brief(checkFlow({ value: { flow: 'h', start: 5, nodes: { a: pass, b: pass } } }).diagnostics)).toEqual(['schema start'])
  })
})

describe('cycles and reachability', () => {
  const message = (nodes: Record<string, unknown>): string[] =>
    checkNodes(nodes).map((each) => `${each.path.join('.')}: ${each.message.split(';')[0]}`)
  test('are named from their first node in the file', () => {
    expect(message({ s: { ...pass, next: 'c' }, b: { ...pass, next: 'c' }, c: { ...pass, next: 'b' } })).toEqual([
      'nodes.b: the nodes form a cycle: b -> c -> b',
    ])
  })
  test('a node that leads to itself', () =>
    expect(message({ a: { ...pass, next: 'a' } })).toEqual(['nodes.a: the nodes form a cycle: a -> a']))
  test('by onError and catch', () => {
    expect(message({ a: { ...fn, onError: 'x' }, x: { type: 'error', catch: [{ next: 'a' }] } })).toEqual([
      'nodes.a: the nodes form a cycle: a -> x -> a',
    ])
  })
  test('two of them, one not reachable', () => {
    expect(brief(checkNodes({ a: { ...pass, next: 'a' }, b: { ...pass, next: 'c' }, c: { ...pass, next: 'b' } }))).toEqual([
      'cycle nodes.a',
      'cycle nodes.b',
      'unreachable-node nodes.b',
      'unreachable-node nodes.c',
    ])
  })
  test('a cycle hides no branch-overlap of its own making', () => {
    expect(
      brief(checkNodes({ p: { type: 'parallel', branches: ['a', 'b'] }, a: { ...pass, next: 'b' }, b: { ...pass, next: 'a' } })),
    ).toEqual(['cycle nodes.a'])
  })
  test('an error node is reached by onError, its catches by it', () => {
    expect(
      brief(checkNodes({ a: { ...fn, onError: 'x' }, x: { type: 'error', catch: [{ next: 'b' }] }, b: pass, y: { type: 'error' } })),
    ).toEqual(['unreachable-node nodes.y'])
  })
  test('a chain of 20,000 nodes', () => expect(brief(checkNodes(many(20_000, pass)))).toEqual([]))
})

describe('the registry', () => {
  const registry = {
    hasFunction: (ref: string) => ref === 'default/f:latest',
    hasFlow: (name: string) => name === 'known',
    hasChannel: (name: string) => name === 'log',
  }
  const nodes = {
    a: { ...fn, next: 'b' },
    b: { type: 'callback', function: 'app/g:2', next: 'c' },
    c: { type: 'subflow', flow: 'known:v1', next: 'd' },
    d: { type: 'subflow', flow: 'other', next: 'e' },
    e: { type: 'event', channel: 'nope', next: 'g' },
    g: { type: 'subflow', flow: 'h', next: 'l' },
    l: { type: 'loop', items: '$.x', nodes: { i: { type: 'function', function: 'gone' } } },
  }
  const expected = [
    'unknown-channel nodes.e.channel',
    'unknown-flow nodes.d.flow',
    'unknown-function nodes.b.function',
    'unknown-function nodes.l.nodes.i.function',
  ]
  test('warnings, unless for deploy', () => {
    const warned = checkFlow({ value: { flow: 'h', start: 'a', nodes } }, { registry })
    expect(brief(warned.diagnostics)).toEqual(expected)
    expect(warned.diagnostics.every(({ severity }) => severity === 'warning')).toBe(true)
    expect(warned.definition).toBeDefined()
    const refused = checkFlow({ value: { flow: 'h', start: 'a', nodes } }, { registry, deploy: true })
    expect(brief(refused.diagnostics)).toEqual(expected)
    expect(refused.diagnostics.every(({ severity }) => severity === 'error')).toBe(true)
    expect(refused.definition).toBeUndefined()
  })
  test('without one nothing is asked', () => expect(brief(checkNodes(nodes, {}, { deploy: true }))).toEqual([]))
})

describe('values that are no definitions', () => {
  const cyclic: Record<string, unknown> = { flow: 'h', start: 'a', nodes: { a: pass } }
  cyclic['layout'] = { self: cyclic }
  const deep: unknown[] = []
  let inner = deep
  for (let i = 0; i < 20_000; i++) inner.push((inner = []))
  class Order {
    x = 1
  }
  test.each<[string, unknown, string[]]>([
    ['null', null, ['schema']],
    ['undefined', undefined, ['schema']],
    ['a number', 5, ['schema']],
    ['a text', 'flow: h', ['schema']],
    ['a list', [], ['schema']],
    ['a function', () => 1, ['schema']],
    ['a symbol', Symbol('x'), ['schema']],
    ['a cycle', cyclic, ['schema layout.self']],
    ['depth', flow({ layout: { deep } }), [`schema layout.deep${'.0'.repeat(510)}`]],
    ['a bigint', flow({ layout: { x: 1n } }), ['schema layout.x']],
    ['NaN', { ...(flow({}) as object), timeout: NaN }, ['schema timeout']],
    ['an instance', flow({ layout: new Order() }), ['schema layout']],
    ['a date', flow({ layout: { at: new Date(0) } }), ['schema layout.at']],
    [
      'a getter',
      flow({
        layout: Object.defineProperty({}, 'x', {
          enumerable: true,
          get: () => {
            throw new Error('run')
          },
        }),
      }),
      ['schema layout.x'],
    ],
    [
      'a revoked proxy',
      flow({
        layout: (() => {
          const { proxy, revoke } = Proxy.revocable({}, {})
          revoke()
          return proxy
        })(),
      }),
      ['schema layout'],
    ],
    [
      'a throwing proxy',
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error('trap')
          },
        },
      ),
      ['schema'],
    ],
  ])('%s', (_name, value, expected) => expect(check(value)).toEqual(expected))
  test('a proxy without bottom, and one without end', () => {
    const bottomless: object = new Proxy(
      {},
      { ownKeys: () => ['x'], getOwnPropertyDescriptor: () => ({ value: bottomless, enumerable: true, configurable: true }) },
    )
    expect(check(flow({ layout: bottomless })).length).toBe(1)
    const endlessTraps: ProxyHandler<object> = {
      ownKeys: () => ['x', 'y'],
      getOwnPropertyDescriptor: () => ({ value: new Proxy({}, endlessTraps), enumerable: true, configurable: true }),
    }
    expect(check(flow({ layout: new Proxy({}, endlessTraps) })).length).toBeGreaterThan(0)
  }, 20_000)
  test('members that are undefined count as absent', () => expect(check(flow({ timeout: undefined, mode: undefined }))).toEqual([]))
  test('objects without a prototype are fine', () => expect(check(Object.assign(Object.create(null), flow({})))).toEqual([]))
  test('the definition is a copy', () => {
    const value = flow({}) as { nodes: object }
    const { definition } = checkFlow({ value })
    expect(definition).toEqual(value)
    expect(definition!.nodes).not.toBe(value.nodes)
  })
  test('infinities of YAML are no JSON', async () =>
    expect(await places('flow: h\nstart: a\nnodes:\n  a: { type: wait, seconds: .inf }\n')).toEqual(['4:29 schema']))
  test('loadFlow takes any object', async () => {
    expect(
      brief(
        (
          await loadFlow(
            new Proxy(
              {},
              {
                getPrototypeOf: () => {
                  throw new Error('trap')
                },
              },
            ),
          )
        ).diagnostics,
      ),
    ).toEqual(['schema'])
  })
})

test('diagnostics of a text are sorted by position', async () => {
  expect(
    await places('flow: 1h\nnodes:\n  b: { type: pass, next: q, x: 1, label: a, label: b }\n  a: { type: function }\nstart: b\n'),
  ).toEqual(['1:7 schema', '3:26 unknown-node', '3:29 schema', '3:45 duplicate-key', '4:3 schema', '4:3 unreachable-node'])
})
