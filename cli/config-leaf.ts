/** What the keys of fnflow.yaml are made of: a leaf takes a value as it was written, and gives what the program works with. */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { DocumentPath } from '../dsl/diagnostics.ts'
import { parseDuration } from '../dsl/duration.ts'

/** Thrown by a leaf that does not take a value; the message begins with what was expected. */
export class Wrong extends Error {
  /** The value is a secret that is nowhere: no matter to commands that do not need it. */
  isMissingSecret = false
  /** The message says what came, too. */
  readonly tellsValue: boolean
  /** Where within the value; nothing for the whole of it. */
  readonly at: DocumentPath
  /** True: the key is wrong, not its value. */
  readonly isKey: boolean
  constructor(message: string, tellsValue = false, at: DocumentPath = [], isKey = false) {
    super(message)
    this.tellsValue = tellsValue
    this.at = at
    this.isKey = isKey
  }
}

export interface Around {
  /** Paths are relative to it. */
  readonly folder: string
  /** Where secrets are looked up; absent where there can be none. */
  readonly env?: NodeJS.ProcessEnv
}

export interface Leaf<T = unknown> {
  /** Messages do not repeat it. */
  readonly secret?: boolean
  /** What a variable's text stands for, where it is no text. */
  ofText?(text: string): unknown
  /** Throws {@link Wrong}. */
  take(value: unknown, around: Around): T
}

/** A text, or a secret that holds one. */
export function text(expected: string, secret = false): Leaf<string> {
  return {
    secret,
    take(value, around) {
      const found = isSecret(value) ? secretOf(value, around) : value
      if (typeof found !== 'string' || found === '' || found.includes('\0')) throw new Wrong(`expected ${expected}`)
      return found
    },
  }
}

/** A path, made absolute. */
export function path(expected: string): Leaf<string> {
  return { take: (value, around) => resolve(around.folder, text(expected).take(value, around)) }
}

/** One path or several, made absolute. */
export function paths(expected: string): Leaf<readonly string[]> {
  const one = path(expected)
  return {
    take(value, around) {
      if (!Array.isArray(value) || value.length === 0) return [one.take(value, around)]
      return value.map((each, at) => {
        if (typeof each !== 'string' || each === '') throw new Wrong(`expected ${expected}${shown(each)}`, true, [at])
        return one.take(each, around)
      })
    },
  }
}

/** A whole number. */
export function wholeNumber(expected: string, least: number, most: number = Number.MAX_SAFE_INTEGER): Leaf<number> {
  return {
    ofText: numberOf,
    take(value) {
      if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) throw new Wrong(`expected ${expected}`)
      return value
    },
  }
}

/** A duration, in ms. */
export function duration(expected: string, most = Infinity): Leaf<number> {
  return {
    take(value) {
      const ms = typeof value === 'string' || typeof value === 'number' ? parseDuration(value) : undefined
      if (ms === undefined || ms > most) throw new Wrong(`expected ${expected}`)
      return ms
    },
  }
}

/** The same, or null for none. */
export function optional<T>(leaf: Leaf<T>): Leaf<T | undefined> {
  return {
    ...(leaf.secret === undefined ? {} : { secret: leaf.secret }),
    ofText: (given) => (given === 'null' ? null : (leaf.ofText?.(given) ?? given)),
    take: (value, around) => (value === null ? undefined : leaf.take(value, around)),
  }
}

/** A list of texts; a variable has them with commas between them. */
export function texts(expected: string, fits: (text: string) => boolean): Leaf<readonly string[]> {
  return {
    ofText: (given) => given.split(',').map((part) => part.trim()),
    take(value) {
      if (!Array.isArray(value)) throw new Wrong(`expected a list of ${expected}`)
      for (const [at, one] of value.entries()) {
        if (typeof one !== 'string' || !fits(one)) throw new Wrong(`expected ${expected}${shown(one)}`, true, [at])
      }
      return value as string[]
    },
  }
}

/** One of some texts. */
export function oneOf<const T extends string>(...names: readonly T[]): Leaf<T> {
  return {
    take(value) {
      if (!names.includes(value as T)) throw new Wrong(`expected ${names.slice(0, -1).join(', ')} or ${names.at(-1)}`)
      return value as T
    },
  }
}

/** A text of a variable as the number that it is; else as it is. */
export function numberOf(given: string): unknown {
  return /^-?\d{1,16}$/.test(given) ? Number(given) : given
}

/** A text of a variable as the JSON that it is; else as it is. */
export function jsonOf(given: string): unknown {
  try {
    return JSON.parse(given) as unknown
  } catch {
    return given
  }
}

/** A value that is no secret, in a message. */
export function shown(value: unknown): string {
  if (value === null) return ', not null'
  if (Array.isArray(value)) return ', not a list'
  if (typeof value === 'object') return ', not a mapping'
  return `, not ${JSON.stringify(value) ?? typeof value}`
}

interface Secret {
  readonly from: 'env' | 'file'
  readonly name: string
}

/** `{ from: env | file, name }` */
export function isSecret(value: unknown): value is Secret {
  if (typeof value !== 'object' || value === null) return false
  const { from, name, ...more } = value as { [key: string]: unknown }
  return (from === 'env' || from === 'file') && typeof name === 'string' && name !== '' && Object.keys(more).length === 0
}

function secretOf({ from, name }: Secret, { env, folder }: Around): string {
  if (from === 'env') {
    const value = env?.[name]
    if (value === undefined || value === '') throw missing(`the environment variable ${name} is not set`)
    return value
  }
  const file = resolve(folder, name)
  if (!existsSync(file)) throw missing(`there is no file ${file}`)
  return readText(file).replace(/\r?\n$/, '')
}

function missing(message: string): Wrong {
  return Object.assign(new Wrong(message, true), { isMissingSecret: true })
}

/** The text of a PEM file. Throws {@link Wrong}. */
export function readPem(file: string): string {
  const found = readText(file)
  if (!found.includes('-----BEGIN')) throw new Wrong(`the file ${file} is not PEM: it has no line -----BEGIN …`, true)
  return found
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Wrong(code === 'ENOENT' ? `there is no file ${file}` : `the file ${file} cannot be read: ${message}`, true)
  }
}
