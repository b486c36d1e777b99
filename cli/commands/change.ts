/** Commands that change an execution: stop, retry, rerun. */
import type { RerunPlan } from '../../client/index.ts'
import { usageError } from '../command-error.ts'
import { EXIT } from '../exit-codes.ts'
import { readInput } from '../input.ts'
import { print } from '../output.ts'
import { remotely, type RemoteFlags } from '../remote.ts'
import { visible } from '../visible.ts'
import { tellStarted } from './start.ts'

/** `fnflow stop`. Resolves to the exit code; throws CommandError. */
export async function stop(id: string, options: RemoteFlags): Promise<number> {
  return remotely(options, async (client, signal) => {
    const stopped = await client.call('stopExecution', { path: { id }, signal })
    await print(options.json === true ? JSON.stringify(stopped) : `${stopped.id} ${stopped.status}`)
    return EXIT.ok
  })
}

export interface RetryOptions extends RemoteFlags {
  readonly wait?: boolean
}

/** `fnflow retry`. Resolves to the exit code; throws CommandError. */
export async function retry(id: string, options: RetryOptions): Promise<number> {
  return remotely(options, async (client, signal) =>
    tellStarted(client, await client.call('retryExecution', { path: { id }, signal }), options, signal),
  )
}

export interface RerunOptions extends RetryOptions {
  readonly from?: string
  readonly input?: string
  readonly on?: string
  readonly dryRun?: boolean
}

/** `fnflow rerun`. Resolves to the exit code; throws CommandError. */
export async function rerun(id: string, options: RerunOptions): Promise<number> {
  const { from, on, dryRun, json } = options
  if (dryRun === true && options.wait === true) throw usageError('--dry-run starts nothing: there is nothing to --wait for')
  const body = {
    ...(from === undefined ? {} : { from }),
    ...(options.input === undefined ? {} : { input: await readInput(options.input) }),
    ...(on === undefined ? {} : { version: on }),
    ...(dryRun === true ? { dryRun } : {}),
  }
  return remotely(options, async (client, signal) => {
    const answer = await client.call('rerunExecution', { path: { id }, body, signal })
    if ('id' in answer) return tellStarted(client, answer, options, signal)
    await print(json === true ? JSON.stringify(answer) : planText(answer))
    return EXIT.ok
  })
}

function planText({ kept, again }: RerunPlan): string {
  const lines = [...kept.map(({ node }) => `kept   ${node}`), ...again.map(({ node, reason }) => `again  ${node}: ${reason}`)]
  return visible(lines.join('\n'))
}
