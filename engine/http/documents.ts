/** What the API shows of executions and nodes. Times are epoch milliseconds. */
import type { ErrorDocument } from '../../dsl/errors.ts'
import type { Json } from '../../dsl/json.ts'
import type { ExecutionRecord, NodeRecord } from '../api.ts'

/** An execution, whole. */
export function executionOf(record: ExecutionRecord): ExecutionRecord {
  return withoutTraces(record)
}

/** An execution as lists and starts show it: without input and output. */
export function summaryOf({ input: _input, output: _output, ...record }: ExecutionRecord): Omit<ExecutionRecord, 'input' | 'output'> {
  return withoutTraces(record)
}

/** A node. What a catch got is the output of the node that it caught: an error document, too. */
export function nodeOf(record: NodeRecord): NodeRecord {
  const shown = withoutTraces(record)
  if (shown.status !== 'caught' || typeof shown.output !== 'object' || shown.output === null) return shown
  return { ...shown, output: errorOf(shown.output as unknown as ErrorDocument) as unknown as Json }
}

/** Stack traces name paths of the host, and stay there (http-api.md, 1). */
export function errorOf({ stackTrace: _stackTrace, cause, ...error }: ErrorDocument): ErrorDocument {
  return cause === undefined ? error : { ...error, cause: errorOf(cause) }
}

function withoutTraces<T extends { readonly error?: ErrorDocument }>(record: T): T {
  return record.error === undefined ? record : { ...record, error: errorOf(record.error) }
}
