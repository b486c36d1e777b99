import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runSuite } from '../../scripts/conformance/run.ts'

const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.yaml'))

/** Cases derived from the specification, sentence by sentence; the numbers of the files are its sections. */
describe.each(files)('%s', (file) => {
  test('holds on both engines', { timeout: 120_000 }, async () => {
    const lines: string[] = []
    const { passed, failed } = await runSuite({
      names: [join(import.meta.dirname, file)],
      engines: ['express', 'embedded'],
      print: (line) => lines.push(line),
    })
    expect(lines).toEqual([])
    expect(failed).toBe(0)
    expect(passed).toBeGreaterThan(0)
  })
})
