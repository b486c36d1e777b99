import type { Client, ExecutionSummary } from '../../client/index.ts'
import { EXIT } from '../exit-codes.ts'
import { followExecution } from '../follow.ts'
import { readInput } from '../input.ts'
import { print } from '../output.ts'
import { executionFailed, remotely, type RemoteFlags } from '../remote.ts'

export interface StartOptions extends RemoteFlags {
  readonly input?: string
  readonly name?: string
  readonly wait?: boolean
}

/** `fnflow start`: an execution on a server. Prints its id, or with `--wait` its output. Resolves to the exit code; throws CommandError. */
export async function start(ref: string, options: StartOptions): Promise<number> {
  const input = await readInput(options.input)
  const [flow = '', version] = ref.split(':', 2)
  const { name } = options
  const body = { input, ...(version === undefined ? {} : { version }), ...(name === undefined ? {} : { name }) }
  return remotely(options, async (client, signal) => tellStarted(client, await client.start(flow, body, signal), options, signal))
}

/** Prints the id of an execution that was started, or waits and prints its output. */
export async function tellStarted(
  client: Client,
  started: ExecutionSummary,
  { wait, json }: { readonly wait?: boolean; readonly json?: boolean },
  signal: AbortSignal,
): Promise<number> {
  if (wait !== true) {
    await print(json === true ? JSON.stringify(started) : started.id)
    return EXIT.ok
  }
  const ended = json === true ? await client.wait(started.id, signal) : await followExecution(client, started, signal)
  if (ended.status !== 'succeeded') throw executionFailed(ended)
  await print(JSON.stringify(ended.output ?? null, null, json === true ? 0 : 2))
  return EXIT.ok
}
