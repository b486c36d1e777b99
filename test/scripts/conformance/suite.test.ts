import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runSuite } from '../../../scripts/conformance/run.ts'
import { CASES, everyCase } from './every-case.ts'

everyCase('express')
everyCase('embedded')

test('every JSONPath vector', async () => {
  const lines: string[] = []
  const { passed, failed } = await runSuite({
    names: [join(CASES, 'jsonpath.json')],
    engines: ['express'],
    print: (line) => lines.push(line),
  })
  expect(failed, lines.join('\n')).toBe(0)
  expect(passed).toBe(675)
})
