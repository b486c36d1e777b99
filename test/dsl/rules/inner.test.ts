import { describe, expect, test } from 'vitest'
import { brief, checkNodes } from '../flows.ts'

const fn = (next?: string): object => ({ type: 'function', function: 'f', ...(next && { next }) })
const pass = (next?: string): object => ({ type: 'pass', ...(next && { next }) })

function inLoop(nodes: object, rest: object = {}): string[] {
  return brief(checkNodes({ l: { type: 'loop', items: '$.x', nodes, ...rest } }))
}
function inService(nodes: object, rest: object = {}): string[] {
  return brief(checkNodes({ s: { type: 'service', nodes, ...rest } }))
}

describe('loop', () => {
  test.each<[string, object, object, string[]]>([
    [
      'function, wait, error and pass',
      {
        a: { ...fn('b'), onError: 'x' },
        b: { type: 'wait', seconds: 1, next: 'c' },
        c: pass(),
        x: { type: 'error', catch: [{ next: 'c' }] },
      },
      {},
      [],
    ],
    ['start left out, the entry not first', { b: pass(), a: pass('b') }, {}, []],
    ['start given', { a: pass('b'), b: pass() }, { start: 'a' }, []],
    ['a callback', { a: { type: 'callback', function: 'f' } }, {}, ['loop-body nodes.l.nodes.a.type']],
    ['an end', { a: pass('e'), e: { type: 'end' } }, {}, ['loop-body nodes.l.nodes.e.type']],
    ['an end alone', { e: { type: 'end' } }, {}, ['loop-body nodes.l.nodes.e.type']],
    ['a loop', { a: { type: 'loop', items: '$.y', nodes: { i: { type: 'end' } } } }, {}, ['loop-body nodes.l.nodes.a.type']],
    [
      'each of the others',
      {
        a: { type: 'subflow', flow: 'g', next: 'b' },
        b: { type: 'event', channel: 'c', next: 'd' },
        d: { type: 'service', nodes: { i: fn() } },
      },
      {},
      ['loop-body nodes.l.nodes.a.type', 'loop-body nodes.l.nodes.b.type', 'loop-body nodes.l.nodes.d.type'],
    ],
    ['no node', {}, {}, ['loop-body nodes.l.nodes']],
    ['two entries', { a: pass('c'), b: pass('c'), c: pass() }, {}, ['loop-body nodes.l.nodes']],
    ['two entries, start given', { a: pass(), b: pass() }, { start: 'b' }, ['loop-body nodes.l.nodes']],
    ['an error node alone', { x: { type: 'error' } }, {}, ['loop-body nodes.l.nodes.x']],
    ['start at an error node', { a: { ...fn(), onError: 'x' }, x: { type: 'error' } }, { start: 'x' }, ['loop-body nodes.l.start']],
    ['an unreachable error node is a second entry', { a: fn(), x: { type: 'error' } }, {}, ['loop-body nodes.l.nodes']],
    ['start behind the entry', { a: pass('b'), b: pass() }, { start: 'b' }, ['unreachable-node nodes.l.nodes.a']],
    ['start unknown', { a: pass() }, { start: 'z' }, ['unknown-node nodes.l.start']],
    ['start is an outer node', { a: pass() }, { start: 'l' }, ['unknown-node nodes.l.start']],
    ['a reference to an outer node', { a: pass('l') }, {}, ['unknown-node nodes.l.nodes.a.next']],
    ['a cycle', { a: pass('b'), b: pass('a') }, {}, ['cycle nodes.l.nodes.a']],
    ['a cycle behind the entry', { a: pass('b'), b: pass('c'), c: pass('b') }, {}, ['cycle nodes.l.nodes.b']],
    [
      'a cycle beside the entry',
      { a: pass(), b: pass('c'), c: pass('b') },
      {},
      ['cycle nodes.l.nodes.b', 'unreachable-node nodes.l.nodes.b', 'unreachable-node nodes.l.nodes.c'],
    ],
    ['next to an error node', { a: fn('x'), x: { type: 'error' } }, {}, ['next-target nodes.l.nodes.a.next']],
    ['onError to none', { a: { ...fn('b'), onError: 'b' }, b: pass() }, {}, ['error-source nodes.l.nodes.a.onError']],
    ['an unknown type', { a: { type: 'magic' } }, {}, ['schema nodes.l.nodes.a.type']],
    [
      'mistakes of inner nodes',
      { a: { type: 'function', next: 'b' }, b: { type: 'wait', seconds: 'x' } },
      {},
      ['jsonpath-syntax nodes.l.nodes.b.seconds', 'schema nodes.l.nodes.a'],
    ],
    ['nodes is no object', [], {}, ['schema nodes.l.nodes']],
    ['a bad id', { '1a': pass() }, {}, ['schema nodes.l.nodes.1a']],
  ])('%s', (_name, nodes, rest, expected) => expect(inLoop(nodes, rest)).toEqual(expected))
  test('inner and outer ids are apart', () => {
    expect(brief(checkNodes({ l: { type: 'loop', items: '$.x', nodes: { l: pass() }, next: 'a' }, a: pass() }))).toEqual([])
  })
})

describe('serial service', () => {
  test.each<[string, object, object, string[]]>([
    ['one chain', { b: fn(), a: fn('b') }, {}, []],
    ['with start', { a: fn('b'), b: fn() }, { start: 'a', execution: 'serial' }, []],
    ['two chains', { a: fn('b'), b: fn(), c: fn() }, {}, ['service-body nodes.s.nodes']],
    ['two into one', { a: fn('c'), b: fn('c'), c: fn() }, {}, ['service-body nodes.s.nodes']],
    ['no node', {}, {}, ['service-body nodes.s.nodes']],
    ['other kinds', { a: pass('b'), b: { type: 'wait' } }, {}, ['service-body nodes.s.nodes.a.type']],
    ['a callback', { a: fn('b'), b: { type: 'callback', function: 'f' } }, {}, ['callback-in-service nodes.s.nodes.b.type']],
    ['start behind the entry', { a: fn('b'), b: fn() }, { start: 'b' }, ['unreachable-node nodes.s.nodes.a']],
    ['a cycle', { a: fn('b'), b: fn('a') }, {}, ['cycle nodes.s.nodes.a']],
    ['a reference to an outer node', { a: fn('s') }, {}, ['unknown-node nodes.s.nodes.a.next']],
  ])('%s', (_name, nodes, rest, expected) => {
    const found = inService(nodes, rest)
    for (const each of expected) expect(found).toContain(each)
    expect(new Set(found.map((each) => each.split(' ')[0]))).toEqual(new Set(expected.map((each) => each.split(' ')[0])))
  })
})

describe('parallel service', () => {
  test.each<[string, object, object, string[]]>([
    ['several functions', { a: fn(), b: fn() }, {}, []],
    ['start', { a: fn(), b: fn() }, { start: 'a' }, ['service-body nodes.s.start']],
    ['next', { a: fn('b'), b: fn() }, {}, ['service-body nodes.s.nodes.a.next']],
    ['no node', {}, {}, ['service-body nodes.s.nodes']],
    ['another kind', { a: fn(), b: pass() }, {}, ['service-body nodes.s.nodes.b.type']],
    ['a callback', { a: { type: 'callback', function: 'f' } }, {}, ['callback-in-service nodes.s.nodes.a.type']],
  ])('%s', (_name, nodes, rest, expected) => expect(inService(nodes, { execution: 'parallel', ...rest })).toEqual(expected))
})
