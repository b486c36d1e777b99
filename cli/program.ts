import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { usageError } from './command-error.ts'
import type { DiagramOptions } from './commands/diagram.ts'
import type { RunOptions } from './commands/run.ts'
import type { ValidateOptions } from './commands/validate.ts'
import { EXIT } from './exit-codes.ts'

const PROGRAM_HELP = `
Examples:
  $ fnflow run flow.yaml --input '{"n": 3}'
  $ fnflow run flow.yaml --input @input.json --store ./data
  $ fnflow validate flows/
  $ fnflow diagram flow.yaml

Exit codes: 0 fine, 1 the execution failed, 2 bad usage or an invalid definition, 3 a store or server could not be reached, 130 interrupted.`

const RUN_HELP = `
Results go to stdout, everything else to stderr. With --json stdout is the output as one JSON document;
on failure nothing, and the last line of stderr is the error document.

The engine comes from the flow's mode: standard flows run durably (embedded), express flows in memory.

Examples:
  $ fnflow run flow.yaml --input '{"n": 3}'
  $ fnflow run flow.yaml --input @input.json --trace
  $ echo '{"n": 3}' | fnflow run flow.yaml --json -
  $ fnflow run flow.yaml --store ./data          # kill -9 it, run it again: it goes on
  $ fnflow run approval.yaml --callback approve='{"approved": true}'`

const VALIDATE_HELP = `
Folders are searched for *.yaml, *.yml and *.json files with the keys flow and nodes; a file that is named is always
checked. Functions are looked up in the functions.yaml beside each flow, subflows beside it.
Exit code 2 if there are errors, 0 if there are none (warnings do not count).

Examples:
  $ fnflow validate flow.yaml
  $ fnflow validate flows/ --json`

const DIAGRAM_HELP = `
Examples:
  $ fnflow diagram flow.yaml > flow.mmd
  $ fnflow diagram flow.yaml --format mermaid`

/** Runs the command that `argv` (without node and script) names; resolves to its exit code. Throws CommandError and CommanderError. */
export async function runProgram(argv: readonly string[], version: string): Promise<number> {
  let exitCode: number = EXIT.ok
  const program = configured(new Command('fnflow'))
    .description('Runs function flows: durable on one machine, functions in Python and Node.js.')
    .version(version, '-v, --version', 'print the version')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', PROGRAM_HELP)

  configured(program.command('run'))
    .summary('run a flow here and now and print its output')
    .description('Runs a flow here and now and prints its output; on failure the error document is on stderr.')
    .argument('<flow>', 'flow file, YAML or JSON')
    .argument('[-]', 'read the input from stdin, as --input - does')
    .option('-i, --input <json>', 'input of the execution: JSON, @file, or - for stdin (default: {})')
    .option('-f, --functions <file>', 'functions of the flow (default: the functions.yaml beside it)')
    .option('-e, --engine <engine>', 'embedded or express, whatever mode the flow says')
    .option('-s, --store <folder>', 'keep the journal here; what was left in it is finished first (default: a temporary folder)')
    .option('--flows <folder>', "flows that are called as subflows (default: the flow's folder)")
    .option('-c, --callback <node=json>', 'answer the callbacks of a node; may be given several times', collect)
    .option('-t, --trace', 'print every node with input, output, attempts and time')
    .option('--json', 'for programs: one JSON document on stdout, errors as a last line on stderr')
    .addHelpText('after', RUN_HELP)
    .action(async (flow: string, dash: string | undefined, options: RunOptions) => {
      const { run } = await import('./commands/run.ts')
      exitCode = await run(flow, withStdin(dash, options))
    })

  configured(program.command('validate'))
    .summary('check flow files and print all diagnostics')
    .description('Checks flow files and prints all diagnostics as file:line:column rule message.')
    .argument('<paths...>', 'flow files, and folders, which are searched')
    .option('--format <format>', 'text or json', 'text')
    .option('--json', 'the same as --format json')
    .addHelpText('after', VALIDATE_HELP)
    .action(async (paths: string[], options: ValidateOptions) => {
      const { validate } = await import('./commands/validate.ts')
      exitCode = await validate(paths, options)
    })

  configured(program.command('diagram'))
    .summary('print the graph of a flow')
    .description('Prints the graph of a flow as a Mermaid flowchart.')
    .argument('<flow>', 'flow file, YAML or JSON')
    .option('--format <format>', 'mermaid', 'mermaid')
    .option('--json', 'the diagram in one JSON document')
    .addHelpText('after', DIAGRAM_HELP)
    .action(async (flow: string, options: DiagramOptions) => {
      const { diagram } = await import('./commands/diagram.ts')
      exitCode = await diagram(flow, options)
    })

  const [first, second] = argv
  if (first === 'help' && second !== undefined && !program.commands.some((command) => command.name() === second))
    throw usageError(`no command ${second}; there are ${program.commands.map((command) => command.name()).join(', ')}`)
  await program.parseAsync([...argv], { from: 'user' })
  return exitCode
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

function withStdin(dash: string | undefined, options: RunOptions): RunOptions {
  if (dash === undefined) return options
  if (dash !== '-')
    throw usageError(`run takes one flow; ${dash} is too much${dash.startsWith('{') ? ' (an input is given as --input JSON)' : ''}`)
  if (options.input !== undefined) throw usageError('- and --input cannot be given together')
  return { ...options, input: '-' }
}
