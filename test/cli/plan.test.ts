import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { blockFor, blocksOf, readDocument } from '../examples/documents.ts'
import { fnflow, folderWith, FUNCTIONS, lastLine, oneFunction } from './support.ts'

const FLOW = `flow: orders
start: price
nodes:
  price: { type: function, function: hello, next: size }
  size:
    type: condition
    branches:
      - { when: $$.execution.input.big == true, next: each }
      - { default: true, next: done }
  each:
    type: loop
    items: $$.execution.input.lines
    concurrency: 5
    nodes:
      pick: { type: function, function: hello, params: { line: $.item }, onError: again }
      again: { type: error, retry: { max: 2 } }
    next: ship
  ship: { type: subflow, flow: shipping, next: nap }
  nap: { type: wait, seconds: 7200, next: done }
  done: { type: pass }
`
const SHIPPING = `flow: shipping
start: a
nodes:
  a: { type: callback, function: hello, timeout: 3d }
`
const folder = folderWith({
  'orders.yaml': FLOW,
  'shipping.yaml': SHIPPING,
  'one.json': oneFunction('hello'),
  'bad.json': { flow: 'bad' },
  ...FUNCTIONS,
})

interface Counts {
  readonly least: number
  readonly expected: number
  readonly most: number
  readonly withRetries: number
}

async function planned(...args: string[]): Promise<Record<string, any>> {
  const { code, stdout, stderr } = await fnflow(['plan', ...args, '--json'], { cwd: folder })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout.trimEnd().split('\n')).toHaveLength(1)
  return JSON.parse(stdout) as Record<string, unknown>
}

describe('fnflow plan for people', () => {
  it('has a table of the nodes, totals, the longest path and what to know', async () => {
    const { code, stdout, stderr } = await fnflow(['plan', 'orders.yaml', '--input', '{"big": true, "lines": [1, 2, 3]}'], { cwd: folder })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    // how many bytes there are is for the estimate's own tests to say
    expect(stdout.replace(/ +\d[\d.]* (?:B|KiB)/g, ' SIZE')).toBe(`orders (standard) with this input; results of SIZE; items: each 3

node             type       runs  invocations  events  least..most  with retries    bytes  pending
(start and end)                                     5 SIZE
price            function      1            1       6 SIZE  1 activity
size             condition     1
each             loop          1                                                           3 activities
  pick           function      3            3      14       12..18            84 SIZE  3 activities
ship             subflow       1                   15       12..15 SIZE  1 activity, 1 child
nap              wait          1                    5 SIZE  1 timer
done             pass          1
in all                                      4      45       40..49           115 SIZE  3 activities, 1 child, 1 timer

events         45 (40 to 49, with retries up to 115)
history SIZE; SIZE of payloads
invocations    4 (with retries up to 10), up to 3 at one time
longest path   3 activities and 37 events one behind the other, waits of 2h 00m: price, each/pick, ship, nap
subflow        ship starts shipping once: 16 (with retries up to 17) events, invocations: 1
with subflows  61 (56 to 65, with retries up to 132) events, invocations: 5 (with retries up to 11), SIZE of payloads

orders.yaml:19:8 worker-version note: nap: it waits 2 h: with worker versioning the execution needs workers of the version that it began on until it ends
  keep those workers running as long, or end the flow before the wait and let a trigger or a subflow with wait: false begin the rest
shipping.yaml:4:6 worker-version note: a: it may wait up to 3 d for its callback: with worker versioning the execution needs workers of the version that it began on until it ends
  keep those workers running as long, or end the flow before the wait and let a trigger or a subflow with wait: false begin the rest
`)
  })

  it('prints what docs/plan.md shows', async () => {
    const readme = folderWith({
      'flow.yaml': blockFor('README.md', 'flow.yaml'),
      'functions.yaml': blockFor('README.md', 'functions.yaml'),
    })
    const [command = '', ...shown] = (blocksOf('docs/plan.md')[0]?.text ?? '').split('\n')
    const { stdout } = await fnflow(command.replace('$ fnflow ', '').split(' '), { cwd: readme })
    const sized = (text: string): string => text.replace(/ *\d[\d.]* (?:B|KiB)/g, ' SIZE')
    expect(sized(stdout)).toContain(sized(shown.join('\n')))
  })

  it('has every rule in docs/plan.md', () => {
    const source = readFileSync(new URL('../../engine/estimate/scope.ts', import.meta.url), 'utf8')
    const [, union = ''] = /type FindingRule =([^;]*?)\n\n/.exec(source) ?? []
    const rules = [...union.matchAll(/'([a-z-]+)'/g)].map(([, rule]) => rule as string)
    const page = readDocument('docs/plan.md')
    const listed = [
      ...page
        .slice(page.indexOf('## What it warns of'), page.indexOf('## How it was checked'))
        .matchAll(/`([a-z]+-[a-z-]+|items|pending|subflow)`/g),
    ]
    expect(rules.length).toBeGreaterThan(10)
    expect([...new Set(listed.map(([, rule]) => rule))].sort()).toEqual(rules.sort())
  })

  it('says ranges where the input is not known, and what was assumed', async () => {
    const { stdout } = await fnflow(['plan', 'orders.yaml', '--items', '40', '--bytes', '2KiB'], { cwd: folder })
    expect(stdout).toMatch(/^orders \(standard\) without an input; results of 2\.0 KiB; items: each 40 \(assumed\)\n/)
    expect(stdout).toMatch(/\n {2}pick +function +0\.\.40 /)
    expect(stdout).toMatch(/\nevents +\d+ \(11 to [\d,]+, with retries up to [\d,]+\)\n/)
  })

  it('of an express flow has no events', async () => {
    const express = folderWith({ 'quick.json': oneFunction('hello', { mode: 'express' }), ...FUNCTIONS })
    const { stdout } = await fnflow(['plan', 'quick.json'], { cwd: express })
    expect(stdout).toMatch(/^calls-hello \(express\)/)
    expect(stdout).toMatch(/An express flow runs in memory/)
    expect(stdout).not.toMatch(/events/)
  })
})

describe('fnflow plan --json', () => {
  it('is one document', async () => {
    const document = await planned('orders.yaml', '--input', '{"big": true, "lines": [1, 2, 3]}')
    expect(document).toMatchObject({
      flow: 'orders',
      mode: 'standard',
      assumed: { input: true, items: 100, bytes: 1024, loops: [{ loop: 'each', items: 3, from: 'input' }] },
      startAndEnd: { events: { least: 5, expected: 5, most: 5, withRetries: 5 } },
      total: {
        invocations: { least: 4, expected: 4, most: 4, withRetries: 10 },
        events: { least: 40, expected: 45, most: 49, withRetries: 115 },
        pending: { activities: 3, children: 1, timers: 1 },
        invocationsAtOnce: 3,
        workflowRuns: { expected: 1 },
      },
      longestPath: { activities: 3, waitMs: 7_200_000 },
      subflows: [{ node: 'ship', flow: 'shipping', waited: true, mode: 'standard', total: { events: { expected: 16 } } }],
      warnings: [
        { rule: 'worker-version', severity: 'note', node: 'nap', file: 'orders.yaml', line: 19, column: 8 },
        { rule: 'worker-version', file: 'shipping.yaml', flow: 'shipping', line: 4 },
      ],
    })
    expect(document['nodes'].map(({ node, events }: { node: string; events: Counts }) => [node, events.expected])).toContainEqual([
      'price',
      6,
    ])
  })

  it('reads the input from files and from stdin, as run does', async () => {
    const many = folderWith({ 'input.json': { big: false, lines: [] }, 'orders.yaml': FLOW, 'shipping.yaml': SHIPPING, ...FUNCTIONS })
    const fromFile = await fnflow(['plan', 'orders.yaml', '--input', '@input.json', '--json'], { cwd: many })
    const fromStdin = await fnflow(['plan', 'orders.yaml', '-', '--json'], { cwd: many, stdin: '{"big": false, "lines": []}' })
    expect(fromFile.code).toBe(0)
    expect(fromStdin.stdout).toBe(fromFile.stdout)
    expect(JSON.parse(fromFile.stdout)).toMatchObject({ total: { events: { least: 11, most: 11 } } })
  })

  it('takes the number of items of one loop, and the timeouts of functions.yaml: batches', async () => {
    const { nodes, assumed, warnings } = await planned('orders.yaml', '--items', '7', '--items', 'each=3000')
    expect(assumed).toMatchObject({ loops: [{ loop: 'each', items: 3000, from: 'option' }] })
    expect((nodes as { node: string; note?: string }[]).find(({ node }) => node === 'each')?.note).toBe('6 lanes of 500, 1 at a time')
    expect((warnings as { rule: string }[]).map(({ rule }) => rule)).toContain('loop-lanes')
    const short = folderWith({
      'flow.json': {
        flow: 'x',
        start: 'each',
        nodes: { each: { type: 'loop', items: '$.list', nodes: { f: { type: 'function', function: 'hello' } } } },
      },
      ...FUNCTIONS,
    })
    const { stdout } = await fnflow(['plan', 'flow.json', '--items', '1000', '--json'], { cwd: short })
    expect(JSON.parse(stdout)).toMatchObject({
      nodes: [{ node: 'each', note: '5 batches of 200, 5 at a time' }, { invocations: { least: 1000 } }],
    })
  })

  it('estimates a loop over 100,000 items of an input of some MiB in seconds', async () => {
    const lines = Array.from({ length: 100_000 }, (_, at) => ({ id: at, text: 'x'.repeat(at % 30) }))
    const large = folderWith({ 'input.json': { big: true, lines }, 'orders.yaml': FLOW, 'shipping.yaml': SHIPPING, ...FUNCTIONS })
    const { code, stdout } = await fnflow(['plan', 'orders.yaml', '--input', '@input.json', '--json'], { cwd: large })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ total: { invocations: { least: 100_001 } } })
  })
})

describe('bad usage of fnflow plan', () => {
  it.each([
    [['plan'], /missing required argument 'flow'/],
    [['plan', 'no.yaml'], /no flow file no\.yaml/],
    [['plan', 'orders.yaml', 'more'], /plan takes one flow; more is too much/],
    [['plan', 'orders.yaml', '--input', '{'], /--input is not JSON, line 1, column 2/],
    [['plan', 'orders.yaml', '--items', 'many'], /--items many: write a number such as 50, or loop=number/],
    [['plan', 'orders.yaml', '--items', '-1'], /--items -1/],
    [['plan', 'orders.yaml', '--items', '99999999'], /10,000,000 at most/],
    [['plan', 'orders.yaml', '--items', '1', '--items', '2'], /cannot be given together; name a loop, as in --items each=2/],
    [['plan', 'orders.yaml', '--items', 'eech=2'], /no loop eech; did you mean "each"\?/],
    [['plan', 'one.json', '--items', 'each=2', '--flows', 'f'], /the flow has no loop/],
    [['plan', 'orders.yaml', '--bytes', '10 kB'], /write a number of bytes such as 2048, 100KiB or 1MiB/],
    [['plan', 'orders.yaml', '--bytes', '7MiB'], /may have 6 MiB/],
    [['plan', 'orders.yaml', '--flows', 'nowhere'], /no folder nowhere/],
    [['plan', 'orders.yaml', '--functions', 'no.yaml'], /no functions file no\.yaml/],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await fnflow(args, { cwd: folder })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/\.js:\d+/)
  })

  it('refuses an invalid flow with its diagnostics, as JSON too', async () => {
    const { code, stdout, stderr } = await fnflow(['plan', 'bad.json'], { cwd: folder })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^bad\.json:1:\d+ schema /)
    expect(lastLine(await fnflow(['plan', 'bad.json', '--json'], { cwd: folder }))).toMatchObject({ errorType: 'FlowInvalid' })
  })

  it('has examples in its help', async () => {
    expect((await fnflow(['plan', '--help'])).stdout).toMatch(/Examples:\n {2}\$ fnflow plan flow\.yaml/)
  })
})
