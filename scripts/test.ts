/**
 * `npm test`: vitest, a line for every skipped test with the reason, then one plain line `N passed, N failed`, which tools that only
 * count look for. Arguments go to vitest (`npm test -- test/dsl`). Exits non-zero if anything failed or nothing ran.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly assertionResults: readonly { readonly status: string }[]
  }[]
}

const root = join(import.meta.dirname, '..')
const report = join(root, '.cache', `test-report-${process.pid}.json`)
mkdirSync(join(root, '.cache'), { recursive: true })

const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const run = spawnSync(
  process.execPath,
  [
    vitest,
    'run',
    '--reporter=default',
    '--reporter=json',
    `--reporter=${join(import.meta.dirname, 'skipped-tests.ts')}`,
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: 'inherit' },
)

let passed = 0
let failed = 0
try {
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report
  for (const file of testResults) {
    const before = failed
    for (const { status } of file.assertionResults) {
      if (status === 'passed') passed++
      else if (status === 'failed') failed++
    }
    // A file that cannot be loaded has no tests to fail.
    if (file.status === 'failed' && failed === before) failed++
  }
} catch {
  console.error('vitest wrote no report')
}
rmSync(report, { force: true })

const ended = run.status ?? 1
// Unhandled errors outside of any test fail the run without failing a test.
if (ended !== 0 && failed === 0) failed = 1
if (passed + failed === 0) console.error('no test ran')
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
