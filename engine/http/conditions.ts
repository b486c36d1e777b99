/** Headers about what the one who asks has, or would like to have. */
import type { Preconditions } from '../catalogue/api.ts'
import { Problem } from './problem.ts'

interface ConditionHeaders {
  readonly 'if-match'?: string | undefined
  readonly 'if-none-match'?: string | undefined
}

/** What a request's headers ask for. Throws Problem `bad-request` for one that is no list of ETags. */
export function preconditionsOf({ 'if-match': match, 'if-none-match': noneMatch }: ConditionHeaders): Preconditions {
  return {
    ...(match === undefined ? {} : { ifMatch: etagsOf('If-Match', match) }),
    ...(noneMatch === undefined ? {} : { ifNoneMatch: etagsOf('If-None-Match', noneMatch) }),
  }
}

/** True where who asks has what would be answered. Throws as {@link preconditionsOf}. */
export function isKnown(etag: string, header: string | undefined): boolean {
  if (header === undefined) return false
  const known = etagsOf('If-None-Match', header)
  // compared weakly: proxies that compress make ETags weak
  return known === '*' || known.includes(etag) || known.includes(`W/${etag}`)
}

/** `"abc", W/"def"` or `*`. Weak ones stand as no ETag of ours can be called. */
function etagsOf(name: string, header: string): '*' | readonly string[] {
  if (header.trim() === '*') return '*'
  const found = [...header.matchAll(/(W\/)?"([^"]*)"/g)]
  // between them there are commas, and one at least
  const isList = /^\s*"(?:\s*,\s*")*\s*$/.test(header.replaceAll(/(?:W\/)?"[^"]*"/g, '"'))
  if (!isList) throw new Problem('bad-request', `${name} is * or a list of ETags in double quotes, such as "5f1c1c0a"`)
  return found.map(([, weak, etag]) => (weak === undefined ? etag! : `W/${etag}`))
}

const YAML = /^(?:application|text)\/(?:x-|vnd\.)?yaml$/

/** True where YAML is asked for rather than JSON: by a greater weight, or by name where JSON is only included. */
export function prefersYaml(accept: string | undefined): boolean {
  if (accept === undefined) return false
  let yaml = -1
  let json = -1
  let isNamed = false
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    const weight = Number(parameters.find((one) => one.startsWith('q='))?.slice(2) ?? 1)
    if (YAML.test(type)) yaml = Math.max(yaml, weight)
    else if (type === 'application/json') {
      isNamed = true
      json = Math.max(json, weight)
    } else if (type === '*/*' || type === 'application/*') json = Math.max(json, weight)
  }
  return yaml > 0 && (yaml > json || (yaml === json && !isNamed))
}
