/** The keys below `server` in fnflow.yaml (cli.md). */
import { isIP } from 'node:net'
import {
  duration,
  isSecret,
  jsonOf,
  numberOf,
  oneOf,
  optional,
  shown,
  text,
  texts,
  wholeNumber,
  Wrong,
  type Around,
  type Leaf,
} from './config-leaf.ts'

/** A key of the API that the configuration gives. */
export interface ConfiguredKey {
  readonly name: string
  readonly role: 'viewer' | 'operator' | 'admin'
  /** Names of flows; absent: all. */
  readonly flows?: readonly string[]
  readonly key: string
}

export interface ConfiguredRateLimit {
  /** Requests of one client within the window. */
  readonly max: number
  readonly windowMs: number
}

export interface ConfiguredJwt {
  readonly issuer: string
  readonly audience: string
  readonly jwksUrl: string
}

/** Node's timers take no longer ones, and nobody waits so long for a server to end. */
const LONGEST_SHUTDOWN_MS = 86_400_000

const role = oneOf('viewer', 'operator', 'admin')

const keys: Leaf<readonly ConfiguredKey[]> = {
  secret: true,
  ofText: jsonOf,
  take(value, around) {
    if (!Array.isArray(value)) throw new Wrong('expected a list of { name, role, flows, key: { from: env, name } }')
    const taken = value.map((one, at) => within([at], () => keyOf(one, around)))
    for (const [at, { name }] of taken.entries()) {
      if (taken.findIndex((other) => other.name === name) < at)
        throw new Wrong(`expected another name: an earlier key is called ${name}, too`, true, [at, 'name'])
    }
    return taken
  },
}

function keyOf(value: unknown, around: Around): ConfiguredKey {
  const members = membersOf(value, ['name', 'role', 'flows', 'key'], 'a mapping of name, role, flows, key')
  const name = within(['name'], () => text('a name of the key').take(members['name'], around))
  if (!/^[A-Za-z0-9_.-]{1,64}$/.test(name)) throw new Wrong('expected a name of 1-64 of A-Z a-z 0-9 _ . -', true, ['name'])
  return {
    name,
    role: within(['role'], () => role.take(members['role'], around)),
    ...(members['flows'] === undefined || members['flows'] === null
      ? {}
      : {
          flows: within(['flows'], () => texts('names of flows', (flow) => /^[A-Za-z][\w-]*$/.test(flow)).take(members['flows'], around)),
        }),
    key: within(['key'], () => {
      const key = text('the key, or where it is found: { from: env, name: MY_KEY }', true).take(members['key'], around)
      if (key.length < 16) throw new Wrong('expected a key of at least 16 characters; fnflow keys add makes one', true)
      return key
    }),
  }
}

const rateLimit: Leaf<ConfiguredRateLimit | undefined> = {
  ofText: jsonOf,
  take(value, around) {
    if (value === null) return undefined
    const members = membersOf(value, ['max', 'window'], 'null, or { max, window }, such as { max: 600, window: 1m }')
    return {
      max: within(['max'], () => wholeNumber('a number of requests from 1', 1).take(members['max'], around)),
      windowMs: within(['window'], () => {
        const ms = duration('a duration such as 1m, up to a day', LONGEST_SHUTDOWN_MS).take(members['window'] ?? '1m', around)
        if (ms === 0) throw new Wrong('expected a duration above 0')
        return ms
      }),
    }
  },
}

const jwt: Leaf<ConfiguredJwt | undefined> = {
  ofText: jsonOf,
  take(value, around) {
    if (value === null) return undefined
    const members = membersOf(value, ['issuer', 'audience', 'jwksUrl'], 'null, or { issuer, audience, jwksUrl }')
    return {
      issuer: within(['issuer'], () => text('the issuer of the tokens').take(members['issuer'], around)),
      audience: within(['audience'], () => text('the audience of the tokens').take(members['audience'], around)),
      jwksUrl: within(['jwksUrl'], () => url('the URL of its keys, https://…').take(members['jwksUrl'], around)),
    }
  },
}

/** Whose `X-Forwarded-…` headers are believed: nobody's, everybody's, those of so many proxies, or of these addresses. */
const trustProxy: Leaf<boolean | number | readonly string[]> = {
  ofText: (given) =>
    given === 'true' || given === 'false' ? given === 'true' : typeof numberOf(given) === 'number' ? Number(given) : given.split(','),
  take(value, around) {
    if (typeof value === 'boolean') return value
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 100) return value
    if (Array.isArray(value)) return texts('addresses or networks, such as 10.0.0.0/8', isNetwork).take(value, around)
    throw new Wrong('expected true, false, a number of proxies, or a list of their addresses')
  },
}

function url(expected: string): Leaf<string> {
  return {
    take(value, around) {
      const found = text(expected).take(value, around)
      const parsed = URL.canParse(found) ? new URL(found) : undefined
      const fits = parsed !== undefined && /^https?:$/.test(parsed.protocol) && parsed.username === '' && parsed.password === ''
      if (!fits) throw new Wrong(`expected ${expected}`)
      return found
    },
  }
}

/** What callbacks' URLs begin with. */
const publicUrl: Leaf<string> = {
  take(value, around) {
    const expected = 'the URL under which others reach the server, such as https://flows.example.com'
    const { origin, pathname, search, hash } = new URL(url(expected).take(value, around))
    if (search !== '' || hash !== '') throw new Wrong(`expected ${expected}`)
    return origin + pathname.replace(/\/+$/, '')
  },
}

/** `server.…` */
export const SERVER_LEAVES = {
  'server.host': text('an address to listen at, such as 127.0.0.1'),
  'server.port': wholeNumber('a port from 0 to 65535', 0, 65_535),
  'server.publicUrl': optional(publicUrl),
  'server.keys': keys,
  'server.cors': texts('origins such as https://app.example.com, or *', (origin) => origin === '*' || isOrigin(origin)),
  'server.trustProxy': trustProxy,
  'server.shutdownTimeout': duration('a duration such as 20s, up to a day', LONGEST_SHUTDOWN_MS),
  'server.rateLimit': rateLimit,
  'server.allowedHosts': texts('hosts such as flows.example.com', isHost),
  'server.functionSecrets': texts('names of variables of this machine, such as API_KEY', (given) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(given)),
  'server.outbound.allowPrivate': texts('hosts, addresses or networks, such as 10.0.0.0/8', (given) => isNetwork(given) || isHost(given)),
  'server.jwt': jwt,
} as const satisfies { readonly [path: string]: Leaf }

function isOrigin(given: string): boolean {
  return URL.canParse(given) && new URL(given).origin === given
}

function isHost(given: string): boolean {
  return /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?$/.test(given) || isIP(given.replace(/^\[(.*)\]$/, '$1')) !== 0
}

function isNetwork(given: string): boolean {
  const [address = '', bits, ...more] = given.split('/')
  const family = isIP(address)
  if (family === 0 || more.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}

/** The members of a mapping that has none but these. Throws {@link Wrong}. */
/** Throws {@link Wrong} for what is no mapping, or has members that are not known. */
export function membersOf(value: unknown, known: readonly string[], expected: string): { readonly [key: string]: unknown } {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isSecret(value))
    throw new Wrong(`expected ${expected}${shown(value)}`, true)
  const unknown = Object.keys(value).find((key) => !known.includes(key))
  if (unknown !== undefined) throw new Wrong(`unknown key ${unknown}; there are ${known.join(', ')}`, true, [unknown], true)
  return value as { readonly [key: string]: unknown }
}

/** What is wrong within a member says where. */
export function within<T>(path: readonly (string | number)[], take: () => T): T {
  try {
    return take()
  } catch (error) {
    if (!(error instanceof Wrong)) throw error
    const outer = new Wrong(error.message, error.tellsValue, [...path, ...error.at], error.isKey)
    throw Object.assign(outer, { isMissingSecret: error.isMissingSecret })
  }
}
