import type { PlanNode } from '../../dsl/plan.ts'

/** The lines of a node's caption: its label, and what people look for. */
export function captionOf(node: PlanNode): string[] {
  switch (node.type) {
    case 'function':
      return [node.label, node.function]
    case 'callback':
      return [node.label, node.function, `callback within ${written(node.timeoutMs)}`]
    case 'event':
      return [node.label, `event to ${node.channel}`]
    case 'subflow':
      return [node.label, `flow ${node.flow}${node.wait ? '' : ', not waiting'}`]
    case 'parallel':
      return [node.label, node.complete === node.branches.length ? 'all branches' : `${node.complete} of ${node.branches.length} branches`]
    case 'loop':
      return [node.label, `for each ${node.as} of ${node.items}${node.concurrency === 0 ? '' : `, ${node.concurrency} at a time`}`]
    case 'service':
      return [node.label, node.execution]
    case 'wait':
      return [
        node.label,
        node.until === undefined
          ? `wait ${typeof node.seconds === 'number' ? written(node.seconds * 1000) : node.seconds}`
          : `until ${node.until}`,
      ]
    case 'error': {
      const { retry } = node
      return retry === undefined
        ? [node.label]
        : [
            node.label,
            `retry up to ${retry.max} times, every ${written(retry.intervalMs)}`,
            ...(retry.when === undefined ? [] : [`when ${retry.when}`]),
          ]
    }
    default:
      return [node.label]
  }
}

/** A duration as a definition would give it: `90m`, `5s`. */
function written(ms: number): string {
  for (const [unit, size] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const)
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`
  return ms >= 1000 ? `${ms / 1000}s` : `${ms}ms`
}
