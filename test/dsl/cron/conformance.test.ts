import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { CronSyntaxError } from '../../../dsl/cron/errors.ts'
import { nextFires } from '../../../dsl/cron/next-fires.ts'

interface Vector {
  expr: string
  zone?: string
  from?: string
  next?: string[]
  invalid?: true
}

const file = new URL('../../conformance/cron.json', import.meta.url)
const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: Vector[] }

describe('the vectors of triggers.md, 2', () => {
  it('are all there', () => expect(vectors).toHaveLength(318))

  it.each(vectors.map((vector, index) => [index, JSON.stringify(vector.expr), vector] as const))('%i %s', (_index, _expr, vector) => {
    const { expr, zone, from = 0, next = [], invalid } = vector
    const ask = (): number[] => nextFires(expr, { from, count: next.length || 1, ...(zone === undefined ? {} : { zone }) })
    if (invalid) expect(ask).toThrow(CronSyntaxError)
    else expect(ask()).toEqual(next.map((text) => Date.parse(text)))
  })
})
