import type { LogLine } from '../../client/index.ts'
import { EXIT } from '../exit-codes.ts'
import { onStdout, print } from '../output.ts'
import { remotely, type RemoteFlags } from '../remote.ts'
import { visible } from '../visible.ts'

export interface LogsOptions extends RemoteFlags {
  readonly follow?: boolean
}

const PAGE = 200

/**
 * `fnflow logs`: what the functions of an execution have logged; with `--follow` also what they log from now on, until it has ended. With `--json` a
 * document, or followed one line of JSON each. Resolves to the exit code; throws CommandError.
 */
export async function logs(id: string, options: LogsOptions): Promise<number> {
  return remotely(options, async (client, signal) => {
    const path = { id }
    if (options.follow === true) {
      for await (const { line } of client.logs(id, { signal })) await print(options.json === true ? JSON.stringify(line) : lineOf(line))
    } else if (options.json === true) {
      const items: LogLine[] = []
      for await (const line of client.all('listLogs', { path, query: { limit: PAGE }, signal })) items.push(line)
      await print(JSON.stringify({ items }))
    } else {
      for await (const line of client.all('listLogs', { path, query: { limit: PAGE }, signal })) await print(lineOf(line))
    }
    return EXIT.ok
  })
}

const STYLES = { debug: 'dim', info: 'dim', warn: 'yellow', error: 'red' } as const

function lineOf({ time, level, text, node = '' }: LogLine): string {
  const when = onStdout('dim', new Date(time).toISOString())
  return `${when} ${onStdout(STYLES[level], level.padEnd(5))} ${onStdout('bold', visible(node))}  ${visible(text)}`
}
