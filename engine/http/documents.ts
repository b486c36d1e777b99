/** What the API shows of executions and nodes. Times are epoch milliseconds. */
import type { ErrorDocument } from '../../dsl/errors.ts'
import type { ExecutionRecord, NodeRecord } from '../api.ts'

/** An execution, whole. */
export function executionOf(record: ExecutionRecord): ExecutionRecord {
  return withoutTraces(record)
}

/** An execution as lists and starts show it: without input and output. */
export function summaryOf({ input: _input, output: _output, ...record }: ExecutionRecord): Omit<ExecutionRecord, 'input' | 'output'> {
  return withoutTraces(record)
}

export function nodeOf(record: NodeRecord): NodeRecord {
  return withoutTraces(record)
}

/** Stack traces name paths of the host, and stay there (http-api.md, 1). */
export function errorOf({ stackTrace: _stackTrace, cause, ...error }: ErrorDocument): ErrorDocument {
  return cause === undefined ? error : { ...error, cause: errorOf(cause) }
}

function withoutTraces<T extends { readonly error?: ErrorDocument }>(record: T): T {
  return record.error === undefined ? record : { ...record, error: errorOf(record.error) }
}
