import { basename, dirname, join } from 'node:path'
import type { FlowMode } from '../../dsl/plan.ts'
import { loadBuilt } from './built.ts'
import type { Built } from './built.ts'
import { readCase } from './case.ts'
import type { ConformanceCase } from './case.ts'
import { findFiles, loadFunctions, readFile, UsageError } from './files.ts'
import { runCase } from './run-case.ts'
import type { CaseResult, EngineKind } from './run-case.ts'
import { TemporalLabs, type TemporalPlace } from './temporal.ts'
import { cronDifference, jsonpathDifference } from './vectors.ts'

export interface SuiteOptions {
  /** Files and folders. */
  readonly names: readonly string[]
  readonly engines: readonly EngineKind[]
  /** Tears the embedded engine down after every committed event. */
  readonly rebuild?: boolean
  /** Where the cases of the engine `temporal` run. */
  readonly temporal?: TemporalPlace
  /** Only the cases whose name holds this text. */
  readonly only?: string
  /** Gets a line per failing case, as it fails, and remarks. */
  readonly print: (line: string) => void
}

export interface SuiteResult {
  readonly passed: number
  readonly failed: number
  /** How often a worker was killed; null where none was to be. */
  readonly kills: number | null
}

interface Job {
  readonly title: string
  /** Such a definition may keep the process busy: beside others it would spoil their wall-clock bounds. */
  readonly alone: boolean
  readonly run: () => Promise<CaseResult>
}

/** Cases mostly wait; more at once would be late for their bounds on a small machine. */
const CONCURRENCY = 8

/**
 * Runs conformance cases: once per mode, `express` in memory, `standard` on a SQLite store in a temporary folder; definitions given as text once,
 * as they are, on the embedded engine (on the express one where only that is asked for, as far as their mode allows).
 *
 * @throws UsageError where a file is missing or no case file
 */
export async function runSuite(options: SuiteOptions): Promise<SuiteResult> {
  const built = await loadBuilt()
  const labs = options.temporal === undefined ? undefined : new TemporalLabs(built, options.temporal)
  try {
    const result = await runFiles(built, labs, options)
    return { ...result, kills: labs?.kills ?? null }
  } finally {
    await labs?.close()
  }
}

async function runFiles(
  built: Built,
  labs: TemporalLabs | undefined,
  { names, engines, rebuild = false, only, print }: SuiteOptions,
): Promise<Omit<SuiteResult, 'kills'>> {
  const jobs: Job[] = []
  let passed = 0
  let failed = 0
  const fail = (title: string, reason: string): void => {
    failed++
    print(`FAIL ${title}: ${oneLine(reason)}`)
  }

  for (const path of findFiles(names)) {
    const file = readFile(path)
    const title = join(basename(dirname(path)), basename(path))
    if (file.kind === 'cases') {
      const functions = await loadFunctions(path)
      for (const [index, value] of file.cases.entries()) {
        let test: ConformanceCase
        try {
          test = readCase(value)
        } catch (error) {
          fail(`${title}, case ${index + 1}`, (error as Error).message)
          continue
        }
        if (only !== undefined && !test.name.includes(only)) continue
        jobs.push(...jobsOf({ built, labs, engines, rebuild }, title, test, functions))
      }
    } else {
      const [name, difference] = file.kind === 'jsonpath' ? (['path', jsonpathDifference] as const) : (['expr', cronDifference] as const)
      for (const vector of file.vectors) {
        if (only !== undefined && !String(vector[name]).includes(only)) continue
        const differs = difference(built, vector)
        if (differs) fail(title, differs)
        else passed++
      }
    }
  }
  if (only !== undefined && jobs.length + passed + failed === 0)
    throw new UsageError(`no case has a name with ${JSON.stringify(only)} in it`)

  const work = async (queue: Job[]): Promise<void> => {
    for (let job = queue.shift(); job; job = queue.shift()) {
      const result = await job.run()
      if (result.verdict === 'passed') passed++
      else if (result.verdict === 'failed') fail(job.title, result.reason)
    }
  }
  await work(jobs.filter(({ alone }) => alone))
  const others = jobs.filter(({ alone }) => !alone)
  await Promise.all(Array.from({ length: CONCURRENCY }, () => work(others)))
  return { passed, failed }
}

function jobsOf(
  { built, labs, engines, rebuild }: Surroundings,
  file: string,
  test: ConformanceCase,
  functions: Parameters<typeof runCase>[2]['functions'],
): Job[] {
  const job = (engine: EngineKind, mode: FlowMode | undefined): Job => {
    const how = `${mode ?? 'as it is'}${rebuild && engine === 'embedded' ? ', rebuilt' : ''}${engine === 'temporal' ? ', Temporal' : ''}`
    return {
      title: `${file}: ${test.name} [${how}]`,
      alone: mode === undefined || test.expect.refused === true,
      run: () =>
        runCase(built, test, {
          engine,
          rebuild: rebuild && engine === 'embedded',
          mode,
          functions,
          ...(labs === undefined ? {} : { labs }),
        }),
    }
  }
  if (test.text !== undefined || test.base64 !== undefined) {
    // it runs once, on the engine that can run most
    return [job(engines.find((engine) => engine !== 'express') ?? 'express', undefined)]
  }
  return engines.flatMap((engine) => {
    const mode = engine === 'express' ? 'express' : 'standard'
    return test.modes.includes(mode) ? [job(engine, mode)] : []
  })
}

interface Surroundings {
  readonly built: Built
  readonly labs: TemporalLabs | undefined
  readonly engines: readonly EngineKind[]
  readonly rebuild: boolean
}

const oneLine = (text: string): string => {
  const line = text.replaceAll(/\s*\n\s*/g, ' ')
  return line.length > 2000 ? `${line.slice(0, 1980)}… (cut)` : line
}
