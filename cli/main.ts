import { CommandError } from './command-error.ts'
import { EXIT } from './exit-codes.ts'
import { LATER_COMMANDS } from './later.ts'
import { endOnInterrupt } from './interrupt.ts'
import { describeError, onStderr, say, tolerateLostOutput } from './output.ts'
import { version } from './version.ts'
import { visible, visibleJson } from './visible.ts'

/**
 * The `fnflow` program. Resolves to the exit code and never rejects; ends the process itself only on a second Ctrl-C.
 *
 * @param argv What follows the program's name, as in `process.argv.slice(2)`.
 */
export async function main(argv: readonly string[]): Promise<number> {
  tolerateLostOutput()
  const json = wantsJson(argv)
  endOnInterrupt(json)
  const { exitCodeOfCommander, runProgram } = await import('./program.ts')
  try {
    const [first] = argv
    if (first !== undefined && LATER_COMMANDS.has(first)) throw notYet(first)
    return await runProgram(argv, version())
  } catch (error) {
    const exitCode = exitCodeOfCommander(error)
    if (exitCode !== undefined) {
      // commander has told people
      if (exitCode !== EXIT.ok && json)
        say(visibleJson(JSON.stringify({ status: 400, errorType: 'UsageError', errorMessage: messageOf(error as Error) })))
      return exitCode
    }
    return report(error, json)
  }
}

/** What commander says on one line, without its `error: `. */
function messageOf({ message }: Error): string {
  return message.replace(/^error: /, '').replace(/\n\((.*)\)$/s, '; $1')
}

function report(error: unknown, json: boolean): number {
  if (error instanceof CommandError) {
    if (json) say(visibleJson(JSON.stringify(error.document)))
    else if (!error.told)
      say(
        `${onStderr('red', 'error:')} ${error.document.errorType === 'UsageError' ? visible(error.message) : describeError(error.document)}`,
      )
    return error.exitCode
  }
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error))
  // nothing of the user's doing: a defect of this program
  if (json) say(visibleJson(JSON.stringify({ status: 500, errorType: name, errorMessage: message })))
  else say(`${onStderr('red', 'internal error:')} ${visible(stack ?? message)}`)
  return EXIT.failed
}

function notYet(command: string): CommandError {
  return new CommandError(
    {
      status: 400,
      errorType: 'UsageError',
      errorMessage: `fnflow ${command} is not there yet; fnflow --help lists the commands that are`,
    },
    EXIT.usage,
  )
}

/** True if `--json` is an option, not the value of one or behind `--`. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return (end === -1 ? argv : argv.slice(0, end)).includes('--json')
}
