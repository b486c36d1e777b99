/** API keys: who may use the HTTP API, and for what. Of a key its hash is kept, never itself. */
import { createHash, randomBytes } from 'node:crypto'
import { EngineError } from '../errors.ts'

/** From the least to the most. */
export const ROLES = ['viewer', 'operator', 'admin'] as const
export type Role = (typeof ROLES)[number]

/** A key as it is kept. */
export interface StoredKey {
  readonly name: string
  readonly role: Role
  /** The only flows that it sees; absent: all. */
  readonly flows?: readonly string[]
  /** SHA-256, in hexadecimal. Enough for what has 256 random bits: there is nothing to guess. */
  readonly hash: string
  /** Epoch milliseconds. */
  readonly createdAt: number
}

/** Where keys are kept. All methods reject with EngineError `store-unusable`, `store-failed`. */
export interface KeyStore {
  /** By name. */
  list(): Promise<readonly StoredKey[]>
  /** Resolves when it is safe; false where the name is taken. */
  add(key: StoredKey): Promise<boolean>
  /** Resolves when it is safe; false where there is none of that name. */
  remove(name: string): Promise<boolean>
  /** For each request: the keys, a moment old at most; with `fresh` (somebody came with one that is not among them) younger still. */
  current(fresh: boolean): readonly StoredKey[] | Promise<readonly StoredKey[]>
  close(): Promise<void>
}

const PREFIX = 'fnflow_'
const BYTES = 32

export function newKey(): string {
  return PREFIX + randomBytes(BYTES).toString('base64url')
}

export function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

/** Throws EngineError `bad-option` where a name, a role or a flow is none. */
export function checkKey({ name, role, flows }: Pick<StoredKey, 'name' | 'role' | 'flows'>): void {
  if (!/^[A-Za-z0-9_.-]{1,64}$/.test(name))
    throw new EngineError('bad-option', `a key is named with 1-64 of A-Z a-z 0-9 _ . -, not ${JSON.stringify(name)}`)
  if (!ROLES.includes(role)) throw new EngineError('bad-option', `a role is ${ROLES.join(', ')}, not ${JSON.stringify(role)}`)
  const wrong = flows?.find((flow) => !/^[A-Za-z][\w-]{0,63}$/.test(flow))
  if (wrong !== undefined) throw new EngineError('bad-option', `${JSON.stringify(wrong)} is no name of a flow`)
}
