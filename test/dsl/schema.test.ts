import { execFileSync } from 'node:child_process'
import { expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { checkFlow } from '../../dsl/check.ts'
import { defineFlow } from '../../dsl/define-flow.ts'
import { flowSchema, type FlowDefinition } from '../../dsl/schema.ts'

const flow = defineFlow({
  flow: 'h',
  start: 'a',
  nodes: {
    a: { type: 'function', function: 'f', params: { x: '$.y' }, onError: 'x', next: 'c' },
    x: { type: 'error', retry: { max: 2 }, catch: [{ next: 'b' }] },
    b: { type: 'wait', seconds: '$.s' },
    c: { type: 'loop', items: '$.x', nodes: { i: { type: 'pass' } } },
  },
})

test('a flow written in TypeScript', () => {
  expectTypeOf(flow).toEqualTypeOf<FlowDefinition>()
  expect(checkFlow({ value: flow }).diagnostics).toEqual([])
  expect(flowSchema(z).safeParse(flow).success).toBe(true)
})

test('mistakes that TypeScript sees', () => {
  // @ts-expect-error no such kind
  defineFlow({ flow: 'h', start: 'a', nodes: { a: { type: 'magic' } } })
  // @ts-expect-error no function
  defineFlow({ flow: 'h', start: 'a', nodes: { a: { type: 'function' } } })
})

test.each([null, [], 5, undefined])('defineFlow refuses %j', (value) => {
  expect(() => defineFlow(value as never)).toThrow(TypeError)
})

test('the generated files are up to date', () => {
  execFileSync(process.execPath, ['scripts/generate.ts', '--check'], { cwd: new URL('../..', import.meta.url) })
}, 20_000)

test('neither zod nor yaml is loaded for an object or for JSON', () => {
  const script = `
    const { loadFlow } = await import('./dsl/load.ts')
    const flow = { flow: 'h', start: 'a', nodes: { a: { type: 'pass' } } }
    await loadFlow(flow)
    const { plan } = await loadFlow(JSON.stringify(flow))
    const { createRequire } = await import('node:module')
    const cached = Object.keys(createRequire(import.meta.url).cache)
    console.log(plan !== undefined, cached.some((file) => /node_modules/.test(file)))`
  const out = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: new URL('../..', import.meta.url),
    encoding: 'utf8',
  })
  expect(out.trim()).toBe('true false')
}, 20_000)
