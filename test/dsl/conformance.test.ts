import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { loadFlow } from '../../dsl/load.ts'
import { rulesOf } from './flows.ts'

interface At {
  readonly rule: string
  readonly line: number | number[]
  readonly column?: number | number[]
}
interface Case {
  readonly name: string
  readonly flow?: object
  readonly flows?: object[]
  readonly text?: string | (string | { repeat: string; times: number })[]
  readonly base64?: string
  readonly modes?: string[]
  readonly expect: { readonly diagnostics?: string[]; readonly at?: At[]; readonly refused?: boolean }
}

const folder = new URL('../conformance/', import.meta.url)
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'))

describe.each(files)('%s', (file) => {
  const cases = parse(readFileSync(new URL(file, folder), 'utf8'), { maxAliasCount: -1 }) as Case[]
  test.each(cases)('$name', async (each) => {
    for (const source of sourcesOf(each)) {
      const { diagnostics, plan } = await loadFlow(source)
      if (each.expect.refused === true) expect(rulesOf(diagnostics)).not.toEqual([])
      else expect(rulesOf(diagnostics)).toEqual([...(each.expect.diagnostics ?? [])].sort())
      expect(plan === undefined).toBe(each.expect.refused === true || each.expect.diagnostics !== undefined)
      for (const at of each.expect.at ?? []) {
        expect(diagnostics.some(({ rule, line, column }) => rule === at.rule && matches(line, at.line) && matches(column, at.column))).toBe(
          true,
        )
      }
    }
  })
})

const matches = (found: number | undefined, wanted: number | number[] | undefined): boolean =>
  wanted === undefined || [wanted].flat().includes(found!)

/** A definition as an object is tried as such, as JSON and as YAML. */
function sourcesOf({ text, base64, flow, flows, modes }: Case): (string | Uint8Array | object)[] {
  if (base64 !== undefined) return [Buffer.from(base64, 'base64')]
  if (text !== undefined)
    return [
      [text]
        .flat()
        .map((part) => (typeof part === 'string' ? part : part.repeat.repeat(part.times)))
        .join(''),
    ]
  return (flows ?? [flow!]).flatMap((one) =>
    (modes ?? ['standard', 'express']).flatMap((mode) => {
      const definition = { ...one, mode }
      return [definition, JSON.stringify(definition, null, '\t'), stringify(definition)]
    }),
  )
}
