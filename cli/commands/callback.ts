import { usageError } from '../command-error.ts'
import { EXIT } from '../exit-codes.ts'
import { parseInput } from '../input.ts'
import { print } from '../output.ts'
import { remotely, type RemoteFlags } from '../remote.ts'

export interface CallbackOptions extends RemoteFlags {
  readonly node?: string
  readonly output?: string
  readonly error?: string
  readonly message?: string
}

/** `fnflow callback`: answers a callback node, by its token or URL, or by execution and node. Resolves to the exit code; throws CommandError. */
export async function callback(place: string, options: CallbackOptions): Promise<number> {
  const { error, message, node } = options
  if (options.output !== undefined && error !== undefined) throw usageError('--output and --error cannot be given together')
  if (message !== undefined && error === undefined) throw usageError('--message goes with --error')
  const failure = { ...(error === undefined ? {} : { errorType: error }), ...(message === undefined ? {} : { errorMessage: message }) }
  const output = options.output === undefined ? null : parseInput(options.output, '--output')
  const result = error === undefined ? { status: 'succeeded' as const, output } : { status: 'failed' as const, error: failure }
  return remotely(options, async (client, signal) => {
    if (node === undefined) await client.callback(tokenOf(place), result, signal)
    else await client.call('answerNode', { path: { id: place, node }, body: result, signal })
    await print(options.json === true ? '{"status":"taken"}' : 'taken')
    return EXIT.ok
  })
}

/** Functions are handed a URL that ends with the token. */
function tokenOf(given: string): string {
  if (!URL.canParse(given)) return given
  return decodeURIComponent(new URL(given).pathname.split('/').at(-1)!)
}
