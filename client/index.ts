/**
 * A client of the HTTP API (docs/client.md): `import { Client } from 'fnflow/client'`. Its types are those of the OpenAPI document. It needs
 * nothing but `fetch`.
 */
export { Client } from './client.ts'
export type { ApiAnswer, CallOptions, ClientOptions, ExecutionEvent, LogEvent, OperationId } from './client.ts'
export { ApiError, ExecutionFailed, ServerUnreachable } from './errors.ts'
export type { Operations } from './generated/operations.ts'
export type * from './generated/types.ts'
