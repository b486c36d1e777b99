/** `npm run verify`: everything that must hold before a change lands, cheapest first; stops at the first that does not. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const root = join(import.meta.dirname, '..')
const PATH = join(root, 'node_modules', '.bin') + delimiter + (process.env['PATH'] ?? '')

const steps: readonly (readonly [string, readonly string[]])[] = [
  ['formatting', ['prettier', '--check', '--log-level=warn', '.']],
  ['lint', ['eslint', '.']],
  ['imports', ['depcruise', '--config', '.dependency-cruiser.cjs', '--output-type', 'err-long', ...folders()]],
  ['types', ['tsc', '-p', 'tsconfig.json']],
  ['generated files', ['node', 'scripts/generate.ts', '--check']],
  ['unused code', ['knip']],
  ['package', ['publint', '--strict']],
  ['tests', ['node', 'scripts/test.ts']],
]

function folders(): string[] {
  return ['dsl', 'workflows', 'executors', 'connectors', 'engine', 'client', 'cli'].filter((folder) => existsSync(join(root, folder)))
}

for (const [name, [command, ...args]] of steps) {
  const started = performance.now()
  const { status, error } = spawnSync(command!, args, { cwd: root, stdio: 'inherit', env: { ...process.env, PATH } })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  if (status !== 0) {
    console.error(`verify: ${name} failed after ${seconds} s (${[command, ...args].join(' ')})${error ? `: ${error.message}` : ''}`)
    process.exit(1)
  }
  console.error(`verify: ${name} fine, ${seconds} s`)
}
