import { styleText } from 'node:util'
import type { ErrorDocument } from '../dsl/errors.ts'
import { CommandError } from './command-error.ts'
import { EXIT } from './exit-codes.ts'
import { visible } from './visible.ts'

type Style = Parameters<typeof styleText>[0]

/** Colours for stderr; none where it is no terminal, or NO_COLOR is set. */
export function onStderr(style: Style, text: string): string {
  return styled(style, text, process.stderr)
}

/** Colours for stdout; none where it is no terminal, or NO_COLOR is set. */
export function onStdout(style: Style, text: string): string {
  return styled(style, text, process.stdout)
}

/** styleText's own look at the environment may print a warning of Node's, which must never be the last line of stderr. */
function styled(style: Style, text: string, stream: NodeJS.WriteStream): string {
  const { NO_COLOR, FORCE_COLOR } = process.env
  const coloured = NO_COLOR ? false : FORCE_COLOR ? FORCE_COLOR !== '0' && FORCE_COLOR !== 'false' : isTerminal(stream)
  return coloured ? styleText(style, text, { validateStream: false }) : text
}

/** True for a terminal that understands colours and cursor movements. */
export function isTerminal(stream: NodeJS.WriteStream): boolean {
  const { TERM = '' } = process.env
  return stream.isTTY && TERM !== '' && TERM !== 'dumb'
}

/** Writes lines to stderr. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

/**
 * Writes a result to stdout; resolves when it is out, so that the process may end.
 * Throws CommandError (exit code 1) if it cannot be written, on a full disk for example; a reader that went away (`| head`) is no failure.
 */
export function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(`${text}\n`, (error?: NodeJS.ErrnoException | null) => {
      if (error === undefined || error === null || error.code === 'EPIPE') return resolve()
      const document = { status: 500, errorType: 'OutputNotWritten', errorMessage: `stdout cannot be written: ${error.message}` }
      reject(new CommandError(document, EXIT.failed))
    })
  })
}

/** Without a listener the program would end with a stack trace; what `print` could not write it throws itself, and where stderr is lost nobody can be told. */
export function tolerateLostOutput(): void {
  for (const stream of [process.stdout, process.stderr]) if (stream.listenerCount('error') === 0) stream.on('error', () => undefined)
}

/** An error document for people. */
export function describeError(document: ErrorDocument, indent = ''): string {
  const type = onStderr(['bold', 'red'], visible(document.errorType))
  const lines = [`${indent}${type} (${document.status}): ${visible(document.errorMessage)}`]
  if (document.function !== undefined) {
    lines.push(
      `${indent}  in function ${visible(document.function)}${document.attempt === undefined ? '' : `, attempt ${document.attempt}`}`,
    )
  }
  for (const line of document.stackTrace ?? []) {
    // the first line of a stack repeats the message
    if (line.includes(document.errorMessage) && line.includes(document.errorType)) continue
    for (const part of line.replace(/\n$/, '').split('\n')) lines.push(onStderr('dim', `${indent}  ${visible(part)}`))
  }
  if (document.cause !== undefined) lines.push(`${indent}caused by`, describeError(document.cause, `${indent}  `))
  return lines.join('\n')
}

/** A duration for people: `12ms`, `3.4s`, `2m 05s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)}s`
  const seconds = Math.round(ms / 1000)
  const pad = (n: number): string => String(n).padStart(2, '0')
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${pad(seconds % 60)}s`
  return `${Math.floor(seconds / 3600)}h ${pad(Math.floor(seconds / 60) % 60)}m`
}
