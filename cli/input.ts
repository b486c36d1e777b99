import { createReadStream, existsSync, statSync } from 'node:fs'
import { STATUS } from '../dsl/errors.ts'
import { copyJson, JsonCopyError, PAYLOAD_LIMIT } from '../dsl/json-copy.ts'
import type { Json } from '../dsl/json.ts'
import { CommandError, usageError } from './command-error.ts'
import { EXIT } from './exit-codes.ts'
import { findJsonError } from './json-error.ts'
import { cannotRead } from './paths.ts'

/** The limit counts compact JSON; a text may be indented. Beyond this nothing is read. */
const TEXT_LIMIT = 8 * PAYLOAD_LIMIT

/**
 * The value of `--input`: JSON, `@file`, or `-` for stdin. Default `{}`.
 * Throws CommandError (exit code 2): not JSON (400), a missing file, over 6 MiB (406 PayloadTooLarge), nested too deep (400 PayloadTooDeep).
 */
export async function readInput(option: string | undefined): Promise<Json> {
  if (option === undefined) return {}
  if (option === '-') return parseInput(await readAll(process.stdin, 'stdin'), 'the input on stdin')
  if (!option.startsWith('@')) return parseInput(option, '--input', existsSync(option) ? `; to read the file write --input @${option}` : '')
  const file = option.slice(1)
  if (file === '') throw usageError('--input @: write the name of a file behind the @, or - for stdin')
  let size: number
  try {
    size = statSync(file).size
  } catch (error) {
    throw cannotRead(file, 'input file', error)
  }
  if (size > TEXT_LIMIT) throw tooLarge(`the input file ${file} has ${size} bytes`)
  let text: string
  try {
    text = await readAll(createReadStream(file), `the input file ${file}`)
  } catch (error) {
    if (error instanceof CommandError) throw error
    throw cannotRead(file, 'input file', error)
  }
  return parseInput(text, file)
}

/** JSON within the limits of an execution's input (flow-language.md, 6); `what` names it in messages. Throws CommandError. */
export function parseInput(text: string, what: string, hint = ''): Json {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    const found = findJsonError(text)
    const where = found === undefined ? '' : `, line ${found.line}, column ${found.column}: ${found.reason}`
    const reason = text.trim() === '' ? ': it is empty' : where
    throw refused(STATUS.badBody, 'BadInput', `${what} is not JSON${reason}${hint}`)
  }
  try {
    return copyJson(value, PAYLOAD_LIMIT)
  } catch (error) {
    if (!(error instanceof JsonCopyError)) throw error
    if (error.reason === 'too-large') throw tooLarge(`${what}: ${error.message}`)
    if (error.reason === 'too-deep')
      throw refused(STATUS.badBody, 'PayloadTooDeep', `${what}: ${error.message}; JSON may be nested 512 levels`)
    throw usageError(`${what}: ${error.message}`)
  }
}

async function readAll(stream: AsyncIterable<unknown>, what: string): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer)
    size += (chunk as Buffer).length
    if (size > TEXT_LIMIT) throw tooLarge(`${what} has over ${TEXT_LIMIT} bytes`)
  }
  const text = new TextDecoder('utf-8', { fatal: true })
  try {
    return text.decode(Buffer.concat(chunks))
  } catch {
    throw refused(STATUS.badBody, 'BadInput', `${what} is not UTF-8`)
  }
}

function tooLarge(message: string): CommandError {
  return refused(STATUS.requestTooLarge, 'PayloadTooLarge', `${message}; an input may have 6 MiB (${PAYLOAD_LIMIT} bytes) of JSON`)
}

function refused(status: number, errorType: string, errorMessage: string): CommandError {
  return new CommandError({ status, errorType, errorMessage }, EXIT.usage)
}
