import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { addClientCommands } from './client-commands.ts'
import { count, portNumber, withClusterFlags } from './cluster-flags.ts'
import { usageError } from './command-error.ts'
import type { DiagramOptions } from './commands/diagram.ts'
import type { DoctorOptions } from './commands/doctor.ts'
import type { KeysOptions, NewKeyOptions } from './commands/keys.ts'
import type { PlanOptions } from './commands/plan.ts'
import type { RunOptions } from './commands/run.ts'
import type { ServeOptions } from './commands/serve.ts'
import type { ValidateOptions } from './commands/validate.ts'
import type { WorkerOptions } from './commands/worker.ts'
import { SHELLS, type Shell } from './completion/scripts.ts'
import { EXIT } from './exit-codes.ts'

const PROGRAM_HELP = `
Examples:
  $ fnflow run flow.yaml --input '{"n": 3}'
  $ fnflow run flow.yaml --input @input.json --store ./data
  $ fnflow validate flows/
  $ fnflow diagram flow.yaml
  $ fnflow plan flow.yaml --input @input.json
  $ fnflow serve --flows ./flows
  $ fnflow worker --store postgres://localhost/fnflow

Exit codes: 0 fine, 1 the execution failed, 2 bad usage or an invalid definition, 3 a store or server could not be reached, 130 interrupted.`

const RUN_HELP = `
Results go to stdout, everything else to stderr. With --json stdout is the output as one JSON document;
on failure nothing, and the last line of stderr is the error document.

The engine comes from the flow's mode: standard flows run durably (embedded), express flows in memory. With --engine temporal
the flow runs on Temporal, on a task queue of its own that is derived from the functions file, with a worker in this process; with
--no-worker on the cluster's queue, by its workers.

Examples:
  $ fnflow run flow.yaml --input '{"n": 3}'
  $ fnflow run flow.yaml --input @input.json --trace
  $ echo '{"n": 3}' | fnflow run flow.yaml --json -
  $ fnflow run flow.yaml --store ./data          # kill -9 it, run it again: it goes on
  $ fnflow run approval.yaml --callback approve='{"approved": true}'
  $ fnflow run flow.yaml --engine temporal --store postgres://localhost/fnflow
  $ fnflow run flow.yaml --engine temporal --store postgres://localhost/fnflow --no-worker`

const VALIDATE_HELP = `
Folders are searched for *.yaml, *.yml and *.json files with the keys flow and nodes; a file that is named is always
checked. Functions are looked up in the functions.yaml beside each flow, subflows beside it.
Exit code 2 if there are errors, 0 if there are none (warnings do not count).

Examples:
  $ fnflow validate flow.yaml
  $ fnflow validate flows/ --json
  $ fnflow validate flows/ --format sarif > fnflow.sarif   # for code hosts and editors`

const WORKER_HELP = `
Runs workflows, and the functions of functions.yaml, for Temporal, until it is interrupted. Prints one line on stdout when it polls;
logs of functions go to stderr. On SIGTERM or Ctrl-C it takes nothing new and lets what runs end (10 s); a second one ends it at once.

An API key is taken from TEMPORAL_API_KEY. All of this can also be in fnflow.yaml (engine, store, temporal, functions, retention) and in
variables such as FNFLOW_STORE and FNFLOW_TEMPORAL_ADDRESS; options come first, then variables.

Examples:
  $ fnflow worker --store postgres://localhost/fnflow
  $ fnflow worker --functions ./functions.yaml --queues imports:20,gpu.nvidia-t4
  $ fnflow worker --queues gpu.nvidia-t4:2 --only
  $ fnflow worker --address temporal:7233 --tls-ca ca.pem --tls-cert me.pem --tls-key me.key --deployment orders@2026-07-01`

const SERVE_HELP = `
The HTTP API of this folder's flows and functions, on this machine, until it is interrupted: durable in --store, or on Temporal where fnflow.yaml
says engine: temporal. Prints one line on stdout when it listens; its log is on stderr, as lines of JSON where that is no terminal. On SIGTERM or
Ctrl-C it takes no more requests, lets end what runs and is gone within server.shutdownTimeout (20 s); a second one ends it at once.

A file of a flow is loaded when it says something else than when it was last loaded: changes by the API stay until then.

Examples:
  $ fnflow serve --flows ./flows --functions ./functions.yaml
  $ curl -X POST localhost:8900/v1/flows/order/executions -H 'content-type: application/json' -d '{"input": {"n": 3}}'
  $ curl localhost:8900/v1/executions`

const DOCTOR_HELP = `
Prints the configuration in force, with secrets masked, and where each value comes from. Exit code 3 if something cannot be reached, 2 if the
configuration is wrong.

Examples:
  $ fnflow doctor
  $ fnflow doctor --config production.yaml --json`

const KEYS_HELP = `
Who has a key sends it as Authorization: Bearer <key>. Once there is one, each request needs one, on this machine, too; a running server knows of
a new key, or of one that was removed, within two seconds. Keys are kept as hashes: embedded in keys.json in the folder of --store, with
engine: temporal in the database.

Examples:
  $ fnflow keys add ops --role admin
  $ fnflow keys add shop --role operator --flow order --flow refund > shop.key
  $ fnflow keys list
  $ fnflow keys remove shop`

const DIAGRAM_HELP = `
Examples:
  $ fnflow diagram flow.yaml > flow.mmd
  $ fnflow diagram flow.yaml --format svg > flow.svg`

const PLAN_HELP = `
What one execution of the flow would cost on Temporal: invocations, events, bytes of payloads, what is pending at one time, the longest
path, by node and in all, and what would not fit. With an input conditions and loops are decided by it, as far as they can be;
otherwise there is a range from the cheapest way to the dearest, and an expected figure. docs/plan.md says what the figures mean.

Examples:
  $ fnflow plan flow.yaml --input @input.json
  $ fnflow plan flow.yaml --items 1000 --bytes 10KiB
  $ fnflow plan flow.yaml --items each=100000 --json`

const COMPLETION_HELP = `
Examples:
  $ fnflow completion bash >> ~/.bashrc
  $ eval "$(fnflow completion zsh)"                # in ~/.zshrc, behind compinit
  $ fnflow completion fish > ~/.config/fish/completions/fnflow.fish`

/** Runs the command that `argv` (without node and script) names; resolves to its exit code. Throws CommandError and CommanderError. */
export async function runProgram(argv: readonly string[], version: string): Promise<number> {
  let exitCode: number = EXIT.ok
  const program = configured(new Command('fnflow'))
    .description('Runs function flows: durable on one machine, functions in Python and Node.js.')
    .version(version, '-v, --version', 'print the version')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', PROGRAM_HELP)

  withClusterFlags(
    configured(program.command('run'))
      .summary('run a flow here and now and print its output')
      .description('Runs a flow here and now and prints its output; on failure the error document is on stderr.')
      .argument('<flow>', 'flow file, YAML or JSON')
      .argument('[-]', 'read the input from stdin, as --input - does')
      .option('-i, --input <json>', 'input of the execution: JSON, @file, or - for stdin (default: {})')
      .option('-f, --functions <file>', 'functions of the flow (default: the functions.yaml beside it)')
      .addOption(new Option('-e, --engine <engine>', 'whatever mode the flow says').choices(['embedded', 'express', 'temporal']))
      .option(
        '-s, --store <folder>',
        'keep the journal here; what was left in it is finished first (default: a temporary folder). Temporal: the URL of PostgreSQL (default: FNFLOW_STORE)',
      )
      .option('--flows <folder>', "flows that are called as subflows (default: the flow's folder)")
      .option('-c, --callback <node=json>', 'answer the callbacks of a node; may be given several times', collect)
      .option('-t, --trace', 'print every node with input, output, attempts and time')
      .option('--json', 'for programs: one JSON document on stdout, errors as a last line on stderr'),
  )
    .option('--task-queue <name>', 'of Temporal (default: one of its own, by the functions file; with --no-worker fnflow)')
    .option('--no-worker', 'no worker in this process: those of the cluster do the work')
    .addHelpText('after', RUN_HELP)
    .action(async (flow: string, dash: string | undefined, options: RunOptions) => {
      const { run } = await import('./commands/run.ts')
      exitCode = await run(flow, withStdin(dash, options))
    })

  configured(program.command('validate'))
    .summary('check flow files and print all diagnostics')
    .description('Checks flow files and prints all diagnostics as file:line:column rule message.')
    .argument('<paths...>', 'flow files, and folders, which are searched')
    .addOption(new Option('--format <format>', 'how they are printed').choices(['text', 'json', 'sarif']).default('text'))
    .option('--json', 'the same as --format json')
    .addHelpText('after', VALIDATE_HELP)
    .action(async (paths: string[], options: ValidateOptions) => {
      const { validate } = await import('./commands/validate.ts')
      exitCode = await validate(paths, options)
    })

  configured(program.command('diagram'))
    .summary('print the graph of a flow')
    .description('Prints the graph of a flow: a Mermaid flowchart, or a picture (SVG).')
    .argument('<flow>', 'flow file, YAML or JSON')
    .addOption(new Option('--format <format>', 'what it is drawn as').choices(['mermaid', 'svg']).default('mermaid'))
    .option('--json', 'the diagram in one JSON document')
    .addHelpText('after', DIAGRAM_HELP)
    .action(async (flow: string, options: DiagramOptions) => {
      const { diagram } = await import('./commands/diagram.ts')
      exitCode = await diagram(flow, options)
    })

  configured(program.command('plan'))
    .summary('estimate what a flow would cost')
    .description('Estimates what a flow would cost: invocations, Temporal events, bytes, the longest path; by node and in all.')
    .argument('<flow>', 'flow file, YAML or JSON')
    .argument('[-]', 'read the input from stdin, as --input - does')
    .option('-i, --input <json>', 'input of the execution: JSON, @file, or - for stdin (default: not known)')
    .option('--items <number>', 'items of loops where the input does not say (default: 100); loop=number for one loop', several)
    .option('--bytes <number>', "of a function's result, and of an input that is not known: 2048, 100KiB (default: 1KiB)")
    .option('-f, --functions <file>', 'functions of the flow (default: the functions.yaml beside it)')
    .option('--flows <folder>', "flows that are called as subflows (default: the flow's folder)")
    .option('--json', 'for programs: one JSON document on stdout, errors as a last line on stderr')
    .addHelpText('after', PLAN_HELP)
    .action(async (flow: string, dash: string | undefined, options: PlanOptions) => {
      const { plan } = await import('./commands/plan.ts')
      exitCode = await plan(flow, withStdin(dash, options, 'plan'))
    })

  withClusterFlags(
    configured(program.command('serve'))
      .summary('serve the HTTP API')
      .description('Serves the HTTP API until it is interrupted.')
      .option('--config <file>', 'configuration (default: the fnflow.yaml of this folder, if there is one)')
      .option('--flows <folder>', 'flows that are loaded at the start and whenever their files change (default: ./flows)')
      .option('--no-watch', 'load them at the start only')
      .option('-f, --functions <file>', 'functions (default: the functions.yaml of this folder, if there is one)')
      .option('-s, --store <folder>', 'where executions are kept (default: ./data); Temporal: the URL of PostgreSQL')
      .option('--host <host>', 'address to listen at (default: 127.0.0.1)')
      .option('--port <number>', 'port (default: 8900; 0: a free one)', portNumber)
      .option('--try', 'print curl commands that start each flow.yaml which has an input.json beside it')
      .option('--json', 'for programs: the line as one JSON document, errors as a last line on stderr'),
  )
    .option('--task-queue <name>', 'of Temporal (default: FNFLOW_TEMPORAL_TASKQUEUE, else fnflow)')
    .addHelpText('after', SERVE_HELP)
    .action(async (options: ServeOptions) => {
      const { serve } = await import('./commands/serve.ts')
      exitCode = await serve(options)
    })

  keysCommand(program, (code) => (exitCode = code))

  withClusterFlags(
    configured(program.command('doctor'))
      .summary('check the machine, the configuration and each connection')
      .description('Checks the machine, the configuration and each connection, and says what to do. It changes nothing.')
      .option('--config <file>', 'configuration (default: the fnflow.yaml of this folder, if there is one)')
      .option('-s, --store <folder>', 'store to check (default: ./data); Temporal: the URL of PostgreSQL')
      .option('--json', 'for programs: one JSON document on stdout, errors as a last line on stderr'),
  )
    .addHelpText('after', DOCTOR_HELP)
    .action(async (options: DoctorOptions) => {
      const { doctor } = await import('./commands/doctor.ts')
      exitCode = await doctor(options)
    })

  withClusterFlags(
    configured(program.command('worker'))
      .summary('work for Temporal: run workflows and functions')
      .description('A worker for Temporal: runs workflows and functions until it is interrupted.')
      .option('-f, --functions <file>', 'functions that it runs (default: the functions.yaml of this folder, if there is one)')
      .option('-s, --store <url>', 'PostgreSQL with the flows and records (default: FNFLOW_STORE)')
      .option('--config <file>', 'configuration (default: the fnflow.yaml of this folder, if there is one)')
      .option('--queues <names>', 'further queues, such as gpu.nvidia-t4,imports or imports:20 with its slots', several)
      .option('--only', 'nothing but those queues')
      .option('--slots <number>', 'functions at one time, per queue (default: 200)', count)
      .option('--deployment <name@build-id>', 'worker versioning: the deployment and version that it is of')
      .option('--json', 'for programs: the line as one JSON document, errors as a last line on stderr'),
  )
    .option('--task-queue <name>', 'its main queue; those of --queues begin with it (default: FNFLOW_TEMPORAL_TASKQUEUE, else fnflow)')
    .addHelpText('after', WORKER_HELP)
    .action(async (options: WorkerOptions) => {
      const { worker } = await import('./commands/worker.ts')
      exitCode = await worker(options)
    })

  addClientCommands(
    (name) => configured(program.command(name)),
    (code) => (exitCode = code),
  )

  configured(program.command('completion'))
    .summary('print what makes a shell complete fnflow')
    .description('Prints what makes a shell complete commands, options and file names of fnflow.')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText('after', COMPLETION_HELP)
    .action(async (shell: Shell) => {
      const { completion } = await import('./commands/completion.ts')
      exitCode = await completion(shell)
    })

  configured(program.command('__complete', { hidden: true }))
    .argument('[words...]')
    .action(async (words: string[]) => {
      const { completeWords } = await import('./commands/completion.ts')
      exitCode = await completeWords(program, words)
    })

  const [first, second] = argv
  if (first === 'help' && second !== undefined && !program.commands.some((command) => command.name() === second))
    throw usageError(`no command ${second}; there are ${program.commands.map((command) => command.name()).join(', ')}`)
  await program.parseAsync([...argv], { from: 'user' })
  return exitCode
}

/** `fnflow keys …` */
function keysCommand(program: Command, ended: (exitCode: number) => void): void {
  const keys = configured(program.command('keys'))
    .summary('make, list and remove API keys')
    .description('API keys of the server: makes, lists and removes them, also beside a running server.')
    .addHelpText('after', KEYS_HELP)
  const command = (usage: string, summary: string): Command =>
    configured(keys.command(usage))
      .showHelpAfterError(`(see fnflow keys ${usage.split(' ', 1)[0]} --help)`)
      .summary(summary)
      .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`)
      .option('--config <file>', 'configuration (default: the fnflow.yaml of this folder, if there is one)')
      .option('-s, --store <folder>', 'store of the server (default: ./data); Temporal: the URL of PostgreSQL')
      .option('--scope <name>', 'of Temporal: the application, where several are in one database')
      .option('--json', 'for programs: one JSON document on stdout, errors as a last line on stderr')
      .addHelpText('after', KEYS_HELP)
  command('add <name>', 'make a key and print it, this once')
    .addOption(new Option('--role <role>', 'what it may do').choices(['viewer', 'operator', 'admin']).makeOptionMandatory())
    .option('--flow <name>', 'the only flow that it sees; may be given several times (default: all)', several)
    .action(async (name: string, options: NewKeyOptions) => ended(await (await import('./commands/keys.ts')).addKey(name, options)))
  command('list', 'list the keys, without what is secret').action(async (options: KeysOptions) =>
    ended(await (await import('./commands/keys.ts')).listKeys(options)),
  )
  command('remove <name>', 'take a key away').action(async (name: string, options: KeysOptions) =>
    ended(await (await import('./commands/keys.ts')).removeKey(name, options)),
  )
}

/** The exit code of what commander itself ended: help and version are fine, anything else is bad usage. Undefined for other errors. */
export function exitCodeOfCommander(error: unknown): number | undefined {
  if (!(error instanceof CommanderError)) return undefined
  return error.exitCode === 0 ? EXIT.ok : EXIT.usage
}

function configured(command: Command): Command {
  return command
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError(`(see fnflow ${command.name() === 'fnflow' ? '' : `${command.name()} `}--help)`)
    .helpOption('-h, --help', 'print this help')
}

function collect(value: string, before: string[] | undefined): string[] {
  if (!value.includes('=')) throw new InvalidArgumentError('write node=JSON, such as approve=\'{"approved":true}\'')
  return [...(before ?? []), value]
}

function several(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value]
}

function withStdin<Options extends { readonly input?: string }>(dash: string | undefined, options: Options, command = 'run'): Options {
  if (dash === undefined) return options
  if (dash !== '-')
    throw usageError(`${command} takes one flow; ${dash} is too much${dash.startsWith('{') ? ' (an input is given as --input JSON)' : ''}`)
  if (options.input !== undefined) throw usageError('- and --input cannot be given together')
  return { ...options, input: '-' }
}
