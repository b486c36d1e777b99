import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { definitionOf } from '../../dsl/definition-of.ts'
import { loadFlow } from '../../dsl/load.ts'

interface Case {
  readonly flow?: object
  readonly flows?: object[]
}

const conformance = new URL('../conformance/', import.meta.url)
const examples = new URL('../../examples/', import.meta.url)

/** Every definition of the conformance cases and the examples. */
function definitions(): (object | string)[] {
  const cases = readdirSync(conformance)
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => parse(readFileSync(new URL(name, conformance), 'utf8'), { maxAliasCount: -1 }) as Case[])
  const folders = readdirSync(examples, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => new URL(`${name}/`, examples))
  const texts = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.yaml') && name !== 'functions.yaml')
      .map((name) => readFileSync(new URL(name, folder), 'utf8')),
  )
  return [...cases.flatMap(({ flow, flows }) => flows ?? (flow === undefined ? [] : [flow])), ...texts, WITH_TRIGGERS]
}

const WITH_TRIGGERS = {
  flow: 'triggered',
  timeout: '1h30m',
  start: 'a',
  nodes: {
    a: { type: 'parallel', label: 'All at once', branches: ['b', 'c', 'd'], complete: 2 },
    b: { type: 'wait', seconds: 0.25, next: 'j' },
    c: { type: 'callback', function: 'ask', timeout: '1500ms', params: { __proto__x: '$.x' }, next: 'j' },
    d: { type: 'event', channel: 'log', data: [1, '$.n'], next: 'j' },
    j: { type: 'pass' },
  },
  triggers: [
    { name: 'nightly', type: 'timer', cron: '0 0 3 * * *', input: { n: 1 }, catchUp: '90s' },
    { name: 'orders', type: 'http', path: '/orders/{id}', mode: 'sync', timeout: '2500ms' },
    { name: 'messages', type: 'topic', topic: 'orders', filter: '$.data.n > 1' },
    { name: 'records', type: 'kafka', connection: 'main', topics: ['a'], groupId: 'g', batch: { size: 5, window: '90s' } },
    { name: 'mails', type: 'rabbitmq', connection: 'mq', queue: 'q', dedupeWindow: '3d', batch: { size: 5 } },
  ],
}

test('the definition that is made of a plan compiles to the same plan', async () => {
  let count = 0
  for (const source of definitions()) {
    const { plan } = await loadFlow(source)
    if (plan === undefined) continue
    const again = await loadFlow(JSON.stringify(definitionOf(plan)))
    expect(again.plan, JSON.stringify(again.diagnostics)).toEqual(plan)
    // its hash is that of the text
    expect(JSON.stringify(again.plan)).toBe(JSON.stringify(plan))
    count += 1
  }
  expect(count).toBeGreaterThan(100)
  const { plan, diagnostics } = await loadFlow(WITH_TRIGGERS)
  expect(plan, JSON.stringify(diagnostics)).toBeDefined()
})

test('it says what is said by default no more than it must', async () => {
  const { plan } = await loadFlow({ flow: 'f', start: 'a', nodes: { a: { type: 'pass', label: 'A', next: 'w' }, w: { type: 'wait' } } })
  expect(definitionOf(plan!)).toEqual({
    flow: 'f',
    mode: 'standard',
    start: 'a',
    nodes: { a: { type: 'pass', label: 'A', next: 'w' }, w: { type: 'wait', seconds: 60 } },
  })
})
