import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Engine, Json } from '../engine/index.ts'
import { builtEngine } from './built.ts'
import { median, range, timed } from './measure.ts'
import { atMost, rounded, type Bench, type BenchResult, type BenchSettings } from './result.ts'
import { HANDLERS, sequence } from './workloads.ts'

/** As many as fill a page of a list, so that both stores list the same. */
export const FEW = 100
const MANY = 1_000_000
const MANY_QUICK = 100_000

const MEASURED = {
  open: 'opening the store and its first list',
  list: 'a first page by flow, by state and of all, and a second page',
  start: 'one W1, start to output',
} as const

type What = keyof typeof MEASURED

/** A store with a million ended executions against one with a page of them. */
export const store: readonly Bench[] = (Object.keys(MEASURED) as What[]).map((what) => ({
  name: `store-million-${what}`,
  about: `${MEASURED[what]}: a store of a million ended executions against one of ${FEW}`,
  run: (settings) => measure(what, settings),
}))

async function measure(what: What, settings: BenchSettings): Promise<BenchResult> {
  const many = manyOf(settings)
  const [full, small] = [await filled(settings, many), await filled(settings, FEW)]
  const rounds = settings.rounds ?? (settings.quick ? 7 : 15)
  const times = { full: [] as number[], small: [] as number[] }
  if (what === 'open') {
    for (let round = -1; round < rounds; round++) {
      for (const [side, folder] of [
        ['full', full],
        ['small', small],
      ] as const) {
        const ms = await timed(async () => {
          const engine = await openStore(folder)
          await engine.list({ limit: 50 })
          await engine.close()
        })
        if (round >= 0) times[side].push(ms)
      }
    }
  } else {
    const engines = { full: await openStore(full), small: await openStore(small) }
    for (const engine of Object.values(engines)) await engine.deploy(sequence('w1', 'standard', 3))
    const once = what === 'list' ? lists : runs
    for (let round = -1; round < rounds; round++) {
      for (const side of ['full', 'small'] as const) {
        const ms = await once(engines[side])
        if (round >= 0) times[side].push(ms)
      }
    }
    for (const engine of Object.values(engines)) await engine.close()
  }
  const [ours, reference] = [median(times.full), median(times.small)]
  return {
    ours: rounded(ours),
    reference: rounded(reference),
    ratio: rounded(ours / reference),
    unit: 'ms',
    better: 'lower',
    against: `a store of ${FEW} ended executions`,
    spread: { ours: range(times.full), reference: range(times.small) },
    rounds,
    target: atMost('ratio', ours / reference, 1.5),
    more: { endedExecutions: many, ...(settings.quick ? { note: `--quick: ${MANY_QUICK} executions, not ${MANY}` } : {}) },
  }
}

/** How many ended executions a large store has. */
export function manyOf({ quick }: BenchSettings): number {
  return quick ? MANY_QUICK : MANY
}

/** ms of one W1: the median of some, as one commit may take ten times another. */
async function runs(engine: Engine): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < 50; i++) times.push(await timed(() => engine.run('w1', { input: { n: 0 } as Json })))
  return median(times)
}

/** ms of the four lists of a console's first screens. */
async function lists(engine: Engine): Promise<number> {
  const start = performance.now()
  for (let i = 0; i < 5; i++) {
    const { nextCursor } = await engine.list({ limit: 50 })
    if (nextCursor === undefined) throw new Error('there is no second page')
    await engine.list({ limit: 50, cursor: nextCursor })
    await engine.list({ flow: 'w1', limit: 50 })
    await engine.list({ flow: 'w1', status: 'succeeded', limit: 50 })
  }
  return (performance.now() - start) / 5
}

async function openStore(folder: string): Promise<Engine> {
  const { createEngine } = await builtEngine()
  return createEngine({ store: folder, functions: Object.fromEntries(HANDLERS) })
}

const made = new Map<number, string>()

/** A store with that many ended executions of W1, made once per process: one is run, the others are copies of its rows. */
export async function filled({ folder, note }: BenchSettings, count: number): Promise<string> {
  const known = made.get(count)
  if (known !== undefined) return known
  const path = join(folder, `store-${count}`)
  rmSync(path, { recursive: true, force: true })
  mkdirSync(path)
  const engine = await openStore(path)
  await engine.deploy(sequence('w1', 'standard', 3))
  await engine.run('w1', { input: { n: 0 } })
  await engine.close()
  const ms = await timed(() => copyRows(join(path, 'fnflow.db'), count))
  note(`filled a store with ${count} ended executions in ${(ms / 1000).toFixed(1)} s`)
  made.set(count, path)
  return path
}

/** The bench knows the tables by what they hold, not by their columns: a new column is copied like the others. */
function copyRows(file: string, count: number): void {
  const db = new DatabaseSync(file)
  try {
    db.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -200000')
    const template = db.prepare('SELECT key, id FROM executions ORDER BY key LIMIT 1').get() as { key: number; id: string }
    const columns = (table: string): string[] =>
      (db.prepare(`SELECT name FROM pragma_table_info('${table}')`).all() as { name: string }[]).map(({ name }) => name)
    const list = (table: string, replaced: Readonly<Record<string, string>>): string =>
      columns(table)
        .map((name) => replaced[name] ?? `t.${name}`)
        .join(', ')
    const numbers = `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count - 1})`
    // ids grow as the engine's do; a time-ordered id of before all that it will make
    const id = `printf('%08x-0000-7000-8000-000000000000', n)`
    db.exec('BEGIN')
    db.exec(
      `INSERT INTO executions (${columns('executions').join(', ')}) ${numbers}
       SELECT ${list('executions', { key: `${template.key} + n`, id })} FROM numbers, executions t WHERE t.key = ${template.key}`,
    )
    db.exec(
      `INSERT INTO events (${columns('events').join(', ')}) ${numbers}
       SELECT ${list('events', { execution: `${template.key} + n` })} FROM numbers CROSS JOIN events t WHERE t.execution = ${template.key}`,
    )
    db.exec('COMMIT')
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  } finally {
    db.close()
  }
}
