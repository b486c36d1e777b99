import { describe, expect, it } from 'vitest'
import { bytesOf, either, isKnown, itemOf, lengthOf, Several, Unknown, type Guess } from '../../../engine/estimate/guess.ts'
import { fillParams, fillTemplate, holds, look, type View } from '../../../engine/estimate/look.ts'

const unknown = new Unknown(100)
const view = (data: Guess, context: Guess = {}): View => ({ data, context: () => context })

describe('paths', () => {
  it.each<[string, Guess, Guess | undefined]>([
    ['$.a.b', { a: { b: 1 } }, 1],
    ['$.a.c', { a: { b: 1 } }, undefined],
    ['$.a.b', { a: unknown, x: 1 }, unknown],
    ['$.x', { a: unknown, x: 1 }, 1],
    ['$.y', { a: unknown, x: 1 }, undefined],
    ['$', unknown, unknown],
    ['$.list[1]', { list: [unknown, 2] }, 2],
    ['$.list[-1]', { list: [unknown, 2] }, 2],
    ['$.list[2]', { list: [unknown, 2] }, undefined],
    ['$.list[4]', { list: new Several(5, unknown) }, unknown],
    ['$.list[5]', { list: new Several(5, unknown) }, undefined],
    ['$.list[*].a', { list: [{ a: 1 }, { a: 2 }, { b: unknown }] }, [1, 2]],
    ['$..a', { b: [{ a: 1 }], c: { a: 2 } }, [1, 2]],
  ])('%s in %j', (path, data, found) => {
    expect(look(path, view(data))).toEqual(found)
  })

  it('keep the length of a list of which only that is known', () => {
    const list = { list: new Several(5, { a: unknown, b: 1 }) }
    expect(look('$.list[*]', view(list))).toEqual(new Several(5, { a: unknown, b: 1 }))
    expect(look('$.list[*].a', view(list))).toEqual(new Several(5, unknown))
    expect(look('$.list[*].b', view(list))).toEqual(new Several(5, 1))
  })

  it('take what nobody knows for as large as what they look through', () => {
    expect(look('$..a', view({ x: unknown }))).toEqual(new Unknown(bytesOf({ x: unknown })))
    expect(look('$.x[?@.a > 1]', view({ x: unknown }))).toEqual(unknown)
    expect(look('$.x[*]', view({ x: unknown }))).toEqual(unknown)
  })

  it('of the context ask it', () => {
    expect(look('$$.nodes.a.output', view(1, { nodes: { a: { output: unknown } } }))).toBe(unknown)
  })
})

describe('params', () => {
  it('are filled with what is known and what is not', () => {
    const params = {
      a: '$.a',
      gone: '$.gone',
      deep: { list: ['$.a', '$.gone', 'text', '$no path'], or: { path: '$.gone', default: 7 }, as: { literal: '$.a' } },
      path: '$.unknown',
      default: 1,
    }
    expect(fillParams(params, view({ a: 1, unknown }))).toEqual({
      a: 1,
      deep: { list: [1, null, 'text', '$no path'], or: 7, as: '$.a' },
      path: unknown,
      default: 1,
    })
  })

  it('of an event may be a path as a whole', () => {
    expect(fillTemplate('$.a', view({ a: unknown }))).toBe(unknown)
    expect(fillTemplate('$.gone', view({}))).toBeNull()
  })
})

describe('conditions', () => {
  it.each<[string, Guess, boolean | undefined]>([
    ['$.a > 1', { a: 2 }, true],
    ['$.a > 1', { a: 1, b: unknown }, false],
    ['$.b > 1', { a: 1, b: unknown }, undefined],
    ['$.b.c == nil', { b: unknown }, undefined],
    ['$.c == nil', { b: unknown }, true],
    ["$.list == '**'", { list: new Several(3, 1) }, undefined],
    ['$.list[0] == 1', { list: new Several(3, 1) }, undefined],
    ['$.list[*].a == $.list[*].a', { list: [{ a: 1 }], b: unknown }, true],
    ['$$.loop.index == 0', { b: unknown }, true],
    ['$$.nodes.x.output', { b: unknown }, undefined],
  ])('%s of %j: %s', (when, data, answer) => {
    expect(holds(when, view(data, { loop: { index: 0 }, nodes: { x: { output: unknown } } }))).toBe(answer)
  })
})

describe('values', () => {
  it('have the bytes of their JSON, with what is assumed of the rest', () => {
    for (const value of [null, 1.5, 'ä"\n', [], {}, [1, [2]], { a: { b: [true] }, 'k"': '' }])
      expect(bytesOf(value)).toBe(Buffer.byteLength(JSON.stringify(value)))
    expect(bytesOf({ a: unknown })).toBe('{"a":}'.length + 100)
    expect(bytesOf(new Several(3, unknown))).toBe('[,,]'.length + 300)
  })

  it('that arrive on two ways are what both have', () => {
    expect(either({ a: 1 }, { a: 1 })).toEqual({ a: 1 })
    expect(either({ a: 1, b: 'x' }, { a: 1, b: 'yy' })).toEqual({ a: 1, b: new Unknown(4) })
    expect(either({ a: 1 }, { b: 1 })).toEqual(new Unknown(7))
    expect(either([1, 2], new Several(2, 1))).toEqual(new Several(2, new Unknown(1)))
    expect(either([1, 2], [1])).toEqual(new Unknown(5))
  })

  it('are known to the last part or not', () => {
    expect([isKnown({ a: [1, null] }), isKnown({ a: [unknown] }), isKnown(new Several(1, 1))]).toEqual([true, false, false])
    expect([lengthOf([1, 2]), lengthOf(new Several(7, 1)), lengthOf(unknown), lengthOf({})]).toEqual([2, 7, undefined, undefined])
    expect(itemOf(['aa', 'bbbb'])).toEqual(new Unknown(5))
  })
})
