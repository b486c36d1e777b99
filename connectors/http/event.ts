import { setMember, type Json, type JsonObject } from '../../dsl/json.ts'
import type { PlanHttpTrigger } from '../../dsl/plan.ts'
import { decodeBytes } from '../format.ts'

/** A request as the server has it. */
export interface TriggerRequest {
  readonly method: string
  /** Behind `/t`, as it came. */
  readonly path: string
  /** Without the question mark. */
  readonly query: string
  readonly params: ReadonlyMap<string, string>
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Uint8Array
  readonly requestId: string
  readonly sourceIp: string
  /** Of `auth: jwt`: what the token says of its bearer. */
  readonly claims?: JsonObject
}

/** Media types whose bytes are never text, even where they could be read as such. */
const BINARY = /^(?:image|audio|video|font)\/|^application\/(?:octet-stream|zip|gzip|pdf|x-tar|protobuf|wasm)\b/i
const JSON_TYPE = /^application\/(?:[^;]*\+)?json\b/i

/**
 * The event of a request (triggers.md, 2): the API gateway's. Throws NotInFormat for a body that is not what `format` says.
 *
 * What has let the caller in stays out: an event is kept with its execution, and shown to whoever may see that.
 */
export function httpEvent(flow: string, trigger: PlanHttpTrigger, request: TriggerRequest): JsonObject {
  const { headers, claims } = request
  const { value, isBase64 } = bodyOf(trigger, request)
  const shown: JsonObject = {}
  for (const [name, held] of Object.entries(headers)) {
    if (held === undefined || (name === 'authorization' && trigger.auth !== 'none')) continue
    setMember(shown, name, Array.isArray(held) ? held.join(', ') : held)
  }
  const pathParameters: JsonObject = {}
  for (const [name, held] of request.params) setMember(pathParameters, name, held)
  return {
    body: value,
    isBase64Encoded: isBase64,
    httpMethod: request.method,
    path: request.path,
    pathParameters,
    queryStringParameters: queryOf(request.query),
    headers: shown,
    requestContext: {
      requestId: request.requestId,
      apiId: `${flow}/${trigger.name}`,
      stage: 'RELEASE',
      sourceIp: request.sourceIp,
      ...(claims === undefined ? {} : { authorizer: { claims } }),
    },
  }
}

function bodyOf({ format }: PlanHttpTrigger, { body, headers }: TriggerRequest): { readonly value: Json; readonly isBase64: boolean } {
  if (body.length === 0 && format !== 'json') return { value: '', isBase64: false }
  const type = String(headers['content-type'] ?? '')
  const looksLike = type === '' ? undefined : isCalledJson(type) ? 'json' : BINARY.test(type) ? 'binary' : 'text'
  return decodeBytes(body, format, looksLike)
}

/** Whether a media type says that the body is JSON. */
export function isCalledJson(type: string): boolean {
  return JSON_TYPE.test(type)
}

/** A name that stands several times has a list. */
function queryOf(query: string): JsonObject {
  const found = new Map<string, string[]>()
  for (const [name, value] of new URLSearchParams(query)) {
    const values = found.get(name)
    if (values === undefined) found.set(name, [value])
    else values.push(value)
  }
  const shown: JsonObject = {}
  for (const [name, values] of found) setMember(shown, name, values.length === 1 ? values[0]! : values)
  return shown
}
