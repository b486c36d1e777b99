import { ApiError, type Client, type Execution } from '../../client/index.ts'
import type { ErrorDocument } from '../../dsl/errors.ts'
import type { Json } from '../../dsl/json.ts'
import type { NodeRecord } from '../../engine/api.ts'
import { EXIT } from '../exit-codes.ts'
import { followExecution } from '../follow.ts'
import { describeError, duration, onStdout, print } from '../output.ts'
import { executionFailed, remotely, type RemoteFlags } from '../remote.ts'
import { showFlow, showTrigger } from '../show-trigger.ts'
import { shown } from '../trace.ts'
import { renderTree, symbolsFor } from '../tree.ts'
import { visible } from '../visible.ts'

export interface ShowOptions extends RemoteFlags {
  readonly watch?: boolean
}

/**
 * `fnflow show`: an execution and its nodes, with `--watch` live, until it has ended; or a flow with its triggers; or one trigger, `flow/name`. Resolves
 * to the exit code; throws CommandError.
 */
export async function show(id: string, options: ShowOptions): Promise<number> {
  return remotely(options, async (client, signal) => {
    const json = options.json === true
    if (id.includes('/')) {
      await showTrigger(client, id, json, signal)
      return EXIT.ok
    }
    const found = await executionOf(client, id, signal)
    if (found instanceof ApiError) {
      if (await showFlow(client, id, json, signal)) return EXIT.ok
      throw found
    }
    if (options.watch === true) {
      const ended = options.json === true ? await client.wait(id, signal) : await followExecution(client, found, signal)
      if (ended.status !== 'succeeded') throw executionFailed(ended)
      await print(JSON.stringify(ended.output ?? null, null, options.json === true ? 0 : 2))
      return EXIT.ok
    }
    const nodes = await nodesOf(client, id, signal)
    await print(options.json === true ? JSON.stringify({ execution: found, nodes }) : executionText(found, nodes))
    return EXIT.ok
  })
}

/** Resolves to the error where there is none of that id. */
async function executionOf(client: Client, id: string, signal: AbortSignal): Promise<Execution | ApiError> {
  try {
    return await client.call('getExecution', { path: { id }, signal })
  } catch (error) {
    if (error instanceof ApiError && error.code === 'execution-not-found') return error
    throw error
  }
}

/** Executions of express flows have no records of their nodes. */
async function nodesOf(client: Client, id: string, signal: AbortSignal): Promise<NodeRecord[]> {
  try {
    return (await client.call('listNodes', { path: { id }, signal })).items as NodeRecord[]
  } catch (error) {
    if (error instanceof ApiError && error.code === 'express') return []
    throw error
  }
}

function executionText(execution: Execution, nodes: readonly NodeRecord[]): string {
  const { id, flow, version, status, startedAt, endedAt, trigger, parent, retryOf, problems = [], input, output, error } = execution
  const now = Date.now()
  const width = process.stdout.columns ?? 200
  const facts: [string, string | undefined][] = [
    ['flow', `${flow}:${version}`],
    [
      'started',
      `${new Date(startedAt).toISOString()}${trigger === undefined ? '' : ` by ${trigger.type}${trigger.name === undefined ? '' : ` ${trigger.name}`}`}`,
    ],
    ['took', endedAt === undefined ? `${duration(now - startedAt)} so far` : duration(endedAt - startedAt)],
    ['parent', parent === undefined ? undefined : `${parent.execution} at ${parent.node}`],
    ['retry of', retryOf],
    ['input', input === undefined ? undefined : shown(input as Json)],
    ['output', output === undefined ? undefined : shown(output as Json)],
  ]
  const lines = [`${onStdout('bold', visible(id))}  ${onStdout(STYLES[status], status)}`]
  for (const [name, value] of facts) if (value !== undefined) lines.push(`${onStdout('dim', name.padEnd(9))} ${visible(value)}`)
  for (const problem of problems) lines.push(`${onStdout('yellow', 'waits'.padEnd(9))} ${visible(problem)}`)
  const tree = renderTree(nodes, { symbols: symbolsFor(process.env), style: onStdout, now, width })
  return [...lines, ...tree.map((line) => `  ${line}`), ...(error === undefined ? [] : [describeError(error as ErrorDocument)])].join('\n')
}

const STYLES = { running: 'cyan', succeeded: 'green', failed: 'red', cancelled: 'dim', timedOut: 'red' } as const
