import { describe, expect, it } from 'vitest'
import type { PathContext } from '../../dsl/expressions.ts'
import { JsonPathSyntaxError } from '../../dsl/jsonpath/index.ts'
import type { Json, JsonObject } from '../../dsl/json.ts'
import { compileParams, compileTemplate, templateErrors } from '../../dsl/params.ts'

const none: PathContext = {
  contextFor() {
    throw new Error('no context was needed')
  },
}
const context: PathContext = { contextFor: () => ({ flow: { name: 'f' }, nodes: { a: { output: { result: 42 } } } }) }

const params = (template: JsonObject, data: Json) => compileParams(template).resolve(data, none)

describe('compileParams', () => {
  it('resolves the guide-like example, and names what was not found', () => {
    const template = {
      fixed: 7,
      text: 'hello',
      nested: { list: ['$.a', '$.b.c', 'nope', '$.gone'], whole: '$' },
      defaulted: { path: '$.gone', default: 1 },
      found: { path: '$.a', default: 1 },
      literal: { literal: '$.a' },
      gone: '$.gone',
    }
    const data = { a: 1, b: { c: 'two' } }
    expect(params(template, data)).toEqual({
      value: { fixed: 7, text: 'hello', nested: { list: [1, 'two', 'nope', null], whole: data }, defaulted: 1, found: 1, literal: '$.a' },
      unresolved: ['nested.list[3]', 'gone'],
    })
  })

  it('makes no list of unresolved names where there are none', () => {
    expect(params({ input: '$.input' }, { input: 3 })).toEqual({ value: { input: 3 }, unresolved: undefined })
    expect(params({ path: '$.a', default: '$.gone' }, { a: 1 })).toEqual({ value: { path: 1 }, unresolved: ['default'] })
    expect(params({}, null)).toEqual({ value: {}, unresolved: undefined })
  })

  it.each<[string, string]>([
    ['$', 'data'],
    ['$.a', 'path'],
    ["$['a']", 'path'],
    ['$$', 'text'],
    ['$$[0]', 'text'],
    ["$$['flow']", 'text'],
    ['$a', 'text'],
    ['$ .a', 'text'],
    [' $.a', 'text'],
    ['a.$.b', 'text'],
    ['@.a', 'text'],
    ['', 'text'],
  ])('takes %j for %s', (text, what) => {
    const data = { a: 'found' }
    expect(params({ x: text }, data).value).toEqual({ x: what === 'data' ? data : what === 'path' ? 'found' : text })
  })

  it('reads the context by $$. only, and asks for it only then', () => {
    const template = compileParams({
      was: '$$.nodes.a.output.result',
      flow: '$$.flow.name',
      gone: '$$.loop.index',
      id: { path: '$$.node.id', default: 'x' },
    })
    expect(template.resolve({}, context)).toEqual({ value: { was: 42, flow: 'f', id: 'x' }, unresolved: ['gone'] })
    expect(template.paths.map((path) => path.names)).toEqual([
      ['nodes', 'a', 'output', 'result'],
      ['flow', 'name'],
      ['loop', 'index'],
      ['node', 'id'],
    ])
  })

  it.each<[string, JsonObject, Json, Json]>([
    ['a path without a default', { x: { path: '$.a' } }, { a: 1 }, { x: { path: 1 } }],
    [
      'path, default and more',
      { x: { path: '$.a', default: '$.b', unit: 'm' } },
      { a: 1, b: 2 },
      { x: { path: 1, default: 2, unit: 'm' } },
    ],
    ['literal and more', { x: { literal: '$.a', y: 1 } }, { a: 1 }, { x: { literal: 1, y: 1 } }],
    ['a default that looks like a path', { x: { path: '$.gone', default: '$.a' } }, { a: 1 }, { x: '$.a' }],
    ['a default that holds paths', { x: { path: '$.gone', default: { y: ['$.a'] } } }, { a: 1 }, { x: { y: ['$.a'] } }],
    ['a null that is found', { x: { path: '$.a', default: 1 } }, { a: null }, { x: null }],
    ['a null default', { x: { path: '$.gone', default: null } }, {}, { x: null }],
    ['a path that is no JSONPath', { x: { path: 'a/b', default: '$.a' } }, { a: 1 }, { x: { path: 'a/b', default: 1 } }],
    ['a path that is no text', { x: { path: 3, default: '$.a' } }, { a: 1 }, { x: { path: 3, default: 1 } }],
    ['literal at the top', { literal: '$.a' }, { a: 1 }, { literal: 1 }],
    ['path and default at the top', { path: '$.a', default: '$.b' }, { a: 1, b: 2 }, { path: 1, default: 2 }],
    [
      'literal below',
      { x: { y: { literal: { z: '$.a' } } }, l: [{ literal: ['$.a'] }] },
      { a: 1 },
      { x: { y: { z: '$.a' } }, l: [['$.a']] },
    ],
    ['a literal in a literal', { x: { literal: { literal: 1 } } }, {}, { x: { literal: 1 } }],
    [
      'path and default in a list',
      {
        x: [
          { path: '$.gone', default: 1 },
          { path: '$.a', default: 1 },
        ],
      },
      { a: 2 },
      { x: [1, 2] },
    ],
    [
      'indefinite paths',
      { x: '$.l[?(@ > 5)]', y: { path: '$.gone[*]', default: 1 }, z: ['$..gone'] },
      { l: [1] },
      { x: [], y: [], z: [[]] },
    ],
    ['the end of a list by length', { x: '$.l[(@.length-1)]', y: '$.l[-1]' }, { l: [1, 2] }, { x: [2], y: 2 }],
  ])('%s', (_name, template, data, value) => {
    expect(params(template, data)).toEqual({ value, unresolved: undefined })
  })

  it('leaves an object in place whose members are all gone', () => {
    expect(params({ x: { y: '$.gone' }, l: ['$.gone', ['$.gone']] }, {})).toEqual({
      value: { x: {}, l: [null, [null]] },
      unresolved: ['x.y', 'l[0]', 'l[1][0]'],
    })
  })

  it('names places as in a JSONPath', () => {
    expect(
      params({ 'a b': { c: '$.gone' }, "it's": ['$.gone'], 城市: '$.gone', 'a-b': '$.gone', '': '$.gone', 1: '$.gone' }, {}).unresolved,
    ).toEqual(["['1']", "['a b'].c", "['it\\'s'][0]", '城市', 'a-b', "['']"])
  })

  it('keeps keys that look like prototypes as data', () => {
    const template = JSON.parse(
      '{"__proto__":"$.a","constructor":{"__proto__":{"x":1}},"p":"$.constructor","q":{"path":"$.toString","default":"none"}}',
    ) as JsonObject
    const { value } = params(template, { a: { polluted: true } })
    expect(JSON.stringify(value)).toBe('{"__proto__":{"polluted":true},"constructor":{"__proto__":{"x":1}},"q":"none"}')
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
  })

  it('shares what it finds', () => {
    const data = { a: { b: 1 } }
    expect((params({ x: '$.a' }, data).value as JsonObject)['x']).toBe(data.a)
  })

  it('throws for a path that does not parse', () => {
    expect(() => compileParams({ x: ['$.a['] })).toThrow(JsonPathSyntaxError)
    expect(() => compileParams({ x: { path: '$.', default: 1 } })).toThrow(JsonPathSyntaxError)
    expect(() => compileParams({ x: { literal: '$.' } })).not.toThrow()
    expect(() => compileParams({ x: { path: '$.a', default: '$.' } })).not.toThrow()
  })
})

describe('compileTemplate', () => {
  const template = (value: Json, data: Json) => compileTemplate(value).resolve(data, none)
  it('takes any value', () => {
    expect(template(5, {}).value).toBe(5)
    expect(template('text', {}).value).toBe('text')
    expect(template('$.a', { a: [1] }).value).toEqual([1])
    expect(template(['$.a', 'x'], { a: 1 }).value).toEqual([1, 'x'])
    expect(template({ n: '$.a', k: 1 }, { a: 1 }).value).toEqual({ n: 1, k: 1 })
  })
  it('takes what is special as a whole', () => {
    expect(template({ literal: '$.a' }, { a: 1 }).value).toBe('$.a')
    expect(template({ path: '$.gone', default: 2 }, {}).value).toBe(2)
  })
  it('is null where the whole finds nothing', () => {
    expect(template('$.gone', {})).toEqual({ value: null, unresolved: ['$'] })
    expect(template(['$.gone'], {})).toEqual({ value: [null], unresolved: ['[0]'] })
  })
})

describe('templateErrors', () => {
  const at = (value: Json, kind: 'params' | 'template') => templateErrors(value, kind).map(({ path }) => path)
  it('finds every path that does not parse, in order', () => {
    const value = {
      a: '$.',
      b: { c: ['$.ok', '$['] },
      d: { path: '$.x[', default: '$.' },
      e: { literal: '$.' },
      f: { path: 'x', default: '$.' },
      g: '$$.',
      h: '$$',
    }
    expect(at(value, 'params')).toEqual([['a'], ['b', 'c', 1], ['d', 'path'], ['f', 'default'], ['g']])
    expect(templateErrors(value, 'params')[1]!.error).toBeInstanceOf(JsonPathSyntaxError)
    expect(templateErrors(value, 'params')[1]!.error.position).toBe(2)
  })
  it('knows that the top of params is not special', () => {
    expect(at({ literal: '$.' }, 'params')).toEqual([['literal']])
    expect(at({ literal: '$.' }, 'template')).toEqual([])
    expect(at({ path: '$.a', default: '$.' }, 'params')).toEqual([['default']])
    expect(at({ path: '$.', default: '$.' }, 'template')).toEqual([['path']])
    expect(at('$.', 'template')).toEqual([[]])
  })
  it('goes to any depth', () => {
    let value: Json = '$.'
    for (let i = 0; i < 100_000; i++) value = [value]
    expect(at(value, 'template')[0]).toHaveLength(100_000)
  })
})
