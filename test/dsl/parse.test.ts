import { describe, expect, test } from 'vitest'
import { parseFlow } from '../../dsl/parse.ts'

const value = async (source: string | Uint8Array): Promise<unknown> => (await parseFlow(source)).value
const found = async (source: string | Uint8Array): Promise<string[]> =>
  (await parseFlow(source)).diagnostics.map(({ rule, line, column }) => `${line}:${column} ${rule}`)

describe('YAML 1.2, core schema', () => {
  test('words and times of YAML 1.1 are texts', async () => {
    expect(await value('[yes, no, on, off, 2020-01-01, 12:30:00, 0b1, 1_000]')).toEqual([
      'yes',
      'no',
      'on',
      'off',
      '2020-01-01',
      '12:30:00',
      '0b1',
      '1_000',
    ])
  })
  test('also where the text claims to be YAML 1.1', async () => {
    expect(await value('%YAML 1.1\n---\na: no\n<<: { b: 1 }\n')).toEqual({ a: 'no', '<<': { b: 1 } })
  })
  test('null, booleans and numbers', async () => {
    expect(await value('[~, null, "", true, False, 0o14, 0x1f, 1e3, -1.5]')).toEqual([null, null, '', true, false, 12, 31, 1000, -1.5])
  })
  test('keys are texts', async () => {
    expect(await value('1: a\n2.50: b\ntrue: c\n~: d\n')).toEqual({ 1: 'a', '2.50': 'b', true: 'c', '~': 'd' })
  })
  test('keys that are lists or objects are refused', async () => {
    expect(await found('? [a]\n: b')).toEqual(['1:3 syntax'])
  })
  test('block texts, and texts over several lines', async () => {
    expect(await value('a: |\n  x\n  y\nb: >-\n  x\n  y\nc: x\n  y\n')).toEqual({ a: 'x\ny\n', b: 'x y', c: 'x y' })
  })
  test('aliases', async () => {
    expect(await value('a: &x { b: 1 }\nc: *x\nd: [*x, *x]\n')).toEqual({ a: { b: 1 }, c: { b: 1 }, d: [{ b: 1 }, { b: 1 }] })
  })
  test('an anchor given again names the later value', async () => {
    expect(await value('[&x 1, *x, &x 2, *x]')).toEqual([1, 1, 2, 2])
  })
  test('members named __proto__ are data', async () => {
    const read = (await value('{ __proto__: { polluted: true } }')) as object
    expect(Object.keys(read)).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype)
  })
  test('tags of the core schema are followed, others refused', async () => {
    expect(await value('a: !!str 5')).toEqual({ a: '5' })
    expect(await found('a: !Ref x')).toEqual(['1:4 syntax'])
    expect(await found('a: !!js/function x')).toEqual(['1:4 syntax'])
  })
})

describe('bytes and text', () => {
  test('UTF-8, with and without a byte order mark', async () => {
    const bytes = new TextEncoder().encode('a: 城市')
    expect(await value(bytes)).toEqual({ a: '城市' })
    expect(await value(new Uint8Array([0xef, 0xbb, 0xbf, ...bytes]))).toEqual({ a: '城市' })
    expect(await value('\uFEFF{"a":1}')).toEqual({ a: 1 })
  })
  test('not UTF-8', async () => {
    expect(await found(new Uint8Array([0x61, 0x3a, 0x20, 0xff]))).toEqual(['1:1 syntax'])
    expect(await found(new Uint8Array([0xff, 0xfe, 0x61, 0x00]))).toEqual(['1:1 syntax'])
  })
  test('1 MiB is read, one byte more is not', async () => {
    const rest = 1_048_576 - 'a: 1\n#'.length
    expect(await value(`a: 1\n#${'x'.repeat(rest)}`)).toEqual({ a: 1 })
    expect(await found(`a: 1\n#${'x'.repeat(rest + 1)}`)).toEqual(['1:1 syntax'])
    expect(await found(`a: 1\n#${'é'.repeat(rest / 2 + 1)}`)).toEqual(['1:1 syntax'])
    expect(await found(new Uint8Array(50_000_000))).toEqual(['1:1 syntax'])
  })
  test.each(['', ' \n', '# only a comment\n', '---\n', '---\n...\n', '---\n# c\n', '\uFEFF'])('%j is empty', async (text) => {
    expect(await found(text)).toEqual(['1:1 syntax'])
  })
  test('control characters', async () => {
    expect(await found('a: "x\u0000y"')).toEqual(['1:6 syntax'])
  })
})

describe('what is no document', () => {
  test.each<[string, string[]]>([
    ['a: 1\n---\nb: 2\n', ['2:1 syntax']],
    ['---\na: 1\n---\n', ['3:1 syntax']],
    ['a: *nobody\n', ['1:4 syntax']],
    ['a: &a [*a]\n', ['1:8 syntax']],
    ['a: [*b, &b 1]\n', ['1:5 syntax']],
    ['a: b: c\n', ['1:4 syntax']],
    ['a: @x\n', ['1:4 syntax']],
  ])('%j', async (text, places) => {
    expect(await found(text)).toEqual(places)
  })
  test.each(['{ a: 1', '[', '"a', 'a: "b', "a: 'b", '{"a": }}', ']', '\ta: 1', '- a\nb: 1', 'a\nb: 1\n', '{"a": 1} x'])(
    '%j',
    async (text) => {
      const diagnostics = await found(text)
      expect(diagnostics.length).toBeGreaterThan(0)
      expect(diagnostics.every((each) => each.endsWith(' syntax'))).toBe(true)
    },
  )
  test('one document may end, and begin, by its marks', async () => {
    expect(await value('---\na: 1\n...\n')).toEqual({ a: 1 })
  })
})

describe('duplicate keys', () => {
  test.each<[string, string[]]>([
    ['a: 1\nb: 2\na: 3\n', ['3:1 duplicate-key']],
    ['{ a: 1, "a": 2, a: 3 }', ['1:9 duplicate-key', '1:17 duplicate-key']],
    ['{"x": {"a": 1, "\\u0061": 2}}', ['1:16 duplicate-key']],
    ['{\n\t"a": 1,\n\t"a": 2\n}', ['3:2 duplicate-key']],
    ['1: a\n"1": b\n', ['2:1 duplicate-key']],
    ['{"__proto__": 1, "__proto__": 2}', ['1:18 duplicate-key']],
  ])('%j', async (text, places) => {
    expect(await found(text)).toEqual(places)
  })
  test('the same key in different objects is fine', async () => {
    expect(await found('a: { k: 1 }\nb: { k: 1 }\n')).toEqual([])
  })
})

describe('places', () => {
  const yaml = '# c\na:\n  - x\n  - k: v\n    "l m": [1, 2]\n'
  const json = '{\r\n\t"a": [\r\n\t\t"x", {"k": "v", "l m": [1, 2]}\r\n\t]\r\n}'
  test.each<[string, (string | number)[], 'key' | 'value', string]>([
    [yaml, [], 'value', '2:1'],
    [yaml, ['a'], 'key', '2:1'],
    [yaml, ['a'], 'value', '3:3'],
    [yaml, ['a', 0], 'value', '3:5'],
    [yaml, ['a', 1, 'k'], 'value', '4:8'],
    [yaml, ['a', 1, 'l m'], 'key', '5:5'],
    [yaml, ['a', 1, 'l m', 1], 'value', '5:16'],
    [yaml, ['a', 1, 'nowhere', 3], 'value', '4:5'],
    [json, [], 'value', '1:1'],
    [json, ['a'], 'key', '2:2'],
    [json, ['a'], 'value', '2:7'],
    [json, ['a', 0], 'value', '3:3'],
    [json, ['a', 1, 'k'], 'key', '3:9'],
    [json, ['a', 1, 'l m'], 'key', '3:19'],
    [json, ['a', 1, 'l m', 1], 'value', '3:30'],
  ])('%#', async (text, path, what, place) => {
    const { line, column } = (await parseFlow(text)).locate(path, what)
    expect(`${line}:${column}`).toBe(place)
  })
  test('inside an alias: where the value was written; the alias itself: where it stands', async () => {
    const document = await parseFlow('a: &x { b: 1 }\nc: *x\n')
    expect(document.locate(['c'], 'value')).toEqual({ line: 2, column: 4 })
    expect(document.locate(['c', 'b'], 'value')).toEqual({ line: 1, column: 12 })
  })
})

describe('hostile texts', () => {
  const bomb = [
    'a0: &a0 [x, x, x, x, x, x, x, x, x, x]',
    ...Array.from({ length: 60 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(10)}]`),
  ].join('\n')
  const nest = (levels: number, open: string, close: string): string => open.repeat(levels) + close.repeat(levels)
  test.each<[string, string]>([
    ['an alias bomb', bomb],
    ['many aliases of a long list', `- &a [${'1,'.repeat(1000)}]\n${'- *a\n'.repeat(101)}`],
    ['10,000 lists in YAML', nest(10_000, '[ ', ']')],
    ['10,000 objects in YAML', nest(10_000, '{a: ', '}')],
    ['10,000 lists in JSON', nest(10_000, '[', ']')],
    ['10,000 objects in JSON', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`],
    ['half a million lists', nest(500_000, '[', ']')],
    ['unclosed lists', '['.repeat(1_000_000)],
    ['unclosed objects', '{a: '.repeat(250_000)],
    ['lists in lines', '- '.repeat(500_000)],
    ['explicit keys', '? '.repeat(500_000)],
    ['objects by indentation', Array.from({ length: 1400 }, (_, i) => `${' '.repeat(i)}a:\n`).join('')],
    ['deep by aliases', `a: &a ${nest(300, '[', ']')}\nb: ${'['.repeat(300)}*a${']'.repeat(300)}\n`],
    ['513 levels', nest(513, '[', ']')],
    ['513 levels in YAML', `a: ${nest(512, '[', ']')}`],
  ])('%s: refused at once', async (_name, text) => {
    const started = performance.now()
    const diagnostics = await found(text)
    expect(diagnostics.length).toBeGreaterThan(0)
    expect(diagnostics.every((each) => each.endsWith(' syntax'))).toBe(true)
    expect(performance.now() - started).toBeLessThan(2000)
  })
  test('512 levels are fine', async () => {
    expect(await found(nest(512, '[', ']'))).toEqual([])
    expect(await found(`a: ${nest(511, '[', ']')}`)).toEqual([])
  })
  test('aliases that expand to 100,000 values are fine, one more is not', async () => {
    const list = `- &a [${Array(998).fill('1').join(', ')}, &b 1]\n${'- *a\n'.repeat(100)}`
    expect(await found(list)).toEqual([])
    expect(await found(`${list}- *b\n`)).toEqual(['102:3 syntax'])
  })
  test('thousands of errors are cut short', async () => {
    expect((await found('- @\n'.repeat(5000))).length).toBeLessThanOrEqual(20)
    expect((await found(`[${','.repeat(5000)}]`)).length).toBeLessThanOrEqual(20)
    expect((await found(']'.repeat(5000))).length).toBeLessThanOrEqual(20)
    expect((await found('- !a 1\n'.repeat(5000))).length).toBeLessThanOrEqual(20)
  })
  test('the environment is back after reading', async () => {
    const before = process.env
    await found('a: [')
    expect(process.env).toBe(before)
  })
  test.each([
    'a',
    '- a\n',
    'a: b\n',
    '[',
    '{',
    '"',
    "'",
    '|\n',
    '>\n',
    '&a ',
    '*a ',
    '!a ',
    '? ',
    ': ',
    '#\n',
    '%a\n',
    '---\n',
    '...\n',
    '\t',
    '\r',
    '`',
    '@',
    ',',
    ']',
    '}',
    '\\',
    '- - ',
    '<<: ',
    '\u2028',
    '\ud800',
  ])('%j, repeated: an answer and no exception', async (part) => {
    expect(await parseFlow(part.repeat(3000))).toBeDefined()
  })
})
