/** Thrown for options that cannot be taken; the message begins with what was expected, and does not repeat what came. */
export class WrongOption extends Error {
  /** Where within the options; nothing for the whole. */
  readonly at: readonly (string | number)[]
  /** True: the key is wrong, not its value. */
  readonly isKey: boolean
  constructor(message: string, at: readonly (string | number)[] = [], isKey = false) {
    super(message)
    this.name = 'WrongOption'
    this.at = at
    this.isKey = isKey
  }
}

/** Throws {@link WrongOption} for what is no mapping, or has other keys; `known`: null for any. */
export function membersOf(value: unknown, known: readonly string[] | null, expected: string): { readonly [key: string]: unknown } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new WrongOption(`expected ${expected}`)
  for (const key of Object.keys(value))
    if (known !== null && !known.includes(key)) throw new WrongOption(`${expected} has no ${key}; it has ${known.join(', ')}`, [key], true)
  return value as { readonly [key: string]: unknown }
}

/** Makes what `check` throws tell where. */
export function inside<T>(at: readonly (string | number)[], check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (error instanceof WrongOption) throw new WrongOption(error.message, [...at, ...error.at], error.isKey)
    throw error
  }
}

/** Throws {@link WrongOption}. */
export function textAt(members: { readonly [key: string]: unknown }, key: string, expected: string): string {
  const value = members[key]
  if (typeof value !== 'string' || value === '' || value.includes('\0')) throw new WrongOption(`expected ${expected}`, [key])
  return value
}

/** A certificate authority, a client's certificate and key, as PEM texts; true: the machine's authorities. */
export type TlsOptions = boolean | { readonly ca?: string; readonly cert?: string; readonly key?: string; readonly serverName?: string }

/** False where nothing is said. Throws {@link WrongOption}. */
export function tlsOf(value: unknown): TlsOptions {
  if (value === undefined || value === null) return false
  if (typeof value === 'boolean') return value
  return inside(['tls'], () => {
    const members = membersOf(value, ['ca', 'cert', 'key', 'serverName'], 'tls: true, false or { ca, cert, key, serverName }')
    for (const key of ['ca', 'cert', 'key'])
      if (members[key] !== undefined && !textAt(members, key, 'a PEM text').includes('-----BEGIN'))
        throw new WrongOption('expected a PEM text (-----BEGIN …)', [key])
    if (members['serverName'] !== undefined) textAt(members, 'serverName', 'the name that the certificate is made out to')
    if ((members['cert'] === undefined) !== (members['key'] === undefined))
      throw new WrongOption('expected cert and key together', [members['cert'] === undefined ? 'cert' : 'key'])
    return members as Exclude<TlsOptions, boolean>
  })
}
