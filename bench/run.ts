/*
 * The bench: `node bench/run.ts [names…] [--quick] [--json] [--rounds n]`. See README.md in this folder.
 * With --json one JSON object on stdout; all else goes to stderr. Exit code 2: a name or an option that there is not.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { isBuilt } from './built.ts'
import { connectors } from './connectors/index.ts'
import { durable } from './durable.ts'
import { http } from './http/index.ts'
import { inProcess } from './in-process.ts'
import { journal } from './journal.ts'
import { jsonpath } from './jsonpath.ts'
import { memory } from './memory.ts'
import type { Bench, BenchResult, BenchSettings } from './result.ts'
import { startup } from './startup.ts'
import { store } from './store.ts'
import { headingOf, lineOf } from './table.ts'
import { temporal } from './temporal/index.ts'

const ALL: readonly Bench[] = [
  ...inProcess,
  ...durable,
  ...startup,
  ...jsonpath,
  ...memory,
  ...journal,
  ...store,
  ...http,
  ...temporal,
  ...connectors,
]

const HELP = `node bench/run.ts [names…] [--quick] [--json] [--rounds n] [--list]

  names       which to measure: a name, or a group, the beginning of names up to a hyphen (inprocess, durable-w1); default: all but
              temporal and connectors, which start servers
  --quick     fewer and shorter rounds: under 40 s a group
  --json      one JSON object on stdout; the table goes to stderr
  --rounds n  rounds a side
  --list      the names, and what each is
`

process.exitCode = await main(process.argv.slice(2))

async function main(args: string[]): Promise<number> {
  const asked = readArgs(args)
  if (typeof asked === 'string') return refuse(asked)
  if (asked.help) return say(HELP)
  if (asked.list) return say(ALL.map(({ name, about }) => `${name.padEnd(26)} ${about}\n`).join(''))
  if (!isBuilt()) return refuse('there is no dist/: the bench measures the built package; run `npm run build` first')
  const print = asked.json ? console.error : console.log
  const base = process.env['FNFLOW_BENCH_DIR'] ?? fileURLToPath(new URL('../.cache/', import.meta.url))
  mkdirSync(base, { recursive: true })
  const folder = mkdtempSync(join(base, 'bench-'))
  const ends: (() => Promise<void>)[] = []
  const settings: BenchSettings = {
    quick: asked.quick,
    rounds: asked.rounds,
    folder,
    note: (text) => console.error(`  ${text}`),
    atEnd: (what) => void ends.push(what),
  }
  print(`Node ${process.version}, ${availableParallelism()} x ${cpus()[0]?.model ?? 'unknown CPU'}${asked.quick ? ', --quick' : ''}`)
  print(headingOf())
  const results: Record<string, BenchResult> = {}
  try {
    for (const { name, run } of asked.benches) {
      const result = await run(settings)
      results[name] = result
      print(lineOf(name, result))
    }
  } finally {
    await Promise.allSettled(ends.map((end) => end()))
    rmSync(folder, { recursive: true, force: true })
  }
  if (asked.json) console.log(JSON.stringify(results, null, 2))
  return 0
}

interface Asked {
  readonly benches: readonly Bench[]
  readonly quick: boolean
  readonly json: boolean
  readonly list: boolean
  readonly help: boolean
  readonly rounds: number | undefined
}

/** What the command line asks for, or what is wrong with it. */
function readArgs(args: string[]): Asked | string {
  let parsed
  try {
    parsed = parseArgs({
      args,
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
        rounds: { type: 'string' },
      },
    })
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}\n\n${HELP}`
  }
  const { values, positionals } = parsed
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds >= 1))
    return `--rounds takes a whole number from 1, not ${values.rounds}`
  const chosen = new Set<Bench>()
  for (const name of positionals) {
    const found = select(name)
    if (found.length === 0) return `no bench is named ${name}; there are:\n${ALL.map((bench) => `  ${bench.name}\n`).join('')}`
    for (const bench of found) chosen.add(bench)
  }
  return {
    benches: positionals.length === 0 ? ALL.filter(({ onlyNamed }) => onlyNamed !== true) : ALL.filter((bench) => chosen.has(bench)),
    quick: values.quick,
    json: values.json,
    list: values.list,
    help: values.help,
    rounds,
  }
}

/** A name is itself alone, although `inprocess-w4-1` also begins `inprocess-w4-10-1`; otherwise it is a group. */
function select(name: string): Bench[] {
  const exact = ALL.find((bench) => bench.name === name)
  return exact === undefined ? ALL.filter((bench) => bench.name.startsWith(`${name}-`)) : [exact]
}

function say(text: string): number {
  process.stdout.write(text)
  return 0
}

function refuse(text: string): number {
  process.stderr.write(`${text.trimEnd()}\n`)
  return 2
}
