import type { LogLine } from '../../client/index.ts'
import { EXIT } from '../exit-codes.ts'
import { onStdout, print } from '../output.ts'
import { remotely, type RemoteFlags } from '../remote.ts'
import { visible } from '../visible.ts'

export interface LogsOptions extends RemoteFlags {
  readonly follow?: boolean
}

/** One request of `--follow` waits so long for the execution's end, seconds. */
const LOOK_SECONDS = 1

/**
 * `fnflow logs`: what the functions of an execution have logged; with `--follow` also what they log from now on, until it has ended. With `--json` a
 * document, or followed one line of JSON each. Resolves to the exit code; throws CommandError.
 */
export async function logs(id: string, options: LogsOptions): Promise<number> {
  return remotely(options, async (client, signal) => {
    if (options.follow !== true) {
      const { items } = await client.call('listLogs', { path: { id }, signal })
      if (options.json === true) await print(JSON.stringify({ items }))
      else if (items.length > 0) await print(items.map(lineOf).join('\n'))
      return EXIT.ok
    }
    // lines are in order of time, which need not be that in which they come
    const told = new Map<string, number>()
    let wait = 0
    for (let isOver = false; !isOver; wait = LOOK_SECONDS) {
      const { status } = await client.call('getExecution', { path: { id }, query: { wait }, signal })
      isOver = status !== 'running'
      const { items } = await client.call('listLogs', { path: { id }, signal })
      const fresh = news(items, told)
      if (fresh.length > 0) await print(fresh.map((line) => (options.json === true ? JSON.stringify(line) : lineOf(line))).join('\n'))
    }
    return EXIT.ok
  })
}

/** Lines that were not told yet; notes them in `told`. */
function news(lines: readonly LogLine[], told: Map<string, number>): LogLine[] {
  const seen = new Map<string, number>()
  return lines.filter((line) => {
    const key = JSON.stringify(line)
    const count = (seen.get(key) ?? 0) + 1
    seen.set(key, count)
    if (count <= (told.get(key) ?? 0)) return false
    told.set(key, count)
    return true
  })
}

const STYLES = { debug: 'dim', info: 'dim', warn: 'yellow', error: 'red' } as const

function lineOf({ time, level, text, node = '' }: LogLine): string {
  const when = onStdout('dim', new Date(time).toISOString())
  return `${when} ${onStdout(STYLES[level], level.padEnd(5))} ${onStdout('bold', visible(node))}  ${visible(text)}`
}
