import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

const GIVEN = /^[A-Za-z0-9_.:+/=-]{1,128}$/
/** W3C Trace Context, version 00; ids of zeros alone are none. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** The id of a request: as its client calls it, where that is fit for logs and headers, else a new one. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && GIVEN.test(given) ? given : randomUUID()
}

/** The trace that a request belongs to; undefined where it names none. */
export function traceparentOf(headers: IncomingHttpHeaders): string | undefined {
  const { traceparent } = headers
  return typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? traceparent : undefined
}
