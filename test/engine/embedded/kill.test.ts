import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { MIXED_FLOWS } from './mixed-flows.ts'

const COUNT = 500
const KILLS = 20
const child = new URL('./kill-child.ts', import.meta.url).pathname
const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

interface Life {
  readonly output: string
  readonly signal: NodeJS.Signals | null
  readonly errors: string
}

/** Runs the child; kills it `afterMs` behind its `ready`, or lets it end. */
function live(store: string, effects: string, afterMs: number | null): Promise<Life> {
  return new Promise((resolve, reject) => {
    const process_ = spawn(process.execPath, [child, store, effects, String(COUNT)], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let errors = ''
    let planned = false
    process_.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (afterMs !== null && !planned && output.includes('ready')) {
        planned = true
        setTimeout(() => process_.kill('SIGKILL'), afterMs)
      }
    })
    process_.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString()
    })
    process_.on('error', reject)
    process_.on('close', (_code, signal) => resolve({ output, signal, errors }))
  })
}

it(`${COUNT} mixed flows all end, none twice, though the engine is killed ${KILLS} times`, { timeout: 240_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fnflow-kill-'))
  folders.push(folder)
  const store = join(folder, 'store')
  const effects = join(folder, 'effects')
  let killed = 0
  // instants spread over the whole life of the work: at the first lives nothing has ended, at the last ones nearly all has
  for (let life = 0; life < KILLS; life++) {
    const { signal, errors } = await live(store, effects, 5 + Math.random() * 150)
    expect(errors.replace(/.*ExperimentalWarning.*\n|.*--trace-warnings.*\n/g, '')).toBe('')
    if (signal === 'SIGKILL') killed += 1
  }
  const { output, errors } = await live(store, effects, null)
  expect(errors.replace(/.*ExperimentalWarning.*\n|.*--trace-warnings.*\n/g, '')).toBe('')
  expect(killed).toBeGreaterThan(KILLS / 2)

  const outputs = JSON.parse(/^outputs (.*)$/m.exec(output)?.[1] ?? 'null') as unknown[]
  const expected = Array.from({ length: COUNT }, (_, at) => MIXED_FLOWS[at % MIXED_FLOWS.length])
  expect(outputs).toEqual(expected.map((flow) => flow?.output))

  // an invocation that was under way is delivered again under its old id, so ids count each completed invocation once
  const ids = readFileSync(effects, 'utf8').trim().split('\n')
  const invocations = expected.reduce((sum, flow) => sum + (flow?.invocations ?? 0), 0)
  expect(new Set(ids).size).toBe(invocations)
})
