import type { ExecutionSummary } from '../../client/index.ts'
import { EXIT } from '../exit-codes.ts'
import { duration, isTerminal, onStdout, print, say } from '../output.ts'
import { remotely, type RemoteFlags } from '../remote.ts'
import { visible } from '../visible.ts'

export interface ListOptions extends RemoteFlags {
  readonly flow?: string[]
  readonly status?: ExecutionSummary['status'][]
  readonly name?: string
  readonly trigger?: string
  readonly parent?: string
  readonly limit?: number
  readonly cursor?: string
}

/** `fnflow list`: one page of executions, newest first. Resolves to the exit code; throws CommandError. */
export async function list(options: ListOptions): Promise<number> {
  const { server: _server, key: _key, json, ...query } = options
  return remotely(options, async (client, signal) => {
    const page = await client.call('listExecutions', { query, signal })
    if (json === true) {
      await print(JSON.stringify(page))
      return EXIT.ok
    }
    if (page.items.length > 0) await print(table(page.items))
    else say('no executions')
    if (page.nextCursor !== undefined) say(`there are more: --cursor ${page.nextCursor}`)
    return EXIT.ok
  })
}

function table(items: readonly ExecutionSummary[]): string {
  const now = Date.now()
  const rows = items.map(({ id, flow, version, status, startedAt, endedAt, error }) => [
    id,
    `${flow}:${version}`,
    status,
    new Date(startedAt).toISOString(),
    duration((endedAt ?? now) - startedAt),
    error === undefined ? '' : `${error.errorType}: ${error.errorMessage.replace(/\s+/g, ' ').slice(0, 80)}`,
  ])
  const head = ['EXECUTION', 'FLOW', 'STATUS', 'STARTED', 'TOOK', '']
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]!.length)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => visible(cell).padEnd(widths[at]!))
      .join('  ')
      .trimEnd()
  const lines = rows.map(line)
  // titles are for people
  return (isTerminal(process.stdout) ? [onStdout('dim', line(head)), ...lines] : lines).join('\n')
}
