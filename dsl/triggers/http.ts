import { parseDuration } from '../duration.ts'
import { duration, text, type Z } from '../nodes/fields.ts'
import { member } from '../nodes/raw.ts'
import { common, format } from './fields.ts'
import { defineTrigger, msOf, type RawTrigger, type TriggerCheck } from './kind.ts'

const DEFAULT_TIMEOUT_MS = 5000
const LONGEST_TIMEOUT_MS = 60_000
/** `/orders/{id}`: literals of what needs no escape in a URL, and params that are whole segments. */
const SEGMENT = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]+|\\{[A-Za-z_][A-Za-z0-9_]*\\})"
const PATH_PATTERN = `^/(?:${SEGMENT}(?:/${SEGMENT})*/?)?$`

export const HTTP_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

/** Starts the flow when a request comes (triggers.md, 2). */
export const http = defineTrigger({
  kind: 'http',
  schema: (z: Z) =>
    z.strictObject({
      type: z.literal('http'),
      ...common(z),
      path: z.string().regex(new RegExp(PATH_PATTERN)).max(512).meta({
        description: 'Where it is found, behind /t; {names} stand for one segment.',
        expected: 'a path such as "/orders/{id}"',
      }),
      method: z
        .enum([...HTTP_METHODS, 'ANY'])
        .meta({ description: 'The method that it takes.', default: 'POST' })
        .optional(),
      auth: z
        .enum(['none', 'key', 'jwt'])
        .meta({ description: 'Who may call it. key: an API key of an operator.', default: 'key' })
        .optional(),
      jwt: z
        .strictObject({
          issuer: text(z, 'Who must have made the token (iss).'),
          audience: text(z, 'For whom it must be (aud).'),
          jwksUrl: text(z, 'Where the keys of the issuer are found, as a JSON Web Key Set.'),
        })
        .meta({
          description: 'Of auth: jwt; default: server.jwt of the configuration.',
          expected: 'an object { issuer, audience, jwksUrl }',
        })
        .optional(),
      mode: z
        .enum(['async', 'sync'])
        .meta({ description: 'async: answers with the id of the execution. sync: with its output.', default: 'async' })
        .optional(),
      timeout: duration(z, 'Of mode: sync, 1 ms to 60 s.').meta({ default: '5s' }).optional(),
      ...format(z),
    }),
  check: checkHttp,
  compile: (trigger, base) => ({
    type: 'http',
    ...base,
    path: trigger.path,
    method: trigger.method ?? 'POST',
    auth: trigger.auth ?? 'key',
    ...(trigger.jwt === undefined ? {} : { jwt: trigger.jwt }),
    mode: trigger.mode ?? 'async',
    timeoutMs: msOf(trigger.timeout, DEFAULT_TIMEOUT_MS),
    format: trigger.format ?? 'auto',
  }),
})

function checkHttp(trigger: RawTrigger, check: TriggerCheck): void {
  const auth = member(trigger, 'auth')
  const jwt = member(trigger, 'jwt')
  if (auth === 'jwt' && jwt === undefined && !check.hasTokenIssuer)
    check.report('schema', ['auth'], '"auth" is jwt, and "jwt" is missing; give { issuer, audience, jwksUrl }, or configure server.jwt')
  if (auth !== 'jwt' && jwt !== undefined) check.report('schema', ['jwt'], '"jwt" goes with "auth": jwt; leave one of them out', 'key')
  const url = typeof jwt === 'object' && jwt !== null ? (jwt as { jwksUrl?: unknown }).jwksUrl : undefined
  if (typeof url === 'string' && !/^https?:\/\/[^\s/?#]+/.test(url))
    check.report('schema', ['jwt', 'jwksUrl'], '"jwt.jwksUrl" must be a URL that begins with https:// or http://')
  const timeout = member(trigger, 'timeout')
  const ms = typeof timeout === 'number' || typeof timeout === 'string' ? parseDuration(timeout) : undefined
  if (ms !== undefined && (ms < 1 || ms > LONGEST_TIMEOUT_MS))
    check.report('schema', ['timeout'], '"timeout" must be from 1 ms to 60 s; a flow that takes longer is started with mode: async')
  const path = member(trigger, 'path')
  if (typeof path === 'string') checkPath(path, check)
}

function checkPath(path: string, check: TriggerCheck): void {
  const names = new Set<string>()
  for (const [, name] of path.slice(0, 1000).matchAll(/\{([^{}]*)\}/g)) {
    if (names.has(name!)) check.report('schema', ['path'], `"path" names {${name}} twice; give each param a name of its own`)
    names.add(name!)
  }
  // clients and proxies resolve them before a request is sent
  if (/\/\.\.?(?:\/|$)/.test(path))
    check.report('schema', ['path'], '"path" has a segment . or .., which no request can have; leave it out')
}

/** What two paths have in common that take the same requests: the names of params left out. */
export function pathPattern(path: string): string {
  return path.replaceAll(/\{[^{}]*\}/g, '{}')
}
