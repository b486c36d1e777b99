import { STATUS_CODES } from 'node:http'
import type { Diagnostic } from '../../dsl/diagnostics.ts'
import { errorOf } from './documents.ts'
import { ENGINE_ERROR_CODES, EngineError, ExecutionFailed, FlowInvalid, FunctionInvalid, type EngineErrorCode } from '../errors.ts'

/** An RFC 9457 problem document. */
export interface ProblemDocument {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly diagnostics?: readonly Diagnostic[]
  readonly line?: number
  readonly column?: number
  readonly [extension: string]: unknown
}

/** Codes of the API that the engine has no errors for, with their status. */
export const PROBLEM_CODES = {
  'bad-request': 400,
  'malformed-json': 400,
  'malformed-yaml': 400,
  unauthorized: 401,
  forbidden: 403,
  'not-found': 404,
  'method-not-allowed': 405,
  'request-timeout': 408,
  conflict: 409,
  express: 409,
  'unsupported-media-type': 415,
  'invalid-body': 422,
  'execution-failed': 422,
  unsupported: 422,
  'rate-limited': 429,
  'headers-too-large': 431,
  'internal-error': 500,
  'shutting-down': 503,
  'not-ready': 503,
  'execution-timed-out': 504,
} as const

/** What the engine's own codes are called here, where that is another name. */
const RENAMED = {
  'bad-input': 'bad-request',
  'bad-option': 'bad-request',
  'not-durable': 'express',
  'engine-closed': 'shutting-down',
} as const satisfies { readonly [code in EngineErrorCode]?: keyof typeof PROBLEM_CODES }

/** Codes of problem documents. A wait that was aborted is nobody's answer. */
export type ProblemCode = keyof typeof PROBLEM_CODES | Exclude<EngineErrorCode, keyof typeof RENAMED | 'aborted'>

/** Every code of a problem document, with its status. */
export const PROBLEM_STATUS: Readonly<Record<ProblemCode, number>> = (() => {
  const { aborted: _, ...codes } = ENGINE_ERROR_CODES
  const renamed = new Set<string>(Object.keys(RENAMED))
  const ofEngine = Object.fromEntries(Object.entries(codes).filter(([code]) => !renamed.has(code)))
  return { ...(ofEngine as Record<Exclude<EngineErrorCode, keyof typeof RENAMED | 'aborted'>, number>), ...PROBLEM_CODES }
})()

/** Thrown by routes: what the client is told. */
export class Problem extends Error {
  readonly document: ProblemDocument
  constructor(code: keyof typeof PROBLEM_CODES | 'flow-invalid', detail: string, extensions: Readonly<Record<string, unknown>> = {}) {
    super(detail)
    this.name = 'Problem'
    this.document = documentOf(code, PROBLEM_STATUS[code], detail, extensions)
  }
}

function documentOf(
  code: ProblemCode | EngineErrorCode,
  status: number,
  detail: string,
  extensions: Readonly<Record<string, unknown>> = {},
): ProblemDocument {
  return { type: `urn:fnflow:problem:${code}`, title: STATUS_CODES[status] ?? 'Error', status, detail, code, ...extensions }
}

const UNAVAILABLE = 'the server cannot do that at present; its log says why'

/** The problem document of whatever a route has thrown. What is not known is an internal error, and its message stays here. */
export function problemOf(error: unknown): ProblemDocument {
  if (error instanceof Problem) return error.document
  if (error instanceof FlowInvalid) return problemOfFlow(error)
  if (error instanceof FunctionInvalid) return documentOf(error.code, 422, error.message, { diagnostics: error.diagnostics })
  if (error instanceof ExecutionFailed) return documentOf('execution-failed', 422, error.message, { error: errorOf(error.error) })
  if (error instanceof EngineError) {
    const renamed = (RENAMED as { readonly [code in EngineErrorCode]?: keyof typeof PROBLEM_CODES })[error.code]
    const [code, status] = renamed === undefined ? ([error.code, error.status] as const) : ([renamed, PROBLEM_CODES[renamed]] as const)
    // it goes on with the names of other flows, which not every key sees
    if (code === 'flow-not-found') return documentOf(code, status, error.message.replace(/; deployed: .*$/s, ''))
    // messages about stores and servers name folders and hosts
    return documentOf(code, status, status >= 500 ? UNAVAILABLE : error.message)
  }
  return problemOfFastify(error) ?? documentOf('internal-error', 500, 'something went wrong here; the log of the server says what')
}

function problemOfFlow({ diagnostics, message }: FlowInvalid): ProblemDocument {
  const syntax = diagnostics.find(({ rule }) => rule === 'syntax')
  if (syntax === undefined) return documentOf('flow-invalid', 422, message, { diagnostics })
  return documentOf('malformed-yaml', 400, syntax.message, positionOf(syntax))
}

function positionOf({ line, column }: Diagnostic): { readonly line?: number; readonly column?: number } {
  return { ...(line === undefined ? {} : { line }), ...(column === undefined ? {} : { column }) }
}

/** What fastify itself refuses, by its codes. */
function problemOfFastify(error: unknown): ProblemDocument | undefined {
  const {
    code,
    statusCode,
    message = '',
    validation,
    validationContext,
  } = (error ?? {}) as {
    readonly code?: string
    readonly statusCode?: number
    readonly message?: string
    readonly validation?: readonly { readonly instancePath?: string; readonly message?: string }[]
    readonly validationContext?: string
  }
  if (validation !== undefined) {
    const detail = validation.map((one) => `${one.instancePath || '/'}: ${one.message ?? 'is wrong'}`).join('; ')
    const isBody = validationContext === 'body'
    return documentOf(isBody ? 'invalid-body' : 'bad-request', isBody ? 422 : 400, `${validationContext ?? 'request'}: ${detail}`)
  }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return documentOf('payload-too-large', 413, 'the body is larger than it may be: 8 MiB, or with the code of a function 50 MiB of code')
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return documentOf('unsupported-media-type', 415, message)
  if (code === 'FST_ERR_MAX_PARAM_LENGTH') return documentOf('bad-request', 400, 'a part of the path is too long')
  if (code === 'FST_ERR_CTP_INVALID_CONTENT_LENGTH') return documentOf('bad-request', 400, message)
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return documentOf('bad-request', statusCode, message)
  return undefined
}
