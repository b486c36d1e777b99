/**
 * `npm run --silent conformance -- <files or folders>… [--engine express|embedded|temporal] [--rebuild]
 * [--cached N] [--kill-every SECONDS] [--only TEXT]`
 *
 * Prints a line per failing case and, last, `N passed, N failed`. Exit code 0 if none failed, 1 if any did, 2 for bad usage.
 */
import { Console } from 'node:console'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { UsageError } from './conformance/files.ts'
import type { EngineKind } from './conformance/run-case.ts'
import { runSuite } from './conformance/run.ts'
import type { TemporalPlace } from './conformance/temporal.ts'
import { startServices, type RunningServices } from './services/start.ts'

const USAGE = `usage: npm run --silent conformance -- <files or folders>… [--engine express|embedded|temporal] [--rebuild]
       [--cached N] [--kill-every SECONDS] [--only TEXT]

  <files or folders>  case files (.yaml, .yml, .json), folders with their subfolders; default: test/conformance
  --engine            express: the cases of mode express, in memory; embedded: those of mode standard, on SQLite; temporal: those
                      of mode standard, on Temporal and PostgreSQL, which are started (and at first built) unless
                      FNFLOW_TEST_TEMPORAL and FNFLOW_TEST_POSTGRES give them; default: express and embedded
  --rebuild           tear the embedded engine down and rebuild it from its journal after every committed event
  --cached            temporal: workflows that the worker keeps in memory; with 0 every task replays its history
  --kill-every        temporal: the worker is a process of its own, killed and started again about every so many seconds; how long cases may
                      take is not checked then
  --only              only cases with this text in their name

The functions of the cases are the exports of the functions.mjs beside the case file or, failing that, in the parent folder.`

// stdout has the runner's lines alone, whatever the functions of the cases print.
globalThis.console = new Console(process.stderr)
const print = (line: string): void => void process.stdout.write(`${line}\n`)

async function main(): Promise<number> {
  const { values, positionals } = readArguments()
  if (values.help) {
    print(USAGE)
    return 0
  }
  const { engine } = values
  if (engine !== undefined && engine !== 'express' && engine !== 'embedded' && engine !== 'temporal')
    throw new UsageError(`--engine is express, embedded or temporal, not ${engine}`)
  if (engine !== undefined && engine !== 'embedded' && values.rebuild)
    throw new UsageError(`--rebuild rebuilds the embedded engine from its journal; the engine ${engine} has none`)
  const cached = values.cached === undefined ? undefined : Number(values.cached)
  if (cached !== undefined && (engine !== 'temporal' || !Number.isInteger(cached) || cached < 0))
    throw new UsageError('--cached goes with --engine temporal, and is a whole number of workflows from 0')
  const killEvery = values['kill-every'] === undefined ? undefined : Number(values['kill-every'])
  if (killEvery !== undefined && (engine !== 'temporal' || !(killEvery > 0)))
    throw new UsageError('--kill-every goes with --engine temporal, and is a number of seconds above 0')
  const engines: EngineKind[] = engine ? [engine] : ['express', 'embedded']
  const services = engine === 'temporal' ? await startServices(['temporal', 'postgres']) : undefined
  const names = positionals.length > 0 ? positionals : [join(import.meta.dirname, '..', 'test', 'conformance')]
  try {
    const { passed, failed, kills } = await runSuite({
      names,
      engines,
      rebuild: values.rebuild ?? false,
      ...(services === undefined ? {} : { temporal: placeOf(services, cached, killEvery) }),
      ...(values.only === undefined ? {} : { only: values.only }),
      print,
    })
    if (kills !== null) print(`workers killed: ${kills}`)
    print(`${passed} passed, ${failed} failed`)
    return failed > 0 ? 1 : 0
  } finally {
    await services?.stop()
  }
}

function placeOf(
  { addresses }: RunningServices<'temporal' | 'postgres'>,
  cached: number | undefined,
  killEverySeconds: number | undefined,
): TemporalPlace {
  const { temporal: address, postgres: postgresUrl } = addresses
  return {
    address,
    postgresUrl,
    ...(cached === undefined ? {} : { cached }),
    ...(killEverySeconds === undefined ? {} : { killEverySeconds }),
  }
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        engine: { type: 'string' },
        rebuild: { type: 'boolean' },
        cached: { type: 'string' },
        'kill-every': { type: 'string' },
        only: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

let exitCode: number
try {
  exitCode = await main()
} catch (error) {
  exitCode = 2
  process.stderr.write(
    error instanceof UsageError
      ? `${error.message}\n\n${USAGE}\n`
      : `conformance: ${error instanceof Error ? error.stack : String(error)}\n`,
  )
}
// A function that a cancelled case left behind must not hold the process.
process.stdout.write('', () => process.exit(exitCode))
