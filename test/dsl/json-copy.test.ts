import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { copyJson, DEPTH_LIMIT, jsonBytes, JsonCopyError, jsonDepthExceeds, PAYLOAD_LIMIT } from '../../dsl/json-copy.ts'
import type { Json } from '../../dsl/json.ts'

// Megabytes and millions of levels: seconds on a machine that is busy.
vi.setConfig({ testTimeout: 60_000 })

function refusal(value: unknown, maxBytes?: number, maxDepth?: number): JsonCopyError {
  try {
    copyJson(value, maxBytes, maxDepth)
  } catch (error) {
    if (error instanceof JsonCopyError) return error
    throw error
  }
  throw new Error('was copied')
}

const nested = (levels: number): Json => {
  let value: Json = []
  for (let i = 1; i < levels; i++) value = [value]
  return value
}

const roundTrip = (value: unknown): unknown => JSON.parse(JSON.stringify(value) ?? 'null')
const utf8 = (text: string): number => new TextEncoder().encode(text).length

describe('copyJson copies as JSON does', () => {
  class Point {
    x = 1
    #hidden = 2
    get sum() {
      return this.x + this.#hidden
    }
  }
  const inherited = Object.create({ inherited: 1 }) as Record<string, unknown>
  inherited['own'] = 2

  const holes = [1, , 3]
  it.each([
    ['undefined at top', undefined],
    ['numbers', [0, -0, 1.5, NaN, Infinity, -Infinity, 1e300, 5e-324]],
    ['-0 at top', -0],
    ['undefined members and elements', { a: undefined, b: [undefined, 1] }],
    ['holes', holes],
    ['a date', { at: new Date(0) }],
    ['an invalid date', new Date(NaN)],
    ['a map, a set, a regular expression, an error', [new Map([[1, 2]]), new Set([1]), /x/, new Error('x')]],
    ['a class instance', new Point()],
    ['inherited members', inherited],
    ['no prototype', Object.assign(Object.create(null), { a: 1 })],
    ['boxed primitives', [new Number(3), new String('ab'), new String(''), new Boolean(false), Object(-0)]],
    ['typed arrays', new Uint8Array([1, 2])],
    ['a buffer', Buffer.from('a')],
    ['symbol keys', { [Symbol('s')]: 1, a: 2 }],
    ['non-enumerable members', Object.defineProperty({ a: 1 }, 'b', { value: 2 })],
    [
      'a getter',
      {
        get a() {
          return 1
        },
      },
    ],
    ['integer keys', { b: 1, 2: 1, 1: 1 }],
    ['key 0', { 0: 'a', length: 3 }],
    ['an object that calls itself a number', { [Symbol.toStringTag]: 'Number', a: 1 }],
    ['an empty one that calls itself a string', { [Symbol.toStringTag]: 'String' }],
    ['toJSON that gives undefined', { a: { toJSON: () => undefined }, b: [{ toJSON: () => undefined }] }],
    ['toJSON that gives an object with toJSON', { toJSON: () => ({ toJSON: () => 1, a: 1 }) }],
    [
      'a toJSON that gives its own object',
      {
        a: 1,
        toJSON() {
          return this
        },
      },
    ],
    ['toJSON of an array', Object.assign([1], { toJSON: () => ({ list: true }) })],
    ['toJSON that is no function', { toJSON: 1 }],
    ['a benign proxy', new Proxy({ a: [1] }, {})],
    ['a proxy of an array', new Proxy([1, { a: 2 }], {})],
  ])('%s', (_name, value) => {
    expect(copyJson(value)).toEqual(roundTrip(value))
    expect(JSON.stringify(copyJson(value, PAYLOAD_LIMIT))).toBe(JSON.stringify(value) ?? 'null')
  })

  it('hands toJSON its key, as JSON.stringify does', () => {
    const keys: unknown[] = []
    const spy = { toJSON: (key: unknown) => keys.push(key) }
    copyJson(spy)
    copyJson({ a: spy, b: [spy] })
    expect(keys).toEqual(['', 'a', '0'])
  })

  it('keeps __proto__ as a member and leaves prototypes alone', () => {
    const copy = copyJson(JSON.parse('{"__proto__":{"polluted":true},"constructor":1}')) as Record<string, unknown>
    expect(Object.keys(copy)).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
    expect(copy['polluted']).toBeUndefined()
    expect(JSON.stringify(copy)).toBe('{"__proto__":{"polluted":true},"constructor":1}')
  })

  it('takes no inherited members, even from a polluted Object.prototype', () => {
    Object.defineProperty(Object.prototype, 'polluted', { value: 1, enumerable: true, configurable: true })
    let copy: Json
    try {
      copy = copyJson({ a: 1 })
    } finally {
      delete (Object.prototype as Record<string, unknown>)['polluted']
    }
    expect(JSON.stringify(copy)).toBe('{"a":1}')
  })

  it('shares nothing', () => {
    const shared = { n: 1 }
    const copy = copyJson({ a: shared, b: [shared, shared] }) as { a: object; b: object[] }
    expect(copy).toEqual({ a: { n: 1 }, b: [{ n: 1 }, { n: 1 }] })
    expect(copy.a).not.toBe(shared)
    expect(copy.b[0]).not.toBe(copy.b[1])
  })

  it('may be called again from a toJSON', () => {
    const value = { a: 'x'.repeat(50), b: { toJSON: () => (copyJson({ big: 'y'.repeat(100) }), 1) }, c: 'z'.repeat(50) }
    const bytes = JSON.stringify(value).length
    expect(copyJson(value, bytes)).toEqual(roundTrip(value))
    expect(refusal(value, bytes - 1).reason).toBe('too-large')
    const catching = {
      toJSON: () => {
        try {
          return copyJson(1n)
        } catch {
          return 'refused'
        }
      },
    }
    expect(copyJson([catching, 1n === 1n], 20)).toEqual(['refused', true])
  })

  it('property: equals the round trip and counts bytes exactly', () => {
    const leaf = fc.oneof(
      fc.constant(undefined),
      fc.double(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.string({ unit: 'binary' }),
      fc.date(),
    )
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        leaf,
        fc.array(tie('value'), { maxLength: 5 }),
        fc.dictionary(fc.string({ unit: 'binary' }), tie('value'), { maxKeys: 5 }),
      ),
    }))
    const units = fc.array(fc.integer({ min: 0, max: 0xffff })).map((codes) => String.fromCharCode(...codes))
    fc.assert(
      fc.property(fc.oneof(value, units, fc.array(units)), (input) => {
        const text = JSON.stringify(input) ?? 'null'
        const bytes = utf8(text)
        const copy = copyJson(input, bytes)
        expect(JSON.stringify(copy)).toBe(text)
        expect(copy).toEqual(JSON.parse(text))
        expect(jsonBytes(copy)).toBe(bytes)
        expect(refusal(input, bytes - 1).reason).toBe('too-large')
      }),
      { numRuns: 1000 },
    )
  })
})

describe('copyJson refuses', () => {
  const cycle: Record<string, unknown> = { a: [1] }
  ;(cycle['a'] as unknown[]).push({ back: cycle })
  const ring: Record<string, unknown> = {}
  let end = ring
  for (let i = 0; i < 3000; i++) end = end['next'] = {}
  end['next'] = ring
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  it.each([
    ['a BigInt', { a: [0, 0, 0, { b: 1n }] }, '$.a[3].b holds a BigInt'],
    ['a BigInt at top', 1n, '$ holds a BigInt'],
    ['a boxed BigInt', [Object(1n)], '$[0] holds a BigInt'],
    ['a function', { 'a b': () => 1 }, "$['a b'] holds a function"],
    ['a class at top', Date, '$ holds a function'],
    ['a symbol', [Symbol('x')], '$[0] holds a symbol'],
    ['a cycle', cycle, 'is part of a cycle'],
    ['a ring of 3,000', ring, 'is part of a cycle'],
    [
      'a toJSON that throws',
      {
        a: {
          toJSON() {
            throw new Error('no')
          },
        },
      },
      '$.a has a toJSON that throws: no',
    ],
    ['a toJSON that gives a BigInt', { a: { toJSON: () => 1n } }, '$.a holds a BigInt'],
    [
      'a getter that throws',
      {
        get a() {
          throw new Error('no')
        },
      },
      '$ cannot be read: no',
    ],
    [
      'a getter that throws something odd',
      {
        get a() {
          throw Object.create(null)
        },
      },
      '$ cannot be read: an error without a message',
    ],
    ['a revoked proxy', { a: revoked.proxy }, '$ cannot be read'],
    [
      'a proxy that throws',
      new Proxy(
        {},
        {
          ownKeys() {
            throw new Error('trap')
          },
        },
      ),
      '$ cannot be read: trap',
    ],
  ])('%s', (_name, value, message) => {
    expect(refusal(value, PAYLOAD_LIMIT)).toMatchObject({
      name: 'JsonCopyError',
      reason: 'not-json',
      message: expect.stringContaining(message),
    })
    expect(refusal(value).reason).toBe('not-json')
  })

  it('the longest number, which has 25 characters, by each byte that is missing', () => {
    const longest = -0.0000028154707587951933
    expect(JSON.stringify(longest)).toHaveLength(25)
    expect(copyJson(longest, 25)).toBe(longest)
    for (const limit of [24, 12, 1, 0]) expect(refusal(longest, limit).reason).toBe('too-large')
  })

  it('a cycle that is over the size before it is over the depth', () => {
    const value: Record<string, unknown> = { text: 'x'.repeat(1_000_000) }
    value['self'] = value
    expect(refusal(value, PAYLOAD_LIMIT).reason).toBe('not-json')
  })

  it('more than 512 levels, whatever stands in them', () => {
    expect(DEPTH_LIMIT).toBe(512)
    expect(copyJson(nested(512))).toEqual(nested(512))
    expect(refusal(nested(513))).toMatchObject({ reason: 'too-deep', message: expect.stringContaining('nested deeper than 512 levels') })
    expect(refusal({ a: nested(512) }).reason).toBe('too-deep')
    expect(refusal(nested(100_000)).reason).toBe('too-deep')
    expect(copyJson(1, undefined, 0)).toBe(1)
    expect(refusal([], undefined, 0).reason).toBe('too-deep')
  })

  it('objects without end', () => {
    const endless = (): object => ({
      get next() {
        return endless()
      },
    })
    expect(refusal(endless()).reason).toBe('too-deep')
    const again = (): object => ({ toJSON: () => ({ inner: again() }) })
    expect(refusal(again()).reason).toBe('too-deep')
  })

  it('one byte more than 6 MiB', () => {
    expect(PAYLOAD_LIMIT).toBe(6_291_456)
    const fits = 'x'.repeat(PAYLOAD_LIMIT - 2)
    expect(copyJson(fits, PAYLOAD_LIMIT)).toBe(fits)
    expect(refusal(`${fits}x`, PAYLOAD_LIMIT).reason).toBe('too-large')
    const wide = '上'.repeat((PAYLOAD_LIMIT - 9) / 3)
    expect(utf8(JSON.stringify({ a: wide }))).toBe(PAYLOAD_LIMIT - 1)
    expect(copyJson({ a: `${wide}x` }, PAYLOAD_LIMIT)).toEqual({ a: `${wide}x` })
    expect(refusal({ a: `${wide}xx` }, PAYLOAD_LIMIT).reason).toBe('too-large')
    const escapes = '\n'.repeat((PAYLOAD_LIMIT - 2) / 2)
    expect(copyJson(escapes, PAYLOAD_LIMIT)).toBe(escapes)
    expect(refusal(`${escapes}\n`, PAYLOAD_LIMIT).reason).toBe('too-large')
  })

  it('what one shared value makes endless, without making it', () => {
    let value: unknown = []
    for (let i = 0; i < 60; i++) value = [value, value]
    expect(refusal(value, PAYLOAD_LIMIT).reason).toBe('too-large')
    const sparse: unknown[] = []
    sparse.length = 4_000_000_000
    expect(refusal(sparse, PAYLOAD_LIMIT).reason).toBe('too-large')
  })
})

describe('jsonBytes', () => {
  it('stops at its limit', () => {
    expect(jsonBytes('x'.repeat(1000), 10)).toBeGreaterThan(10)
    expect(jsonBytes([1, 2, 3], 7)).toBe(7)
    expect(jsonBytes([1, 2, 3], 6)).toBeGreaterThan(6)
  })
  it('goes to any depth', () => {
    expect(jsonBytes(nested(1_000_000))).toBe(2_000_000)
  })
})

describe('jsonDepthExceeds', () => {
  it('counts levels of arrays and objects', () => {
    expect(jsonDepthExceeds(1, 0)).toBe(false)
    expect(jsonDepthExceeds([], 0)).toBe(true)
    expect(jsonDepthExceeds([], 1)).toBe(false)
    expect(jsonDepthExceeds({ a: [1, {}] }, 2)).toBe(true)
    expect(jsonDepthExceeds({ a: [1, {}] }, 3)).toBe(false)
    expect(jsonDepthExceeds(nested(512))).toBe(false)
    expect(jsonDepthExceeds(nested(513))).toBe(true)
  })
  it('goes to any depth', () => {
    expect(jsonDepthExceeds(nested(1_000_000), 999_999)).toBe(true)
    expect(jsonDepthExceeds(nested(1_000_000), 1_000_000)).toBe(false)
  })
})
