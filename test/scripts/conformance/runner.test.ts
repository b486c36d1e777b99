import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

const tool = join(import.meta.dirname, '..', '..', '..', 'scripts', 'conformance.ts')
const folder = mkdtempSync(join(tmpdir(), 'fnflow-runner-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Ran {
  readonly code: number | null
  readonly lines: string[]
  readonly stderr: string
}

function conformance(...args: string[]): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [tool, ...args], { encoding: 'utf8' })
  return { code: status, lines: stdout.trimEnd().split('\n'), stderr }
}

let count = 0
function file(cases: unknown, name = 'cases.json'): string {
  const place = join(folder, String(count++))
  mkdirSync(place)
  writeFileSync(join(place, name), typeof cases === 'string' ? cases : JSON.stringify(cases))
  writeFileSync(
    join(place, 'functions.mjs'),
    `export const echo = (event) => { console.log('noise'); return event }
     export const broken = () => { throw new TypeError('broken') }
     export const inner = () => { throw Object.assign(new Error('x'), { name: 'Inner' }) }
     export const late = ({ ms }) => new Promise((resolve) => setTimeout(resolve, ms, { ms }))
     export const ask = () => ({})`,
  )
  return join(place, name)
}

const pass = { flow: 'f', start: 'a', nodes: { a: { type: 'pass' } } }
const call = (name: string, more: object = {}) => ({ flow: 'f', start: 'a', nodes: { a: { type: 'function', function: name, ...more } } })

/** Each must fail, for the reason given: what the runner does not check would pass here. */
const FAILING: readonly [what: string, value: object, reason: RegExp][] = [
  ['another output', { flow: pass, input: { a: 1 }, expect: { output: { a: 2 } } }, /output: at \.a expected 2, got 1/],
  ['an output with more members', { flow: pass, input: { a: 1, b: 1 }, expect: { output: { a: 1 } } }, /output: expected/],
  ['an output with fewer members', { flow: pass, input: {}, expect: { output: { a: 1 } } }, /output: expected/],
  ['another order of a list', { flow: pass, input: { l: [1, 2] }, expect: { output: { l: [2, 1] } } }, /at \.l\[0\]/],
  [
    'a string of another length',
    { flow: pass, input: { s: 'abc' }, expect: { output: { s: { $length: 4 } } } },
    /a string of 4 characters, got one of 3/,
  ],
  [
    'another value at a path',
    { flow: pass, input: { n: [1] }, expect: { output: { $path: '$.n[0]', equals: 2 } } },
    /at \$\.n\[0\] expected 2, got 1/,
  ],
  ['nothing at a path', { flow: pass, input: {}, expect: { output: { $path: '$.n', equals: 2 } } }, /expected 2, got nothing/],
  ['no match at a path', { flow: pass, input: { n: 'abc' }, expect: { output: { $path: '$.n', matches: '^b' } } }, /a match of \^b/],
  ['a success, where a failure is expected', { flow: pass, expect: { status: 'failed' } }, /status: expected failed, got succeeded/],
  [
    'a failure, where a success is expected',
    { flow: call('broken'), expect: {} },
    /status: expected succeeded, got failed with .*TypeError/,
  ],
  [
    'another error',
    { flow: call('broken'), expect: { status: 'failed', error: { status: 430, errorType: 'RangeError' } } },
    /error: at \.errorType/,
  ],
  [
    'another error at every depth',
    { flow: call('broken'), expect: { status: 'failed', error: { errorType: 'RangeError' }, deep: true } },
    /at any depth/,
  ],
  ['a flow that is refused', { flow: call('echo', { nxt: 'b' }), expect: {} }, /the definition was refused: schema/],
  ['other diagnostics', { flow: call('echo', { nxt: 'b' }), expect: { diagnostics: ['cycle'] } }, /expected \[cycle\], got \[schema/],
  ['more diagnostics', { flow: call('echo', { nxt: 'b', next: 'b' }), expect: { diagnostics: ['schema'] } }, /unknown-node/],
  ['no diagnostics', { flow: pass, expect: { diagnostics: ['schema'] } }, /expected \[schema\], got \[none\]/],
  ['an accepted definition', { text: JSON.stringify(pass), expect: { refused: true } }, /expected to be refused/],
  ['too slow', { flow: call('late', { params: { ms: 700 } }), expect: { maxSeconds: 0.3 } }, /took .* at most 0\.3 s expected/],
  ['too quick', { flow: pass, expect: { minSeconds: 1 } }, /took .* at least 1 s expected/],
  ['an input that is not refused', { flow: pass, expect: { oneOf: [{ status: 'refused' }] } }, /expected the input to be refused/],
  ['an input that is refused', { flow: pass, input: { a: { $deep: 513 } }, expect: {} }, /the input was refused: .*deep/i],
  ['no alternative', { flow: pass, expect: { oneOf: [{ output: 1 }, { status: 'failed' }] } }, /none of 2 alternatives/],
  ['a field of the case that nobody knows', { flow: pass, expects: {} }, /a case has no field expects/],
  ['a field of expect that nobody knows', { flow: pass, expect: { outputs: {} } }, /expect has no field outputs/],
]

const STANDARD_ONLY: typeof FAILING = [
  [
    'another record',
    { flow: call('echo'), input: { n: 1 }, expect: { nodes: { a: { attempts: 2 } } } },
    /node a: attempts: expected 2, got 1/,
  ],
  ['another recorded output', { flow: call('echo'), input: { n: 1 }, expect: { nodes: { a: { output: { n: 2 } } } } }, /node a: output/],
  ['a node without record', { flow: pass, expect: { nodes: { z: { status: 'succeeded' } } } }, /node z: has no record/],
  [
    'unresolved paths',
    { flow: call('echo', { params: { x: '$.x' } }), expect: { output: {}, nodes: { a: { unresolved: ['y'] } } } },
    /node a: unresolved/,
  ],
]

const PASSING: readonly [what: string, value: object][] = [
  [
    'the input written out',
    {
      flow: pass,
      input: { r: { $range: 3 }, s: { $repeat: 'ab', times: 2 }, d: { $deep: 3 } },
      expect: { output: { r: [0, 1, 2], s: 'abab', d: [[[]]] } },
    },
  ],
  ['an input of 512 levels', { flow: pass, input: { $deep: 512 }, expect: {} }],
  [
    'an input that is refused',
    { flow: pass, input: { $deep: 513 }, expect: { oneOf: [{ status: 'refused' }, { status: 'failed', error: { status: 407 } }] } },
  ],
  [
    'an error inside',
    {
      flows: [{ flow: 'p', start: 's', nodes: { s: { type: 'subflow', flow: 'f' } } }, call('inner')],
      expect: { status: 'failed', error: { errorType: 'Inner' }, deep: true },
    },
  ],
  [
    'a callback of a child',
    {
      flows: [
        { flow: 'p', start: 's', nodes: { s: { type: 'subflow', flow: 'f' } } },
        { flow: 'f', start: 'a', nodes: { a: { type: 'callback', function: 'ask' } } },
      ],
      callback: { succeed: [7] },
      expect: { output: [7] },
    },
  ],
  [
    'text in parts',
    {
      text: ['flow: f\nstart: a\nnodes: { a: { type: pass, params: { x: ', { repeat: 'y', times: 5 }, ' } } }\n'],
      expect: { output: { x: 'yyyyy' } },
    },
  ],
  ['bytes that are not UTF-8', { base64: 'ZmxvdzogZv8K', expect: { refused: true, diagnostics: ['syntax'] } }],
  [
    'a position',
    {
      text: 'flow: f\nstart: a\nnodes:\n  a: { type: pass, nxt: b }\n',
      expect: {
        diagnostics: ['schema'],
        at: [
          { rule: 'schema', line: 4 },
          [
            { rule: 'schema', line: 9 },
            { rule: 'schema', line: 4, column: 20 },
          ],
        ],
      },
    },
  ],
]

describe('a case fails', () => {
  const named = (list: typeof FAILING) => list.map(([name, value]) => ({ name, ...value }))
  const rows = [...FAILING, ...STANDARD_ONLY]
  const { code, lines } = conformance(file(named(rows)))

  test.each(rows)('%s', (what, _value, reason) => {
    const own = lines.filter(
      (line) => line.startsWith('FAIL ') && (line.includes(`: ${what} [`) || (what.startsWith('a field') && reason.test(line))),
    )
    expect(own.length, lines.join('\n')).toBeGreaterThan(0)
    for (const line of own) expect(line).toMatch(reason)
  })

  test('in each of its modes, one line each, and the exit code is 1', () => {
    expect(code).toBe(1)
    // One is text and two are no cases: those run once.
    const once = 3
    const failures = (FAILING.length - once) * 2 + once + STANDARD_ONLY.length
    expect(lines.at(-1)).toBe(`${STANDARD_ONLY.length} passed, ${failures} failed`)
    expect(lines).toHaveLength(failures + 1)
  })
})

describe('the command', () => {
  test('passes what holds, in both engines and rebuilt', () => {
    const cases = file(PASSING.map(([name, value]) => ({ name, ...value })))
    const texts = 3
    expect(conformance(cases)).toMatchObject({ code: 0, lines: [`${(PASSING.length - texts) * 2 + texts} passed, 0 failed`] })
    expect(conformance(cases, '--engine', 'embedded', '--rebuild')).toMatchObject({
      code: 0,
      lines: [`${PASSING.length} passed, 0 failed`],
    })
  })

  test('runs a case in its own modes only', () => {
    const cases = file([{ name: 'one', flow: pass, modes: ['express'] }])
    expect(conformance(cases).lines).toEqual(['1 passed, 0 failed'])
    expect(conformance(cases, '--engine=express').lines).toEqual(['1 passed, 0 failed'])
    expect(conformance(cases, '--engine=embedded').lines).toEqual(['0 passed, 0 failed'])
  })

  test('takes functions from the parent folder, and folders with their subfolders', () => {
    const place = join(folder, 'above')
    mkdirSync(join(place, 'below'), { recursive: true })
    writeFileSync(join(place, 'functions.mjs'), 'export const two = () => 2')
    writeFileSync(
      join(place, 'below', 'a.yaml'),
      '- name: a\n  flow: { flow: f, start: a, nodes: { a: { type: function, function: two } } }\n  expect: { output: 2 }\n',
    )
    expect(conformance(place)).toMatchObject({ code: 0, lines: ['2 passed, 0 failed'] })
  })

  test('runs the vectors of JSONPath and of cron', () => {
    const paths = file({
      vectors: [
        { path: '$.a', doc: { a: 1 }, matches: [1] },
        { path: '$.a', doc: { a: 1 }, matches: [2] },
        { path: '$.', invalid: true },
        { path: '$', invalid: true },
      ],
    })
    const ran = conformance(paths)
    expect(ran.code).toBe(1)
    expect(ran.lines.at(-1)).toBe('2 passed, 2 failed')
    const daily = { expr: '@daily', zone: 'Europe/Berlin', from: '2024-03-30T23:00:00Z' }
    const cron = conformance(
      file({
        vectors: [
          { ...daily, next: ['2024-03-31T22:00:00Z'] },
          { ...daily, next: ['2024-03-31T23:00:00Z'] },
          { ...daily, next: [] },
          { expr: '* * * * * 7', invalid: true },
          { expr: '* * * * * 6', invalid: true },
        ],
      }),
    )
    expect(cron.code).toBe(1)
    expect(cron.lines.at(-1)).toBe('2 passed, 3 failed')
  })

  test.each([
    ['an unknown option', ['--engin', 'express'], /Unknown option '--engin'/],
    ['an unknown engine', ['--engine', 'spanner'], /express, embedded or temporal, not spanner/],
    ['a cache of what is on no cluster', ['--engine', 'embedded', '--cached', '2'], /--cached goes with --engine temporal/],
    ['killing a worker where there is none', ['--kill-every', '20'], /--kill-every goes with --engine temporal/],
    ['killing at no time', ['--engine', 'temporal', '--kill-every', '0'], /a number of seconds above 0/],
    ['a missing file', [join(folder, 'nowhere.yaml')], /nowhere\.yaml: no such file/],
    ['rebuilding what has no journal', ['--engine', 'express', '--rebuild'], /the engine express has none/],
    ['a file without cases', [file({ flow: 'f' })], /neither a list of cases nor/],
    ['a file that does not parse', [file('[{', 'broken.json')], /broken\.json/],
  ])('refuses %s with exit code 2', (_what, args, message) => {
    const ran = conformance(...args)
    expect(ran.code).toBe(2)
    expect(ran.stderr).toMatch(message)
    expect(ran.lines).toEqual([''])
  })
})
