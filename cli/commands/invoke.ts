import { ApiError } from '../../client/index.ts'
import type { ErrorDocument } from '../../dsl/errors.ts'
import { CommandError } from '../command-error.ts'
import { EXIT } from '../exit-codes.ts'
import { readInput } from '../input.ts'
import { print, say } from '../output.ts'
import { remotely, type RemoteFlags } from '../remote.ts'
import { visible } from '../visible.ts'

export interface InvokeOptions extends RemoteFlags {
  readonly input?: string
  readonly log?: boolean
}

/** `fnflow invoke`: a function on a server. Prints its result. Resolves to the exit code; throws CommandError. */
export async function invoke(ref: string, options: InvokeOptions): Promise<number> {
  const body = await readInput(options.input)
  const [app, name] = ref.includes('/') ? (ref.split('/', 2) as [string, string]) : ['default', ref]
  return remotely(options, async (client, signal) => {
    const headers = options.log === true ? { 'x-log-type': 'tail' as const } : {}
    try {
      const answer = await client.request('invokeFunction', { path: { app, name }, body, headers, signal })
      tellLog(answer.headers)
      await print(JSON.stringify(answer.body ?? null, null, options.json === true ? 0 : 2))
      return EXIT.ok
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      tellLog(error.answer.headers)
      const document = error.answer.body as Partial<ErrorDocument> | undefined
      if (typeof document?.errorType !== 'string') throw error
      throw new CommandError(document as ErrorDocument, EXIT.failed)
    }
  })
}

function tellLog(headers: Headers): void {
  const log = headers.get('x-function-log')
  if (log !== null) say(visible(Buffer.from(log, 'base64').toString().trimEnd()))
}
