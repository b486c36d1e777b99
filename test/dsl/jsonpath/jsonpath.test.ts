import { describe, expect, it } from 'vitest'
import { compilePath, JsonPathSyntaxError, query } from '../../../dsl/jsonpath/index.ts'
import type { Json, JsonObject } from '../../../dsl/json.ts'

function fault(path: string, options?: { context?: boolean }): JsonPathSyntaxError {
  try {
    compilePath(path, options)
  } catch (error) {
    if (error instanceof JsonPathSyntaxError) return error
    throw error
  }
  throw new Error(`${path} is valid`)
}

const deep = (levels: number): Json => {
  let value: Json = 1
  for (let i = 0; i < levels; i++) value = i % 2 ? [value] : { a: value }
  return value
}

describe('compilePath', () => {
  it.each<[string, boolean]>([
    ['$', true],
    ['$.a', true],
    ["$['a b'][0].c", true],
    ['$[-1]', true],
    ['$.a.*', false],
    ['$..a', false],
    ['$[0,1]', false],
    ['$[0:1]', false],
    ['$[?@.a]', false],
    ['$[(@.length-1)]', false],
  ])('%s is definite: %s', (text, definite) => {
    expect(compilePath(text)).toMatchObject({ text, definite, isContext: false })
  })

  it('gives the value of a definite path, the list of any other', () => {
    const root = { a: { b: [{ c: null }, false] } }
    expect(compilePath('$.a.b[0].c').get(root)).toBeNull()
    expect(compilePath('$.a.b[-1]').get(root)).toBe(false)
    expect(compilePath('$.a.b[2]').get(root)).toBeUndefined()
    expect(compilePath('$.a.b[-3]').get(root)).toBeUndefined()
    expect(compilePath('$.a.b[2]').matches(root)).toEqual([])
    expect(compilePath('$.a.b[0].c').matches(root)).toEqual([null])
    expect(compilePath('$.a.b[(@.length-1)]').get(root)).toEqual([false])
    expect(compilePath('$.gone[*]').get(root)).toEqual([])
    expect(compilePath('$').get(root)).toBe(root)
    expect(compilePath('$.a').get(root)).toBe(root.a)
  })

  it('knows the names that a path begins with', () => {
    const names = (text: string) => compilePath(text, { context: true }).names
    expect(names('$$.nodes.a[0].x')).toEqual(['nodes', 'a'])
    expect(names("$$['nodes']['a-b'].output")).toEqual(['nodes', 'a-b', 'output'])
    expect(names('$$.nodes..x')).toEqual(['nodes'])
    expect(names("$$.nodes['a','b']")).toEqual(['nodes'])
    expect(names('$')).toEqual([])
    expect(names('$[0].a')).toEqual([])
  })

  it('takes $$ only where the context is', () => {
    const path = compilePath('$$.nodes.a.output[?@.x == $.node.id]', { context: true })
    expect(path).toMatchObject({ isContext: true, definite: false })
    expect(path.get({ node: { id: 'b' }, nodes: { a: { output: [{ x: 'a' }, { x: 'b' }] } } })).toEqual([{ x: 'b' }])
    expect(compilePath('$$', { context: true }).get({ a: 1 })).toEqual({ a: 1 })
    expect(fault('$$.a').message).toContain('$$, the context, does not stand here')
    expect(fault('$[?@.a == $$.b]', { context: true })).toMatchObject({
      position: 10,
      message: expect.stringContaining('does not stand in filters'),
    })
    expect(fault('$$$.a', { context: true }).position).toBe(2)
  })

  it('takes - inside a name', () => {
    expect(query('$.order-id', { 'order-id': 1 })).toEqual([1])
    expect(query('$..a-', { 'a-': 1 })).toEqual([1])
    expect(query('$[?@.a-b == 1].a-b', [{ 'a-b': 1 }])).toEqual([1])
    expect(fault('$.-a').position).toBe(2)
  })

  it('takes (@.length-n) alone in its brackets, and never as definite', () => {
    expect(query('$[ (@.length-2) ]', [1, 2, 3])).toEqual([2])
    expect(query('$..[(@.length-1)]', { a: [1, [2]] })).toEqual([[2], 2])
    expect(query('$[?@[(@.length-1)]]', [[], [1]])).toEqual([[1]])
    for (const path of [
      '$[(@.length-0)]',
      '$[(@.length-01)]',
      '$[(@.length+1)]',
      '$[(@.length)]',
      '$[(@.length-1),0]',
      '$[(@.length-1)',
      '$[?@[(@.length-1)] == 1]',
      '$[(@.length-9007199254740992)]',
    ])
      fault(path)
  })

  it('has no functions', () => {
    for (const path of ['$[?length(@.a) == 1]', "$[?match(@.a, 'x')]", '$[?count(@.*) > 1]', '$.length()']) fault(path)
  })

  it('has at most 4,096 characters', () => {
    expect(query(`$.${'a'.repeat(4094)}`, {})).toEqual([])
    expect(query(`$.${'😀'.repeat(4094)}`, {})).toEqual([])
    expect(fault(`$.${'a'.repeat(4095)}`).message).toContain('4096 characters')
    expect(fault(`$.${'😀'.repeat(4095)}`).message).toContain('4096 characters')
  })

  it.each<[string, number, string]>([
    ['', 0, "expected $, found the end at character 1 of ''"],
    ['a.b', 0, "expected $, found 'a' at character 1 of 'a.b'"],
    ['$.a b', 3, "expected ., [ or the end of the path, found ' ' at character 4 of '$.a b'"],
    ['$.a ', 3, 'or the end of the path'],
    ['$.', 2, "expected a name or * behind '.', found the end"],
    ['$.a[', 4, 'expected an index, a quoted name'],
    ['$.a[0', 3, 'a [ is not closed'],
    ['$.a[01]', 5, 'expected , or ]'],
    ['$.a[9007199254740992]', 4, 'a number is too large'],
    ["$['a", 2, 'a string has no closing'],
    ["$['\n']", 3, 'expected an escape such as \\n, found U+000A'],
    ["$['\\x']", 4, "behind the backslash, found 'x'"],
    ["$['\\ud800']", 3, 'a surrogate stands alone'],
    ["$['\ud800']", 3, 'expected a character, found U+D800'],
    ['$.a\ud800', 3, 'found U+D800'],
    ['$[?1]', 4, 'a constant alone is no test'],
    ['$[?(@.a]', 7, "expected ), found ']'"],
    ['$[?(@.a', 3, 'a ( is not closed'],
    ['$[?@.* == 1]', 3, 'only a path of names and single indexes can be compared'],
    ['$[?1 == @..a]', 8, 'only a path of names and single indexes can be compared'],
    ['$[?!!@.a]', 4, "behind '!'"],
    ['$[?!1 == 1]', 4, "behind '!'"],
    ['$[(@.x)]', 2, '(@.length-n)'],
  ])('says where %s is wrong', (path, position, message) => {
    const error = fault(path)
    expect(error).toMatchObject({ name: 'JsonPathSyntaxError', position })
    expect(error.message).toContain(message)
  })
})

describe('evaluation', () => {
  it('takes own members only', () => {
    const data = JSON.parse('{"__proto__":{"x":1},"constructor":{"name":"n"}}') as JsonObject
    expect(query('$.__proto__.x', data)).toEqual([1])
    expect(query('$.constructor.name', data)).toEqual(['n'])
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf']) {
      expect(query(`$.${name}`, {})).toEqual([])
      expect(query(`$['${name}']`, [])).toEqual([])
      expect(query(`$..${name}`, [{}, 'text'])).toEqual([])
      expect(query(`$[?@.${name}]`, [{}])).toEqual([])
      expect(compilePath(`$.a.${name}`).get({ a: {} })).toBeUndefined()
    }
  })

  it('gives strings and arrays no members', () => {
    expect(query('$.a.length', { a: 'xy' })).toEqual([])
    expect(query('$.a.length', { a: [1] })).toEqual([])
    expect(query("$.a['0']", { a: [1] })).toEqual([])
    expect(query('$.a[0]', { a: 'xy' })).toEqual([])
    expect(query('$.a[0]', { a: { 0: 1 } })).toEqual([])
  })

  it('compares strings by code points', () => {
    expect(query("$[?@ < '\uff01']", ['\u{1f600}', 'a', ''])).toEqual(['a', ''])
    expect(query("$[?@ > '\\ud83d\\ude00']", ['\u{1f601}', '\uff01'])).toEqual(['\u{1f601}'])
    expect(query("$[?@ < 'ab']", ['a', 'ab', 'abc', 'b'])).toEqual(['a'])
  })

  it('lets <= and >= hold for equals of any type', () => {
    expect(query('$[?@.a <= @.b]', [{}, { a: [1], b: [1] }, { a: null, b: null }, { a: true, b: false }, { a: 1 }])).toEqual([
      {},
      { a: [1], b: [1] },
      { a: null, b: null },
    ])
  })

  it('reads [?x] and [?(x)] alike, inside filters too', () => {
    const data = [{ a: [{ b: 1 }, { b: 2 }] }, { a: [{ b: 3 }] }]
    expect(query('$[?(@.a[?(@.b == 2)])]', data)).toEqual([data[0]])
    expect(query('$[?@.a[?@.b == 2 && $[1].a]]', data)).toEqual([data[0]])
    expect(query('$..[?@.b > 1].b', data)).toEqual([2, 3])
  })

  it('finds in nested filters what it finds without them', () => {
    const data = { x: { y: [{ k: 1, v: 'a' }, { k: 2 }] }, z: [{ k: 1 }] }
    expect(query('$..[?@[?@.k == 1]]', data)).toEqual([data.z, data.x.y])
    expect(query('$[?@..[?@.v]]', data)).toEqual([data.x])
    expect(query('$[?@..k]', data)).toEqual([data.x, data.z])
    expect(query('$[?@..v]', data)).toEqual([data.x])
    expect(query('$[?$.x.y[?@.v]]', data)).toEqual([data.x, data.z])
    expect(query('$[?!$.x.y[?@.w]]', data)).toEqual([data.x, data.z])
  })

  it('leaves documents as they are, and shares what it finds', () => {
    const data = Object.freeze({ list: Object.freeze([Object.freeze({ a: 1 })]) }) as unknown as Json
    expect(query('$..[?@.a == 1]', data)[0]).toBe((data as { list: Json[] }).list[0])
  })
})

describe('hostile paths and documents', () => {
  it('refuses filters and parentheses inside each other beyond 200 levels, and takes 199', () => {
    const filters = (n: number) => '$' + '[?@'.repeat(n) + ']'.repeat(n)
    const parentheses = (n: number) => `$[?${'('.repeat(n)}@${')'.repeat(n)}]`
    expect(query(filters(199), deep(250))).toHaveLength(1)
    expect(query(parentheses(199), [1])).toEqual([1])
    for (const path of [
      filters(201),
      filters(1000),
      parentheses(201),
      parentheses(2000),
      `$[?${'!('.repeat(2000)}`,
      '$[?'.repeat(1300),
      '['.repeat(4000),
      `$${'['.repeat(4000)}`,
    ])
      fault(path)
  })

  it('takes long flat ones', () => {
    expect(query(`$[?${'@.a||'.repeat(800)}@.b]`, [{ b: 1 }])).toEqual([{ b: 1 }])
    expect(query(`$[?${'@.b&&'.repeat(800)}@.b]`, [{ b: 1 }])).toEqual([{ b: 1 }])
    expect(query(`$${'.*'.repeat(2047)}`, deep(2047))).toEqual([1])
    expect(query(`$${'[0]'.repeat(1300)}`, deep(10))).toEqual([])
  })

  it('goes to any depth', () => {
    const document = deep(100_000)
    expect(query('$..*', document)).toHaveLength(100_000)
    expect(query('$..a', document)).toHaveLength(50_000)
    expect(query('$..[?@.a == 1]', document)).toHaveLength(1)
    expect(query('$[?@ == $[0]]', [deep(100_000), deep(100_000), deep(99_999)])).toHaveLength(2)
  })

  it('ends soon where the matches explode', () => {
    const start = performance.now()
    const chain = deep(512)
    expect(query('$..*..*', chain)).toHaveLength((512 * 511) / 2)
    expect(() => query('$..*..*..*..*..*', chain)).toThrow(expect.objectContaining({ name: 'PayloadTooLarge' }) as Error)
    expect(() =>
      query(
        `$[${'*,'.repeat(1000)}*]`,
        Array.from({ length: 10_000 }, () => 0),
      ),
    ).toThrow(expect.objectContaining({ name: 'PayloadTooLarge' }) as Error)
    expect(performance.now() - start).toBeLessThan(10_000)
  })

  it('keeps filters inside filters from exploding', () => {
    const chain = deep(512)
    expect(query('$..[?@..[?@..[?@..[?@..[?@.x]]]]]', chain)).toEqual([])
    expect(query('$[?@..*..*..*..*..*..*.x]', chain)).toEqual([])
    const list = Array.from({ length: 1000 }, (_, i) => i)
    expect(query('$[?$[?$[?$[?$[?$[?$.x]]]]]]', list)).toEqual([])
  })
})
