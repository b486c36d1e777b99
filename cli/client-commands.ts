/** The commands that talk to a server. */
import { InvalidArgumentError, Option, type Command } from 'commander'
import { count } from './cluster-flags.ts'
import type { CallbackOptions } from './commands/callback.ts'
import type { RerunOptions, RetryOptions } from './commands/change.ts'
import type { DeployOptions } from './commands/deploy.ts'
import type { InvokeOptions } from './commands/invoke.ts'
import type { ListOptions } from './commands/list.ts'
import type { LogsOptions } from './commands/logs.ts'
import type { PublishOptions } from './commands/publish.ts'
import type { ShowOptions } from './commands/show.ts'
import type { StartOptions } from './commands/start.ts'
import type { RemoteFlags } from './remote.ts'

const STATES = ['running', 'succeeded', 'failed', 'cancelled', 'timedOut']
const INPUT = 'JSON, @file, or - for stdin'

const SERVER_HELP = `
The server is that of --server or FNFLOW_SERVER (default: http://127.0.0.1:8900), the key that of --key or FNFLOW_KEY.`

const examples = (...lines: string[]): string => `${SERVER_HELP}\n\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`

/** Adds them. `make` makes a command of a name; `ended` is told the exit code. */
export function addClientCommands(make: (name: string) => Command, ended: (exitCode: number) => void): void {
  const remote = (name: string, summary: string, ...lines: string[]): Command =>
    make(name)
      .summary(summary)
      .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`)
      .option('--server <url>', 'the server (default: FNFLOW_SERVER, else http://127.0.0.1:8900)')
      .option('--key <key>', 'an API key (default: FNFLOW_KEY)')
      .option('--json', 'for programs: JSON on stdout, errors as a last line on stderr')
      .addHelpText('after', examples(...lines))

  remote(
    'start',
    'start an execution of a flow on a server',
    `fnflow start order --input '{"orderId": 17}'`,
    'fnflow start order:3 --input @input.json --wait',
    'fnflow start order --name order-17 --server https://flows.example.com',
  )
    .argument('<flow>', 'name of a flow, with a version or alias: order, order:3, order:stable')
    .option('-i, --input <json>', `input of the execution: ${INPUT} (default: {})`)
    .option('-n, --name <name>', 'of the execution, unique per flow: starting it again is the same execution')
    .option('-w, --wait', 'show how it goes, and print its output when it has ended')
    .action(async (flow: string, options: StartOptions) => ended(await (await import('./commands/start.ts')).start(flow, options)))

  remote('stop', 'stop an execution', 'fnflow stop 0197f3c1-a2b4-7e5d-8c90-12ab34cd56ef')
    .argument('<execution>', 'its id')
    .action(async (id: string, options: RemoteFlags) => ended(await (await import('./commands/change.ts')).stop(id, options)))

  remote('retry', 'run again, as a new execution, what had failed or not ended', 'fnflow retry 0197f3c1-a2b4-7e5d-8c90-12ab34cd56ef --wait')
    .argument('<execution>', 'its id')
    .option('-w, --wait', 'show how it goes, and print its output when it has ended')
    .action(async (id: string, options: RetryOptions) => ended(await (await import('./commands/change.ts')).retry(id, options)))

  remote(
    'rerun',
    'run an ended execution again from a node on, as a new execution',
    'fnflow rerun 0197f3c1-a2b4-7e5d-8c90-12ab34cd56ef --from charge --dry-run',
    `fnflow rerun 0197f3c1-a2b4-7e5d-8c90-12ab34cd56ef --from charge --input '{"amount": 3}' --wait`,
    'fnflow rerun 0197f3c1-a2b4-7e5d-8c90-12ab34cd56ef --on latest',
  )
    .argument('<execution>', 'its id')
    .option('--from <node>', 'the node (default: the start)')
    .option('-i, --input <json>', `replaces the input of that node: ${INPUT}`)
    .option('--on <version>', "another version or alias of the flow (default: the execution's own definition)")
    .option('--dry-run', 'only say what would be kept and what would run again')
    .option('-w, --wait', 'show how it goes, and print its output when it has ended')
    .action(async (id: string, options: RerunOptions) => ended(await (await import('./commands/change.ts')).rerun(id, options)))

  remote(
    'show',
    'show an execution and its nodes, or a flow and its triggers',
    'fnflow show 0197f3c1-a2b4-7e5d-8c90-12ab34cd56ef --watch',
    'fnflow show order',
    'fnflow show order/nightly',
  )
    .argument('<what>', 'the id of an execution, a flow, or a trigger as flow/name')
    .option('-w, --watch', 'live, until it has ended; then its output is printed')
    .action(async (id: string, options: ShowOptions) => ended(await (await import('./commands/show.ts')).show(id, options)))

  remote('list', 'list executions, newest first', 'fnflow list', 'fnflow list --flow order --status failed --status timedOut --limit 200')
    .option('--flow <name>', 'of this flow; may be given several times', several)
    .addOption(new Option('--status <state>', 'in this state; may be given several times').choices(STATES).argParser(stateOf))
    .option('--name <name>', 'of this name')
    .option('--trigger <type>', 'started by this: api, retry, cron/nightly …')
    .option('--parent <execution>', 'children of this execution')
    .option('--limit <number>', 'how many at most, up to 200 (default: 50)', count)
    .option('--cursor <cursor>', 'the next page, as the one before has named it')
    .action(async (options: ListOptions) => ended(await (await import('./commands/list.ts')).list(options)))

  remote(
    'logs',
    'print what the functions of an execution have logged',
    'fnflow logs 0197f3c1-a2b4-7e5d-8c90-12ab34cd56ef',
    'fnflow logs 0197f3c1-a2b4-7e5d-8c90-12ab34cd56ef --follow',
  )
    .argument('<execution>', 'its id')
    .option('-f, --follow', 'further lines as they come, until it has ended')
    .action(async (id: string, options: LogsOptions) => ended(await (await import('./commands/logs.ts')).logs(id, options)))

  remote(
    'callback',
    'answer a callback node that waits',
    `fnflow callback k3Jx… --output '{"approved": true}'`,
    `fnflow callback 0197f3c1-a2b4-7e5d-8c90-12ab34cd56ef --node approve --output '{"approved": true}'`,
    `fnflow callback http://127.0.0.1:8900/v1/callbacks/k3Jx… --error Refused --message 'too expensive'`,
  )
    .argument('<token>', "its token or URL, which the node's function was handed; with --node the id of the execution")
    .option('--node <node>', 'for operators: answers this node of an execution, without its token')
    .option('-o, --output <json>', 'what it has yielded, as JSON (default: null)')
    .option('--error <type>', 'it has failed: the errorType')
    .option('--message <text>', 'the errorMessage')
    .action(async (token: string, options: CallbackOptions) =>
      ended(await (await import('./commands/callback.ts')).callback(token, options)),
    )

  remote(
    'invoke',
    'invoke a function and print its result',
    `fnflow invoke charge --input '{"amount": 3}'`,
    'fnflow invoke shop/charge --input @input.json --log',
  )
    .argument('<function>', 'name, app/name, or name:version')
    .option('-i, --input <json>', `what it gets: ${INPUT} (default: {})`)
    .option('--log', 'print the end of its log on stderr')
    .action(async (name: string, options: InvokeOptions) => ended(await (await import('./commands/invoke.ts')).invoke(name, options)))

  remote(
    'deploy',
    'put the flows and functions of a folder on a server',
    'fnflow deploy ./flows',
    'fnflow deploy ./flows --dry-run',
    'fnflow deploy ./flows/order.yaml --yes --server https://flows.example.com',
  )
    .argument('<path>', 'a folder, which is searched, a flow file, or a functions.yaml')
    .option('--dry-run', 'only show what would change')
    .option('-y, --yes', 'do not ask on a terminal')
    .action(async (path: string, options: DeployOptions) => ended(await (await import('./commands/deploy.ts')).deploy(path, options)))

  remote(
    'publish',
    'publish the definition of a flow, as it is now, as a version that never changes',
    'fnflow publish order',
    `fnflow publish order --as 2.0 --description 'with discounts' --alias prod`,
  )
    .argument('<flow>', 'name of the flow')
    .option('--as <version>', 'name of the version (default: the next number)')
    .option('--description <text>', 'what is new')
    .option('--alias <alias>', 'let this alias lead to it, too')
    .action(async (flow: string, options: PublishOptions) => ended(await (await import('./commands/publish.ts')).publish(flow, options)))
}

/** choices() would take one state only, and keep the last. */
function stateOf(value: string, before: string[] | undefined): string[] {
  if (!STATES.includes(value)) throw new InvalidArgumentError(`Allowed choices are ${STATES.join(', ')}.`)
  return [...(before ?? []), value]
}

function several(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value]
}
