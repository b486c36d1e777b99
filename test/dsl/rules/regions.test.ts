import { describe, expect, test } from 'vitest'
import { checkFlow } from '../../../dsl/check.ts'
import { compileFlow } from '../../../dsl/compile.ts'
import type { FlowDefinition } from '../../../dsl/schema.ts'
import { brief, checkNodes } from '../flows.ts'

const to = (next?: string): object => ({ type: 'pass', ...(next === undefined ? {} : { next }) })
const fork = (...branches: string[]): object => ({ type: 'parallel', branches })
const pick = (...next: string[]): object => ({
  type: 'condition',
  branches: next.map((id, index) => (index === 0 ? { default: true, next: id } : { when: `$.x == ${index}`, next: id })),
})
const fn = (next?: string, onError?: string): object => ({
  type: 'function',
  function: 'f',
  ...(next && { next }),
  ...(onError && { onError }),
})
const rescue = (...next: string[]): object => ({ type: 'error', catch: next.map((id) => ({ next: id })) })

function joins(nodes: Record<string, object>): Record<string, string | undefined> {
  const { definition, diagnostics } = checkFlow({ value: { flow: 'h', start: Object.keys(nodes)[0], nodes } })
  expect(diagnostics).toEqual([])
  const plan = compileFlow(definition as FlowDefinition)
  return Object.fromEntries(Object.values(plan.nodes).flatMap((node) => (node.type === 'parallel' ? [[node.id, node.join]] : [])))
}

describe('the join', () => {
  test.each<[string, Record<string, object>, Record<string, string | undefined>]>([
    ['where all branches meet', { p: fork('a', 'b'), a: to('j'), b: to('j'), j: to('k'), k: to() }, { p: 'j' }],
    ['none where they do not meet', { p: fork('a', 'b'), a: to(), b: to() }, { p: undefined }],
    ['none where one ends', { p: fork('a', 'b'), a: to('j'), b: to(), j: to() }, { p: undefined }],
    ['none of a single branch', { p: fork('a'), a: to('b'), b: to() }, { p: undefined }],
    ['an end node', { p: fork('a', 'b'), a: to('e'), b: to('e'), e: { type: 'end' } }, { p: 'e' }],
    ['behind conditions', { p: fork('a', 'b'), a: pick('c', 'd'), c: to('j'), d: to('j'), b: to('j'), j: to() }, { p: 'j' }],
    ['a way may end before it', { p: fork('a', 'b'), a: pick('c', 'd'), c: to('j'), d: to(), b: to('j'), j: to() }, { p: 'j' }],
    ['reached by a catch only', { p: fork('a', 'b'), a: fn(undefined, 'x'), x: rescue('j'), b: to('j'), j: to() }, { p: 'j' }],
    ['nested', { o: fork('i', 'z'), i: fork('x', 'y'), x: to('m'), y: to('m'), m: to('j'), z: to('j'), j: to() }, { o: 'j', i: 'm' }],
    ['nested, sharing it', { o: fork('i', 'z'), i: fork('x', 'y'), x: to('j'), y: to('j'), z: to('j'), j: to() }, { o: 'j', i: 'j' }],
    ['nested, both to the end', { o: fork('i', 'z'), i: fork('x', 'y'), x: to(), y: to(), z: to() }, { o: undefined, i: undefined }],
    ['nested single branch, to the end', { o: fork('i', 'z'), i: fork('x'), x: to('y'), y: to(), z: to() }, { o: undefined, i: undefined }],
    [
      'one after the other',
      { p: fork('a', 'b'), a: to('q'), b: to('q'), q: fork('c', 'd'), c: to('j'), d: to('j'), j: to() },
      { p: 'q', q: 'j' },
    ],
    [
      'the catch of the parallel may lead to it',
      { p: { ...fork('a', 'b'), onError: 'x' }, a: to('j'), b: to('j'), x: rescue('j'), j: to() },
      { p: 'j' },
    ],
    [
      'of twenty',
      {
        p: fork(...Array.from({ length: 20 }, (_, i) => `b${i}`)),
        ...Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`b${i}`, to('j')])),
        j: to(),
      },
      { p: 'j' },
    ],
  ])('%s', (_name, nodes, expected) => expect(joins(nodes)).toEqual(expected))
})

describe('branch-overlap', () => {
  test.each<[string, Record<string, object>, string[]]>([
    ['two of three share a node', { p: fork('a', 'b', 'c'), a: to('s'), b: to('s'), s: to('j'), c: to('j'), j: to() }, ['1']],
    ['two of three share the end', { p: fork('a', 'b', 'c'), a: to('e'), b: to('e'), c: to(), e: { type: 'end' } }, ['1']],
    ['two places to meet', { p: fork('a', 'b'), a: pick('j', 'k'), b: pick('j', 'k'), j: to(), k: to() }, ['1']],
    ['a branch that leads to another', { p: fork('a', 'b'), a: to('b'), b: to('j'), j: to() }, ['1']],
    ['a branch that leads to one before it', { p: fork('a', 'b'), a: to('j'), b: to('a'), j: to() }, ['0']],
    ['a branch listed twice', { p: fork('a', 'b', 'a'), a: to(), b: to() }, ['2']],
    ['out past the join', { p: fork('a', 'b'), a: pick('j', 'k'), b: to('j'), j: to('k'), k: to() }, ['0']],
    ['an inner branch out past the outer join', { o: fork('i', 'z'), i: fork('x', 'y'), x: to('j'), y: to(), z: to('j'), j: to() }, ['0']],
    ['in from before', { c: pick('p', 'a2'), p: fork('a', 'b'), a: to('a2'), a2: to(), b: to() }, ['0']],
    ['in from before, to a first node', { c: pick('p', 'a'), p: fork('a', 'b'), a: to(), b: to() }, ['0']],
    ['a shared error node', { p: fork('a', 'b'), a: fn('j', 'x'), b: fn('j', 'x'), x: rescue('j'), j: to() }, ['1']],
    ['a shared error node, nothing behind it', { p: fork('a', 'b'), a: fn('j', 'x'), b: fn('j', 'x'), x: rescue(), j: to() }, ['1']],
    [
      'what two error nodes lead to before the join',
      { p: fork('a', 'b', 'c'), a: fn('j', 'x'), b: fn('j', 'y'), c: to('j'), x: rescue('s'), y: rescue('s'), s: to('j'), j: to() },
      ['1'],
    ],
    [
      "the parallel's own error node is a branch's too",
      { p: { ...fork('a', 'b'), onError: 'x' }, a: fn('j', 'x'), b: to('j'), x: rescue('k'), k: to(), j: to() },
      ['0'],
    ],
    [
      "a node before shares a branch's error node",
      { s: fn('p', 'x'), p: fork('a', 'b'), a: fn('j', 'x'), b: to('j'), x: rescue('k'), k: to(), j: to() },
      ['0'],
    ],
  ])('%s', (_name, nodes, at) => {
    const found = checkNodes(nodes as Record<string, unknown>)
    expect(new Set(found.map(({ rule }) => rule))).toEqual(new Set(['branch-overlap']))
    expect(found.map(({ path }) => String(path.at(-1)))).toEqual(at)
  })
  test('an unreachable node that leads into a branch is unreachable, and no more', () => {
    const nodes = { p: fork('a', 'b'), a: to('j'), b: to('j'), j: to(), lost: to('a') }
    expect(brief(checkNodes(nodes))).toEqual(['unreachable-node nodes.lost'])
  })
  test('an unknown branch is unknown, and no more', () => {
    expect(brief(checkNodes({ p: fork('a', 'nope'), a: to() }))).toEqual(['unknown-node nodes.p.branches.1'])
  })
  test('thousands of parallels inside each other are refused in time', () => {
    const nodes = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`n${i}`, i === 19_999 ? to() : fork(`n${i + 1}`)]))
    const started = performance.now()
    expect(brief(checkNodes(nodes)).map((each) => each.split(' ')[0])).toEqual(['too-many-nodes'])
    expect(performance.now() - started).toBeLessThan(4000)
  })
})
