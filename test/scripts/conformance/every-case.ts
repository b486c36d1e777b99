import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runSuite } from '../../../scripts/conformance/run.ts'
import type { EngineKind } from '../../../scripts/conformance/run-case.ts'

export const CASES = join(import.meta.dirname, '..', '..', 'conformance')

const MINUTES = 60_000

/** One test per case file: all its cases must pass on the engine. The vectors of JSONPath and cron have no engine. */
export function everyCase(engine: EngineKind, options: { readonly rebuild?: boolean } = {}): void {
  describe(`every case, ${engine}${options.rebuild ? ', rebuilt after every event' : ''}`, () => {
    for (const file of readdirSync(CASES).filter((name) => name.endsWith('.yaml'))) {
      test.concurrent(
        file,
        async () => {
          const lines: string[] = []
          const { passed, failed } = await runSuite({
            names: [join(CASES, file)],
            engines: [engine],
            ...options,
            print: (line) => lines.push(line),
          })
          expect(failed, lines.join('\n')).toBe(0)
          expect(passed).toBeGreaterThan(0)
        },
        10 * MINUTES,
      )
    }
  })
}
