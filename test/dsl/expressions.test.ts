import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NodeError } from '../../dsl/errors.ts'
import { compileExpression, ExpressionSyntaxError, type PathContext } from '../../dsl/expressions.ts'
import type { Json } from '../../dsl/json.ts'

const context: PathContext = { contextFor: () => ({ node: { attempt: 2 }, nodes: { a: { output: [1, 2] } } }) }
const evaluate = (text: string, data: Json): boolean => compileExpression(text).evaluate(data, context)

function typeError(text: string, data: Json): NodeError {
  try {
    evaluate(text, data)
  } catch (error) {
    if (error instanceof NodeError) return error
    throw error
  }
  throw new Error(`${text} was evaluated`)
}

function fault(text: string): ExpressionSyntaxError {
  try {
    compileExpression(text)
  } catch (error) {
    if (error instanceof ExpressionSyntaxError) return error
    throw error
  }
  throw new Error(`${text} is valid`)
}

const data = {
  n: 3,
  s: 'x',
  t: true,
  f: false,
  nil: null,
  list: [
    { n: 1, m: 'x', k: 1 },
    { n: 9, m: 'x', k: 1 },
  ],
  obj: { a: 1, b: [2] },
  same: { b: [2], a: 1 },
  star: '**',
  empty: '',
  'a b': 1,
  'a-b': 1,
  0: 'zero',
}

describe('comparisons', () => {
  it.each<[string, boolean]>([
    ['$.n == 3', true],
    ['$.n==3.0', true],
    ['$.n == 3e0', true],
    ['$.n == 30E-1', true],
    ['$.n != 4', true],
    ["$.n == '3'", false],
    ["$.s == 'x'", true],
    ['$.s == "x"', true],
    ['$.s != "x"', false],
    ["$.empty == ''", true],
    ['$.t == true', true],
    ['$.f == true', false],
    ['$.f == nil', false],
    ['$.n == true', false],
    ['$.nil == nil', true],
    ['$.nil == null', true],
    ['$.gone == nil', true],
    ['$.gone == null', true],
    ['$.gone != nil', false],
    ['nil == $.gone', true],
    ['$.gone == $.missing', true],
    ['$.gone == false', false],
    ['nil == null', true],
    ['1 == 1', true],
    ["'a' == 'b'", false],
    ['3 > 2', true],
    ['$.obj == $.same', true],
    ['$.obj != $.same', false],
    ['$.obj == $.list', false],
    ['$.n < 4', true],
    ['$.n<3', false],
    ['$.n <= 3', true],
    ['$.n >= 3', true],
    ['$.n > 3', false],
    ['$.n>-1', true],
    ['-1<$.n', true],
    ['$.n == -0', false],
    ['0 == -0', true],
    ['$.n < 1e999', true],
    ["$['a b'] == 1", true],
    ['$.a-b == 1', true],
    ['$ == $', true],
    ['$.list[1].n == 9', true],
    ['$.list[-1].n == 9', true],
    ["$['0'] == 'zero'", true],
    ['$$.node.attempt == 2', true],
    ['$$.nodes.gone.output == nil', true],
    ['$.n\t==\r\n3', true],
    ['  $.n == 3  ', true],
  ])('%s is %s', (text, result) => {
    expect(evaluate(text, data)).toBe(result)
  })

  it.each([
    '$.s < 3',
    '3 > $.s',
    '$.gone < 1',
    '$.nil >= 1',
    '$.t < 2',
    '$.list < 1',
    '$.list[*].n > 0',
    "'a' < 'b'",
    'nil < 1',
    'true <= true',
    "$.n < '4'",
  ])('%s is a type error', (text) => {
    expect(typeError(text, data).document).toMatchObject({ status: 400, errorType: 'ExpressionTypeError' })
  })

  it('says what was compared', () => {
    expect(typeError('$.s < 3', data).message).toBe("< compares numbers, but $.s is the string 'x'")
    expect(typeError('$.gone < 3', data).message).toBe('< compares numbers, but $.gone is nil')
  })
})

describe("'**'", () => {
  it.each<[string, boolean]>([
    ["$.n == '**'", true],
    ['$.n == "**"', true],
    ["$.nil == '**'", true],
    ["$.f == '**'", true],
    ["$.gone == '**'", false],
    ["$.list == '**'", true],
    ["$.list[*] == '**'", true],
    ["$.list[?(@.n > 50)] == '**'", false],
    ["$.gone[*] == '**'", false],
    ["$.star != '**'", false],
    ["$.n != '**'", true],
    ["'**' == $.star", true],
    ["'**' == $.n", false],
    ["'**' == '**'", true],
    ["'x' == '**'", false],
    ["!$.gone == '**'", true],
    ["$$.nodes.a == '**'", true],
  ])('%s is %s', (text, result) => {
    expect(evaluate(text, data)).toBe(result)
  })
  it('is a string for <', () => {
    typeError("$.n < '**'", data)
  })
})

describe('a path alone', () => {
  it.each<[string, boolean]>([
    ['$.t', true],
    ['$.f', false],
    ['$.gone', false],
    ['!$.t', false],
    ['!$.gone', true],
    ['!!$.t', true],
    ['! ! ! $.f', true],
    ['($.t)', true],
    ['$.t && $.f', false],
    ['$.t||$.f', true],
  ])('%s is %s', (text, result) => {
    expect(evaluate(text, data)).toBe(result)
  })
  it.each([
    '$.n',
    '$.s',
    '$.nil',
    '$.obj',
    '$.list',
    '$',
    '!$.n',
    '$.list[*]',
    '$.gone[*]',
    '$..gone',
    '$.list[?(@.n > 50)]',
    '$.list[(@.length-1)]',
    '!$.list[0:0]',
  ])('%s is a type error', (text) => {
    expect(typeError(text, data).document.errorType).toBe('ExpressionTypeError')
  })
  it('of the root', () => {
    expect(evaluate('$', true)).toBe(true)
    expect(evaluate('!$', false)).toBe(true)
  })
})

describe('an indefinite path is a list', () => {
  it.each<[string, boolean]>([
    ['$.list[?(@.n > 50)] == nil', false],
    ['$.gone[*] != nil', true],
    ["$.list[?(@.n > 5 && @.m == 'x')].k == 1", false],
    ['$.list[*].n == $$.nodes.a.output', false],
    ['$.obj.b == $.obj.b[*]', true],
    ['$.gone[*] == $.missing[*]', true],
  ])('%s is %s', (text, result) => {
    expect(evaluate(text, data)).toBe(result)
  })
})

describe('&&, || and !', () => {
  it.each<[string, boolean]>([
    ['$.t || $.f && $.f', true],
    ['($.t || $.f) && $.f', false],
    ['$.f && $.f || $.t', true],
    ['!$.n == 3', false],
    ['!$.n == 4', true],
    ['!($.n == 4)', true],
    ['!$.f && $.t', true],
    ['!($.f && $.t)', true],
    ['!$.t || $.t', true],
    ['!$.n == 4 && !$.n == 5', true],
    ['((($.n == 3)))', true],
    ['!(!($.n == 3))', true],
    ["$.n == 3&&$.s=='x'||!$.t", true],
    ['!1 == 2', true],
    ['( $.t )&&( $.t )', true],
  ])('%s is %s', (text, result) => {
    expect(evaluate(text, data)).toBe(result)
  })

  it('stop when the result is known: what is not reached cannot fail', () => {
    expect(evaluate('$.n == 3 || $.s < 3', data)).toBe(true)
    expect(evaluate('$.n == 4 && $.s < 3', data)).toBe(false)
    expect(evaluate('$.f && $.n || $.t', data)).toBe(true)
    expect(evaluate('$.t || ($.s < 1 || $.n)', data)).toBe(true)
    typeError('$.n == 4 || $.s < 3', data)
    typeError('$.n == 3 && $.s < 3', data)
    typeError('$.s < 3 || $.n == 3', data)
  })

  it('property: agree with JavaScript', () => {
    const { term } = fc.letrec<{ term: { text: string; js: string } }>((tie) => ({
      term: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom(
          { text: '$.t', js: 'true' },
          { text: '$.f', js: 'false' },
          { text: '$.n == 3', js: 'true' },
          { text: '3 <2', js: 'false' },
        ),
        fc.tuple(tie('term'), tie('term')).map(([a, b]) => ({ text: `${a.text} && ${b.text}`, js: `${a.js} && ${b.js}` })),
        fc.tuple(tie('term'), tie('term')).map(([a, b]) => ({ text: `${a.text}||${b.text}`, js: `${a.js} || ${b.js}` })),
        tie('term').map((a) => ({ text: `!(${a.text})`, js: `!(${a.js})` })),
        tie('term').map((a) => ({ text: ` ( ${a.text} ) `, js: `(${a.js})` })),
      ),
    }))
    fc.assert(fc.property(term, ({ text, js }) => evaluate(text, data) === (new Function(`return ${js}`) as () => boolean)()))
  })
})

describe('strings', () => {
  it.each<[string, string]>([
    ["'a && b || \\'c\\' == 1'", "a && b || 'c' == 1"],
    ['"it\'s"', "it's"],
    ['"it\\\'s"', "it's"],
    ['\'say "hi"\'', 'say "hi"'],
    ['\'say \\"hi\\"\'', 'say "hi"'],
    ["'a\\n\\t\\u4e0a\\/\\\\\\b\\f\\r'", 'a\n\t上/\\\b\f\r'],
    ["'\\ud83d\\ude00'", '😀'],
    ["'\\ud83d'", '\ud83d'],
    ["'😀 上'", '😀 上'],
    ["'('", '('],
    ["'$.a'", '$.a'],
    ["'nil'", 'nil'],
  ])('%s', (text, value) => {
    expect(evaluate(`$ == ${text}`, value)).toBe(true)
    expect(evaluate(`${text} == $`, value)).toBe(true)
  })
})

describe('where a path ends', () => {
  it.each([
    "$.list[?(@.n > 5 && @.m == 'x')].k",
    "$['a == b']",
    "$['a\\'] || b']",
    '$["a\\"]"]',
    "$[?@['x)]'] == ')' || (@.y)]",
    '$.list[ 0 ] .n',
    '$..*',
    '$.*',
    '$.a-b',
    '$.城市',
    '$',
    '$$.nodes.a',
    '$[1:2, 3]',
  ])('%s', (path) => {
    for (const text of [
      `${path}==1`,
      `${path} == 1`,
      `1 != ${path}`,
      `(${path})`,
      `${path}&&$.x`,
      `!${path}||$.x`,
      `${path}<1`,
      `\n${path}\n>=1`,
    ]) {
      expect(compileExpression(text).paths[0]!.text).toBe(path)
    }
  })
  it('lists the paths in order', () => {
    const expression = compileExpression('$.a == $$.b && !($.c || 1 < $..d)')
    expect(expression.paths.map((path) => path.text)).toEqual(['$.a', '$$.b', '$.c', '$..d'])
    expect(expression.text).toBe('$.a == $$.b && !($.c || 1 < $..d)')
  })
})

describe('what is no expression', () => {
  it.each<[string, number, string]>([
    ['', 0, 'expected an operand'],
    ['   ', 3, 'expected an operand'],
    ['true', 0, 'a constant alone is no expression'],
    ['1', 0, 'a constant alone'],
    ["'x'", 0, 'a constant alone'],
    ['$.a && true', 7, 'a constant alone'],
    ['!nil', 1, 'a constant alone'],
    ['(1)', 1, 'a constant alone'],
    ['$.a == (1)', 7, 'an operand has no parentheses'],
    ['($.a) == 1', 0, 'an operand has no parentheses'],
    ['($.a == 1) == true', 0, 'an operand has no parentheses'],
    ['($.a == 1', 0, 'a ( is not closed'],
    ['$.a == 1)', 8, "expected &&, || or the end, found ')'"],
    ['()', 1, 'expected an operand'],
    ['$.a = 1', 4, "expected &&, || or the end, found '='"],
    ['$.a === 1', 6, 'expected an operand'],
    ['$.a =! 1', 4, "found '='"],
    ['$.a ==', 6, 'expected an operand (a path from $, a number, a quoted string, true, false or nil), found the end'],
    ['== 1', 0, 'expected an operand'],
    ['$.a == 1 == 1', 9, 'expected &&, ||'],
    ['1 < $.a < 3', 8, 'expected &&, ||'],
    ['$.a & $.b', 4, "found '&'"],
    ['$.a | $.b', 4, "found '|'"],
    ['$.a && ', 7, 'expected an operand'],
    ['&& $.a', 0, 'expected an operand'],
    ['$.a ||| $.b', 6, 'expected an operand'],
    ['$.a and $.b', 4, "found 'a'"],
    ['$.a $.b', 4, "found '$'"],
    ['$.a == abc', 7, "found 'abc'"],
    ['a == 1', 0, "found 'a'"],
    ['@.a == 1', 0, "found '@'"],
    ['$.a == True', 7, "found 'True'"],
    ['$.a == NULL', 7, "found 'NULL'"],
    ['$.a == nilly', 7, "found 'nilly'"],
    ['$.a == undefined', 7, "found 'undefined'"],
    ['$.a == 01', 8, "found '1'"],
    ['$.a == 1.', 8, "found '.'"],
    ['$.a == .5', 7, "found '.'"],
    ['$.a == +1', 7, "found '+'"],
    ['$.a == - 1', 7, "found '-'"],
    ['$.a == 0x10', 8, "found 'x'"],
    ['$.a == 1e', 8, "found 'e'"],
    ['$.a == 1_000', 8, "found '_'"],
    ['$.a == Infinity', 7, "found 'Infinity'"],
    ['$.a == [1]', 7, "found '['"],
    ['$.a == 1!', 8, "found '!'"],
    ['$.a ! == 1', 4, "found '!'"],
    ['$.a == !$.b', 7, "found '!'"],
    ["$.a == 'x", 7, 'a string has no closing'],
    ["$.a == 'x\\'", 7, 'a string has no closing'],
    ["$.a == '\\x41'", 9, 'behind the backslash'],
    ["$.a == '\\u12'", 10, 'four hexadecimal digits'],
    ["$.a == '\t'", 8, 'expected an escape'],
    ['$.a[ == 1', 5, 'expected an index'],
    ['$.a == $.b[?(@.x]', 16, 'expected )'],
    ['$. == 1', 2, 'expected a name'],
    ["$.a == 1 && $['x", 14, 'a string has no closing'],
    ['$.a\u00a0== 1 x', 9, "found 'x'"],
    ['$.a ==\u00a01', 6, 'expected an operand'],
    ['length($.a) == 1', 0, "found 'length'"],
    [`$.${'a'.repeat(4095)} == 1`, 0, '4096 characters'],
  ])('%s', (text, position, message) => {
    const error = fault(text)
    expect(error.message).toContain(message)
    expect(error).toMatchObject({ name: 'ExpressionSyntaxError', position })
  })
})

describe('hostile expressions', () => {
  it('are refused beyond 200 parentheses inside each other', () => {
    const nested = (n: number) => '('.repeat(n) + '$.t' + ')'.repeat(n)
    expect(evaluate(nested(200), data)).toBe(true)
    expect(fault(nested(201)).message).toContain('nested more than 200 levels deep')
    fault('('.repeat(1_000_000))
    fault('!('.repeat(500_000))
    fault(`$.a == $${'[?('.repeat(100_000)}`)
  })

  it('may be long', () => {
    const start = performance.now()
    expect(evaluate('!'.repeat(1_000_000) + '$.t', data)).toBe(true)
    expect(evaluate('!'.repeat(1_000_001) + '$.t', data)).toBe(false)
    expect(evaluate('$.t && '.repeat(100_000) + '$.f', data)).toBe(false)
    expect(evaluate('$.f||'.repeat(100_000) + '$.t', data)).toBe(true)
    expect(evaluate('($.f)||'.repeat(100_000) + '$.t', data)).toBe(true)
    expect(evaluate(`$.s == '${'x'.repeat(1_000_000)}'`, data)).toBe(false)
    expect(evaluate(`$.s == '${'\\n'.repeat(500_000)}'`, data)).toBe(false)
    expect(evaluate(`$.n < 1${'0'.repeat(1_000_000)}`, data)).toBe(true)
    fault('a'.repeat(1_000_000))
    fault(`$.a == 1${' '.repeat(1_000_000)}x`)
    expect(performance.now() - start).toBeLessThan(10_000)
  })
})
