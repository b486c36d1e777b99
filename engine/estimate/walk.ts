/**
 * A path through a graph. Forward, in the order of the edges: what arrives at each node, how likely it is reached, what it costs. Then
 * backward: what it costs from each node to the end, so that least and most are those of a way that exists.
 */
import type { PlanErrorNode, PlanNode } from '../../dsl/plan.ts'
import { wouldFail } from './checks.ts'
import { added, alternatively, FREE, inSequence, retried, step, type Cost } from './cost.ts'
import type { Done } from './done.ts'
import { either, isKnown, Unknown, type Guess } from './guess.ts'
import { look } from './look.ts'
import { rowsReached, rowsRetried, type Part, type Row } from './part.ts'
import { ERROR_BYTES, timerSummaryBytes } from './payloads.ts'
import { onlyWithRetries, sum, times, type Alternative, type Range } from './range.ts'
import { nodeRun, type NodeRun, type Scope, type WalkRequest } from './scope.ts'
import { stepOf } from './step-table.ts'

interface Arrival {
  readonly input: Guess
  readonly share: number
  /** Only where something has failed. */
  readonly failing: boolean
}

interface Visited {
  readonly cost: Cost
  readonly rows: readonly Row[]
  readonly ways: readonly Way[]
}

interface Way {
  /** Null: the path ends. */
  readonly to: string | null
  readonly share: number
  readonly failing: boolean
}

export function walk({ nodes, start, join, arrived, scope }: WalkRequest): Part {
  const order = inOrder(nodes, start, join)
  const arrivals = new Map<string, Arrival>([[start, { input: arrived, share: 1, failing: false }]])
  const visits = new Map<string, Visited>()
  let output: Guess | undefined
  const goOn = (to: string | null, arrival: Arrival): void => {
    if (to === null) {
      if (!arrival.failing) output = output === undefined ? arrival.input : either(output, arrival.input)
      return
    }
    const before = arrivals.get(to)
    if (before === undefined || (before.failing && !arrival.failing)) arrivals.set(to, arrival)
    else if (before.failing === arrival.failing)
      arrivals.set(to, { ...before, input: either(before.input, arrival.input), share: before.share + arrival.share })
  }

  for (const id of order) {
    const node = nodes[id] as PlanNode
    const arrival = arrivals.get(id)
    if (arrival === undefined) {
      visits.set(id, { cost: FREE, rows: [rowOf(node, scope, FREE, NEVER)], ways: [] })
      continue
    }
    const visited = visit(node, nodes, arrival, scope)
    const ways = visited.ways.map((way) => ({ ...way, to: way.to === join ? null : way.to }))
    visits.set(id, { ...visited, ways })
    for (const way of ways) {
      const input = way.failing ? new Unknown(ERROR_BYTES) : visited.output
      goOn(way.to, { input, share: arrival.share * way.share, failing: arrival.failing || way.failing })
    }
  }
  return {
    cost: costFrom(start, order, visits, scope),
    rows: order.flatMap((id) => (visits.get(id) as Visited).rows),
    output: output ?? new Unknown(ERROR_BYTES),
  }
}

function visit(node: PlanNode, nodes: WalkRequest['nodes'], arrival: Arrival, scope: Scope): Visited & { readonly output: Guess } {
  const run = nodeRun(node, scope, filteredInput(node, arrival.input, scope), scope.times * arrival.share)
  const done = stepOf(run)
  const output = filteredOutput(run, done.output)
  scope.outputs.set(node.id, output)
  const handler = node.onError === undefined ? undefined : (nodes[node.onError] as PlanErrorNode)
  const usual = done.ways ?? [node.next ?? null]
  const ways: Way[] = usual.map((to) => ({ to, share: 1 / usual.length, failing: false }))
  for (const { next } of handler?.catch ?? []) ways.push({ to: next, share: 0, failing: true })
  const { cost, rows } = withRetry(run, done, handler)
  return { cost, rows: rowsReached(rows, reachedBy(arrival)), ways, output }
}

function withRetry({ node, scope }: NodeRun, given: Done, handler: PlanErrorNode | undefined): Pick<Visited, 'cost' | 'rows'> {
  const done = handler === undefined || given.inside === undefined ? given : { ...given, ...withCancels(given) }
  const own = { ...(done.own ?? done.cost), pending: done.cost.pending }
  const inside = done.inside ?? []
  const row = rowOf(node, scope, own, ALWAYS, done.note)
  const max = handler?.retry?.max ?? 0
  if (max === 0) return { cost: done.cost, rows: [row, ...inside] }
  const each = { timerBytes: timerSummaryBytes(node.label, 'retry'), bytes: ERROR_BYTES }
  return {
    cost: retried(done.cost, max, each),
    rows: [{ ...row, cost: retried(own, max, each) }, ...rowsRetried(inside, max)],
  }
}

/** Of a container whose failure is caught: what is under way then is cancelled. */
function withCancels({ cost, own = cost }: Done): Pick<Done, 'cost' | 'own'> {
  const { activities, children } = cost.pending
  const more = { own: onlyWithRetries(activities + CANCELLED_CHILD_EVENTS * children) }
  return { cost: { ...cost, ...added(cost, step(more)) }, own: { ...own, ...added(own, step(more)) } }
}

const CANCELLED_CHILD_EVENTS = 3

const ALWAYS: Range = { least: 1, expected: 1, most: 1, withRetries: 1 }
const NEVER: Range = { least: 0, expected: 0, most: 0, withRetries: 0 }
/** Shares are sums of fractions. */
const ALMOST = 1 - 1e-9

function reachedBy({ share, failing }: Arrival): Range {
  if (failing) return { ...NEVER, withRetries: 1 }
  return share >= ALMOST ? ALWAYS : { ...ALWAYS, least: 0, expected: share }
}

function rowOf({ id, type, label }: PlanNode, scope: Scope, cost: Cost, runs: Range, note?: string): Row {
  return { node: `${scope.lineage}${id}`, type, label, runs, cost, ...(note === undefined ? {} : { note }) }
}

function filteredInput(node: PlanNode, arrived: Guess, scope: Scope): Guess {
  if (node.input === undefined) return arrived
  const run = nodeRun(node, scope, arrived, scope.times)
  return filtered(run, node.input, arrived, 'input')
}

function filteredOutput(run: NodeRun, output: Guess): Guess {
  const { node } = run
  return node.output === undefined ? output : filtered(run, node.output, output, 'output')
}

function filtered(run: NodeRun, path: string, data: Guess, what: string): Guess {
  const found = look(path, { data, context: run.view.context })
  if (found !== undefined) return found
  // what is not there in a list of which only the length is known may be there after all
  if (isKnown(data)) wouldFail(run, { errorType: 'PathNotFound', errorMessage: `${what} ${path} finds nothing` })
  return run.scope.setting.assumed.result
}

/** From the first node on, along the ways from each. */
function costFrom(start: string, order: readonly string[], visits: Map<string, Visited>, scope: Scope): Cost {
  const ahead = new Map<string, Cost>()
  for (const id of [...order].reverse()) {
    const { cost, ways, rows } = visits.get(id) as Visited
    const onward: Alternative<Cost>[] = ways.map(({ to, share, failing }) => ({
      value: to === null ? FREE : (ahead.get(to) as Cost),
      share,
      failing,
    }))
    const rest = onward.length === 0 ? FREE : alternatively(onward)
    const [row] = rows
    if (row?.type !== 'callback' || !endsFlow(rest, scope)) {
      ahead.set(id, inSequence(cost, rest))
      continue
    }
    visits.set(id, { cost, ways, rows: [{ ...row, cost: withoutCancel(row.cost, row.label, row.runs) }] })
    // of one run: how often it is reached is counted where the ways part
    ahead.set(id, inSequence(withoutCancel(cost, row.label, ALWAYS), rest))
  }
  return ahead.get(start) as Cost
}

function endsFlow(rest: Cost, scope: Scope): boolean {
  return scope.around === null && rest.wakes.most === 0
}

/** A callback whose answer ends the flow, as {@link callbackStep} has it for the least. */
function withoutCancel(cost: Cost, label: string, runs: Range): Cost {
  const summary = timerSummaryBytes(label, 'timeout')
  const usual = { ...runs, least: 0, withRetries: 0 }
  return { ...cost, own: sum([cost.own, times(usual, -1)]), timerBytes: sum([cost.timerBytes, times(usual, -summary)]) }
}

/** The nodes that a path can come to, each behind all that lead to it. */
function inOrder(nodes: WalkRequest['nodes'], start: string, join: string | undefined): string[] {
  const order: string[] = []
  const seen = new Set<string>()
  // depth first without recursion: a path may be as long as a definition
  const stack: { readonly id: string; readonly next: string[] }[] = []
  const enter = (id: string): void => {
    if (id === join || seen.has(id)) return
    seen.add(id)
    stack.push({ id, next: edgesOf(nodes[id] as PlanNode, nodes).reverse() })
  }
  enter(start)
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const next = top.next.pop()
    if (next !== undefined) enter(next)
    else {
      order.push(top.id)
      stack.pop()
    }
  }
  return order.reverse()
}

function edgesOf(node: PlanNode, nodes: WalkRequest['nodes']): string[] {
  const edges = node.type === 'condition' ? [...node.branches.map(({ next }) => next), node.otherwise] : [node.next]
  if (node.type === 'parallel') edges.push(node.join)
  const handler = node.onError === undefined ? undefined : nodes[node.onError]
  if (handler?.type === 'error') edges.push(...handler.catch.map(({ next }) => next))
  return edges.filter((to) => to !== undefined)
}
