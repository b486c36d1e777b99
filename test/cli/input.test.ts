import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseInput } from '../../cli/input.ts'
import { fnflow, folderWith, FUNCTIONS, lastLine, oneFunction } from './support.ts'

const folder = folderWith({
  ...FUNCTIONS,
  'flow.json': oneFunction('hello', { mode: 'express' }),
  'bad.json': '{\n  "a": 1,\n}',
  'good.json': '{}',
})

async function refused(...args: string[]): Promise<{ stderr: string; document: unknown }> {
  const outcome = await fnflow(['run', 'flow.json', '--json', ...args], { cwd: folder })
  expect({ code: outcome.code, stdout: outcome.stdout }).toEqual({ code: 2, stdout: '' })
  return { stderr: outcome.stderr, document: lastLine(outcome) }
}

describe('an input that is refused', () => {
  it('is not JSON: said with line and column', async () => {
    expect((await refused('--input', '@bad.json')).document).toMatchObject({
      status: 400,
      errorType: 'BadInput',
      errorMessage: 'bad.json is not JSON, line 3, column 1: expected a key in double quotes, not "}"',
    })
    expect((await refused('--input', '{"a":')).document).toMatchObject({
      errorMessage: expect.stringContaining('line 1, column 6') as unknown,
    })
    expect((await refused('--input', '')).document).toMatchObject({ errorMessage: '--input is not JSON: it is empty' })
    expect((await refused('--input', 'good.json')).document).toMatchObject({
      errorMessage: expect.stringContaining('--input @good.json') as unknown,
    })
  })

  it('is a file that is not there: with a suggestion', async () => {
    expect((await refused('--input', '@god.json')).document).toMatchObject({
      errorMessage: 'no input file god.json; did you mean "good.json"?',
    })
    await refused('--input', '@f')
  })

  it('is over 6 MiB: 406 PayloadTooLarge', async () => {
    writeFileSync(join(folder, 'big.json'), JSON.stringify('x'.repeat(6 * 1024 * 1024 - 1)))
    expect((await refused('--input', '@big.json')).document).toMatchObject({ status: 406, errorType: 'PayloadTooLarge' })
  })

  it('is nested over 512 levels: PayloadTooDeep', async () => {
    expect((await refused('--input', `${'['.repeat(513)}${']'.repeat(513)}`)).document).toMatchObject({ errorType: 'PayloadTooDeep' })
  })
})

describe('parseInput', () => {
  it('takes 6 MiB exactly, however it is indented', () => {
    const text = 'x'.repeat(6 * 1024 * 1024 - 2)
    expect(parseInput(`   ${JSON.stringify(text)}\n`, 'it')).toBe(text)
    expect(() => parseInput(JSON.stringify(`${text}x`), 'it')).toThrow(/6 MiB/)
  })

  it('keeps __proto__ as data', () => {
    expect(JSON.stringify(parseInput('{"__proto__":{"a":1}}', 'it'))).toBe('{"__proto__":{"a":1}}')
  })
})
