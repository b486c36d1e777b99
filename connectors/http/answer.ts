import { validateHeaderName, validateHeaderValue } from 'node:http'
import { isJsonObject, type Json } from '../../dsl/json.ts'

export interface HttpAnswer {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string | readonly string[]])[]
  readonly body: Buffer
}

/** Thrown for an output that says it is an HTTP answer, and cannot be sent. */
export class NoAnswer extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'NoAnswer'
  }
}

const MEMBERS: ReadonlySet<string> = new Set(['statusCode', 'headers', 'body', 'isBase64Encoded'])
/** Of the connection, not of the answer: the server's own. */
const HOP_BY_HOP = /^(?:connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|content-length|date)$/i
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304])

/**
 * The answer that a flow's output makes: `{ statusCode, headers, body, isBase64Encoded }` is one, anything else is sent as JSON.
 *
 * @throws NoAnswer
 */
export function answerOf(output: Json): HttpAnswer {
  if (!isJsonObject(output) || !Object.hasOwn(output, 'statusCode') || Object.keys(output).some((key) => !MEMBERS.has(key)))
    return { status: 200, headers: [['content-type', 'application/json; charset=utf-8']], body: Buffer.from(JSON.stringify(output)) }
  const { statusCode, headers = {}, body = '', isBase64Encoded = false } = output
  if (typeof statusCode !== 'number' || !Number.isInteger(statusCode) || statusCode < 200 || statusCode > 599)
    throw new NoAnswer('its statusCode is no whole number from 200 to 599')
  if (!isJsonObject(headers ?? {})) throw new NoAnswer('its headers are no object')
  const sent = headersOf((headers ?? {}) as Readonly<Record<string, Json>>)
  const isText = typeof body === 'string'
  if (!sent.some(([name]) => name === 'content-type'))
    sent.push(['content-type', isText ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8'])
  const bytes = isText ? Buffer.from(body, isBase64Encoded === true ? 'base64' : 'utf8') : Buffer.from(JSON.stringify(body))
  return { status: statusCode, headers: sent, body: WITHOUT_BODY.has(statusCode) ? Buffer.alloc(0) : bytes }
}

function headersOf(headers: Readonly<Record<string, Json>>): [string, string | string[]][] {
  const sent: [string, string | string[]][] = []
  for (const [given, value] of Object.entries(headers)) {
    if (value === null || HOP_BY_HOP.test(given)) continue
    const name = given.toLowerCase()
    const values = (Array.isArray(value) ? value : [value]).map((one) => {
      if (typeof one === 'object') throw new NoAnswer(`its header ${name.slice(0, 100)} is no text`)
      return String(one)
    })
    try {
      validateHeaderName(name)
      for (const one of values) validateHeaderValue(name, one)
    } catch {
      throw new NoAnswer(`its header ${JSON.stringify(name.slice(0, 100))} has characters that no header may have`)
    }
    sent.push([name, values.length === 1 ? values[0]! : values])
  }
  return sent
}
