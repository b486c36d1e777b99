import type { ExecutionRecord, ListOptions } from '../api.ts'
import { checkList, type CheckedFilter } from '../list-options.ts'

/** A page of express executions that this process has. The cursor is the id of the last one shown. Throws EngineError `bad-option`. */
export function listExpress(
  newestFirst: Iterable<ExecutionRecord>,
  options: ListOptions,
): { items: ExecutionRecord[]; nextCursor?: string } {
  const { filter, limit, cursor } = checkList(options)
  const items: ExecutionRecord[] = []
  let behind = cursor === undefined
  for (const { input: _input, output: _output, ...record } of newestFirst) {
    if (behind && isWanted(filter, record)) {
      if (items.length === limit) return { items, nextCursor: (items.at(-1) as ExecutionRecord).id }
      items.push(record)
    }
    if (record.id === cursor) behind = true
  }
  return { items }
}

function isWanted(filter: CheckedFilter, { flow, status, parent, trigger, startedAt, name }: ExecutionRecord): boolean {
  return (
    (filter.flows === undefined || filter.flows.includes(flow)) &&
    (filter.statuses === undefined || filter.statuses.includes(status)) &&
    (filter.parent === undefined || filter.parent === parent?.execution) &&
    (filter.name === undefined || filter.name === name) &&
    (filter.trigger === undefined || filter.trigger.type === trigger?.type) &&
    (filter.trigger?.name === undefined || filter.trigger.name === trigger?.name) &&
    (filter.startedAfter === undefined || startedAt >= filter.startedAfter) &&
    (filter.startedBefore === undefined || startedAt < filter.startedBefore)
  )
}
