import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { TRACEPARENT } from '../intake.ts'

const GIVEN = /^[A-Za-z0-9_.:+/=-]{1,128}$/

/** The id of a request: as its client calls it, where that is fit for logs and headers, else a new one. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && GIVEN.test(given) ? given : randomUUID()
}

/** The trace that a request belongs to, as an option of what it starts; none where it names none. */
export function traceOf({ headers }: { readonly headers: IncomingHttpHeaders }): { readonly traceparent?: string } {
  const { traceparent } = headers
  return typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? { traceparent } : {}
}
