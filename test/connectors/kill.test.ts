import { spawn } from 'node:child_process'
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, expect, it } from 'vitest'
import { pause, until } from '../engine/calls.ts'

const child = new URL('./trigger-child.ts', import.meta.url).pathname
const COUNT = 2000
const KILLS = 10
const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** What is in the store, read by nothing of the engine. */
function audit(store: string): { readonly values: number[]; readonly executions: number; readonly place: unknown } {
  const db = new DatabaseSync(join(store, 'fnflow.db'))
  try {
    const rows = db.prepare('SELECT input FROM executions ORDER BY key').all() as { input: string }[]
    const [place] = db.prepare('SELECT next FROM trigger_places').all() as { next: string }[]
    const values = rows.flatMap(({ input }) => (JSON.parse(input) as { values: number[] }).values)
    return { values, executions: rows.length, place: place && JSON.parse(place.next) }
  } finally {
    db.close()
  }
}

it.each([1, 9])(
  `${COUNT} events start one execution each though the process is killed ${KILLS} times, batches of %s`,
  { timeout: 240_000 },
  async (batch) => {
    const folder = mkdtempSync(join(tmpdir(), 'fnflow-trigger-kill-'))
    folders.push(folder)
    const [store, file] = [join(folder, 'store'), join(folder, 'events.jsonl')]
    writeFileSync(file, '')
    let written = 0
    let interrupted = 0
    const write = (count: number): void => {
      const lines = Array.from({ length: count }, (_, at) => `{"n":${written + at}}\n`)
      appendFileSync(file, lines.join(''))
      written += count
    }
    for (let life = 0; life <= KILLS; life++) {
      const process_ = spawn(process.execPath, [child, store, file, String(batch)], { stdio: ['ignore', 'pipe', 'inherit'] })
      const ended = new Promise((resolve) => process_.once('close', resolve))
      let output = ''
      process_.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
      try {
        await until(() => output.includes('ready'), `life ${life}`)
        if (life === KILLS) {
          write(COUNT - written)
          await until(() => audit(store).values.length >= COUNT, 'all of them')
          await pause(500)
        } else {
          // a burst, so that it is at work when the kill comes: at a moment of its own in each life
          write(Math.floor(COUNT / (KILLS + 1)))
          const begun = audit(store).values.length
          await until(() => audit(store).values.length > begun, `the work of life ${life}`)
          await pause((life * 7) % 40)
        }
      } finally {
        process_.kill('SIGKILL')
        await ended
      }
      if (audit(store).values.length < written) interrupted += 1
    }
    const { values, executions, place } = audit(store)
    // else it was not at work when it was killed, and this says nothing
    expect(interrupted).toBeGreaterThan(0)
    expect(values).toEqual(Array.from({ length: COUNT }, (_, n) => n))
    if (batch > 1) expect(executions).toBeLessThan(COUNT / 2)
    else expect(executions).toBe(COUNT)
    expect(typeof place).toBe('number')
  },
)
