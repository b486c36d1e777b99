import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { flowOf, FUNCTION_FILES } from './mixed-flows.ts'

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

/** When a life ends: so long behind its spawn, or behind its `ready`. */
interface Kill {
  readonly behind: 'spawn' | 'ready'
  readonly ms: number
}

/** Runs the child; kills it, or lets it end. */
function live(args: readonly string[], kill: Kill | null): Promise<Life> {
  return new Promise((resolve, reject) => {
    const process_ = spawn(process.execPath, [child, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let errors = ''
    let planned = false
    const plan = (occasion: Kill['behind']): void => {
      if (planned || kill?.behind !== occasion) return
      planned = true
      setTimeout(() => process_.kill('SIGKILL'), kill.ms)
    }
    plan('spawn')
    process_.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes('ready')) plan('ready')
    })
    process_.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString()
    })
    process_.on('error', reject)
    process_.on('close', (_code, signal) => resolve({ output, signal, errors }))
  })
}

interface Line {
  readonly kind: string
  readonly life: number
  readonly id: string
  readonly execution: string
  readonly step: number
}

/**
 * Answers that must have been kept, by request id: the life that kept them. An answer whose next step was delivered was committed before,
 * and so were all that were given earlier in that life, as they are committed in their order.
 */
function keptAnswers(lines: readonly Line[]): Map<string, number> {
  const answers = new Map<string, number>()
  const keptUntil = new Map<number, number>()
  for (const [at, { kind, life, execution, step }] of lines.entries()) {
    if (kind === 'answered') answers.set(`${execution} ${step}`, at)
    if (kind !== 'delivered' || step === 0) continue
    const before = answers.get(`${execution} ${step - 1}`)
    expect(before, `step ${step} of ${execution} was delivered in life ${life} before the step before it was answered`).toBeDefined()
    const by = (lines[before as number] as Line).life
    keptUntil.set(by, Math.max(keptUntil.get(by) ?? 0, before as number))
  }
  const kept = new Map<string, number>()
  for (const [at, { kind, life, id }] of lines.entries()) {
    if (kind === 'answered' && at <= (keptUntil.get(life) ?? -1)) kept.set(id, Math.min(life, kept.get(id) ?? life))
  }
  return kept
}

it(`${COUNT} mixed flows all end, none twice, though the engine is killed ${KILLS} times`, { timeout: 240_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fnflow-kill-'))
  folders.push(folder)
  const store = join(folder, 'store')
  const effects = join(folder, 'effects')
  const functions = join(folder, 'functions.json')
  mkdirSync(join(folder, 'code'))
  for (const [name, text] of Object.entries(FUNCTION_FILES)) writeFileSync(join(folder, 'code', name), text)
  const common = { code: './code', handler: 'index.effect', timeout: 60, environment: { variables: { EFFECTS: effects } } }
  const written = ['nodejs', 'python'].map((runtime) => [`${runtime}-effect`, { ...common, runtime, concurrency: { maxInstances: 2 } }])
  writeFileSync(functions, JSON.stringify(Object.fromEntries(written)))

  // Every life starts more, with waits of seconds in it, so that each is killed at work. Half of the instants count from the spawn, so
  // that opening, recovery and deployment are hit too; the others from when that is done, as a busy machine may take long over it.
  for (let life = 0; life < KILLS; life++) {
    const kill: Kill = life % 2 === 0 ? { behind: 'spawn', ms: 20 + Math.random() * 500 } : { behind: 'ready', ms: Math.random() * 500 }
    const count = Math.round((COUNT * (life + 1)) / (KILLS + 1))
    const { signal, errors } = await live([store, effects, functions, String(life), String(count)], kill)
    expect(errors.replace(/.*ExperimentalWarning.*\n|.*--trace-warnings.*\n/g, '')).toBe('')
    expect(signal, `life ${life} ended before it was killed`).toBe('SIGKILL')
  }
  const { output, errors } = await live([store, effects, functions, String(KILLS), String(COUNT)], null)
  expect(errors.replace(/.*ExperimentalWarning.*\n|.*--trace-warnings.*\n/g, '')).toBe('')

  const { outputs, children } = JSON.parse(/^outputs (.*)$/m.exec(output)?.[1] ?? '{}') as { outputs?: unknown[]; children?: string[] }
  const expected = Array.from({ length: COUNT }, (_, at) => flowOf(at))
  expect(outputs).toEqual(expected.map((flow) => flow.output))
  const sum = (of: (flow: (typeof expected)[number]) => number): number => expected.reduce((total, flow) => total + of(flow), 0)
  const parents = expected.filter(({ definition }) => definition.flow === 'mixed-parent').length
  expect(children).toEqual(Array.from({ length: parents + sum((flow) => flow.detached ?? 0) }, () => 'succeeded'))

  // what was under way is delivered again under its old id, so ids count each completed invocation and event once
  const lines = readFileSync(effects, 'utf8')
    .trim()
    .split('\n')
    .map((text): Line => {
      const [kind, life, id, execution, step] = text.split(' ') as [string, string, string, string?, string?]
      return { kind, life: Number(life), id, execution: execution ?? '', step: Number(step ?? 0) }
    })
  const idsOf = (...kinds: string[]): Set<string> => new Set(lines.filter(({ kind }) => kinds.includes(kind)).map(({ id }) => id))
  expect(idsOf('delivered', 'process').size).toBe(sum((flow) => flow.invocations))
  expect(idsOf('published').size).toBe(sum((flow) => flow.events ?? 0))

  // in one life nothing is delivered twice, and what was kept is not delivered again in a later one
  const delivered = lines.filter(({ kind }) => kind === 'delivered')
  expect(new Set(delivered.map(({ life, id }) => `${life} ${id}`)).size).toBe(delivered.length)
  const kept = keptAnswers(lines)
  expect(kept.size).toBeGreaterThan(COUNT / 2)
  expect(delivered.filter(({ id, life }) => life > (kept.get(id) ?? Infinity))).toEqual([])
})
