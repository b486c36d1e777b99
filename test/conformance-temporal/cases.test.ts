import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runSuite } from '../../scripts/conformance/run.ts'
import { temporalServices } from '../engine/temporal/services.ts'
import { CASES } from '../scripts/conformance/every-case.ts'
import { expectSameFolds } from './same-folds.ts'

const { address, postgresUrl } = temporalServices()
const MINUTES = 60_000

/** One test per case file, one behind the other: beside others the cases' bounds in seconds would be missed. */
describe.each([
  ['', {}],
  [', every task from its history', { cached: 0 }],
])('every case, Temporal%s', (_how, options) => {
  test.each(readdirSync(CASES).filter((name) => name.endsWith('.yaml')))(
    '%s',
    async (file) => {
      const lines: string[] = []
      let compared = 0
      const { passed, failed } = await runSuite({
        names: [join(CASES, file)],
        engines: ['temporal'],
        temporal: { address, postgresUrl, ...options, inspect: async (...run) => void (compared += await expectSameFolds(...run)) },
        print: (line) => lines.push(line),
      })
      expect(failed, lines.join('\n')).toBe(0)
      expect(passed).toBeGreaterThan(0)
      // flows that are refused have nothing to compare
      if (file !== '70-rules.yaml') expect(compared).toBeGreaterThan(0)
    },
    10 * MINUTES,
  )
})
