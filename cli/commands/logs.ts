import type { LogLine } from '../../client/index.ts'
import { EXIT } from '../exit-codes.ts'
import { onStdout, print } from '../output.ts'
import { remotely, type RemoteFlags } from '../remote.ts'
import { visible } from '../visible.ts'

/** `fnflow logs`: what the functions of an execution have logged. Resolves to the exit code; throws CommandError. */
export async function logs(id: string, options: RemoteFlags): Promise<number> {
  return remotely(options, async (client, signal) => {
    const { items } = await client.call('listLogs', { path: { id }, signal })
    if (options.json === true) await print(JSON.stringify({ items }))
    else if (items.length > 0) await print(items.map(lineOf).join('\n'))
    return EXIT.ok
  })
}

const STYLES = { debug: 'dim', info: 'dim', warn: 'yellow', error: 'red' } as const

function lineOf({ time, level, text, node = '' }: LogLine): string {
  const when = onStdout('dim', new Date(time).toISOString())
  return `${when} ${onStdout(STYLES[level], level.padEnd(5))} ${onStdout('bold', visible(node))}  ${visible(text)}`
}
