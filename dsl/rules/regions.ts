import type { Findings } from '../finding.ts'
import { listOf } from '../nodes/raw.ts'
import { successors, type Graph, type GraphNode } from './graph.ts'

/**
 * Where the branches of a `parallel` meet, and what belongs to which branch (flow-language.md, 2 and 3).
 *
 * - The join is the first node that every branch leads to, other than the branches' own first nodes. An `error` node is
 *   never one: it is not part of a path, but handles a node of it.
 * - A branch's region is what its first node leads to without passing the join.
 * - Regions share no node, and no edge enters one but from the parallel to its first node. (An edge out of a region
 *   past the join is of that kind too: its target lies in the region, and the join leads there from outside.)
 */
export class Regions {
  readonly #graph: Graph
  readonly #next = new Map<string, readonly string[]>()
  readonly #previous = new Map<string, string[]>()
  /** Place of each node in an order in which every edge leads forward. */
  readonly #rank = new Map<string, number>()
  #work = 0

  /** The graph must have no cycle. */
  constructor(graph: Graph) {
    this.#graph = graph
    for (const node of graph.nodes.values()) this.#next.set(node.id, successors(graph, node))
    for (const [id, targets] of this.#next) {
      for (const to of targets) {
        const sources = this.#previous.get(to)
        if (sources === undefined) this.#previous.set(to, [id])
        else sources.push(id)
      }
    }
    this.#order()
  }

  /** True when so many parallels nest that the rest is not worth computing; no sensible flow comes near. */
  get exhausted(): boolean {
    return this.#work > MAX_WORK
  }

  /**
   * Walks the branches forward together, in the order of the ranks: when a node comes up, all its sources have been
   * seen, so it is known which branches lead to it.
   */
  walk(branches: readonly string[]): Walk {
    const all = 2 ** branches.length - 1
    const masks = new Map<string, number>()
    const queue = new RankQueue()
    branches.forEach((id, index) => {
      if (!masks.has(id)) queue.push(this.#rank.get(id)!, id)
      masks.set(id, (masks.get(id) ?? 0) | (2 ** index))
    })
    const firsts = new Set(branches)
    const region = new Map<string, number>()
    let join: string | undefined
    for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
      const mask = masks.get(id)!
      if (join === undefined && mask === all && branches.length > 1 && !firsts.has(id) && this.#kindOf(id) !== 'error') {
        join = id
        continue
      }
      if ((mask & (mask - 1)) !== 0) return { join, region, shared: { id, mask } }
      region.set(id, mask)
      if (++this.#work > MAX_WORK) break
      for (const to of this.#next.get(id)!) {
        const before = masks.get(to)
        if (before === undefined) queue.push(this.#rank.get(to)!, to)
        masks.set(to, (before ?? 0) | mask)
      }
    }
    return { join, region, shared: undefined }
  }

  /** An edge into a region from outside it, the parallel's own apart; `ignored` nodes do not count as sources. */
  intruder(parallel: string, region: ReadonlyMap<string, number>, ignored: (id: string) => boolean): Intruder | undefined {
    for (const [id, mask] of region) {
      for (const source of this.#previous.get(id) ?? []) {
        this.#work++
        if (source !== parallel && region.get(source) !== mask && !ignored(source)) return { source, id, mask }
        // The parallel leads to its branches, but its error node must not lie in one.
        if (source === parallel && this.#leadsByError(parallel, id)) return { source, id, mask }
      }
    }
    return undefined
  }

  #leadsByError(parallel: string, id: string): boolean {
    return this.#graph.nodes.get(parallel)!.references.some(({ role, to }) => role === 'onError' && to === id)
  }

  #kindOf(id: string): string | undefined {
    return this.#graph.nodes.get(id)?.kind?.kind
  }

  #order(): void {
    const missing = new Map<string, number>()
    const ready: string[] = []
    for (const id of this.#graph.nodes.keys()) {
      const count = this.#previous.get(id)?.length ?? 0
      missing.set(id, count)
      if (count === 0) ready.push(id)
    }
    for (let at = 0; at < ready.length; at++) {
      const id = ready[at]!
      this.#rank.set(id, at)
      for (const to of this.#next.get(id)!) {
        const left = missing.get(to)! - 1
        missing.set(to, left)
        if (left === 0) ready.push(to)
      }
    }
  }
}

/** Steps that all walks of a graph may take together. */
const MAX_WORK = 300_000

export interface Walk {
  readonly join: string | undefined
  /** Node to the bit of its branch; incomplete if a node is shared. */
  readonly region: ReadonlyMap<string, number>
  readonly shared: { readonly id: string; readonly mask: number } | undefined
}

interface Intruder {
  readonly source: string
  readonly id: string
  readonly mask: number
}

/** `branch-overlap`. The graph must have no cycle; `reached` is absent if that is not known. */
export function checkRegions(graph: Graph, reached: ReadonlySet<string> | undefined, findings: Findings): void {
  let regions: Regions | undefined
  for (const node of graph.nodes.values()) {
    if (node.kind?.kind !== 'parallel') continue
    const branches = branchesOf(node)
    if (branches.length === 0 || branches.length > 20 || branches.some((id) => !graph.nodes.has(id))) continue
    regions ??= new Regions(graph)
    checkParallel(node, branches, regions, reached, findings)
    if (regions.exhausted) {
      findings.add('too-many-nodes', node.path, 'too many parallels inside each other to be checked; split the flow into subflows', 'key')
      return
    }
  }
}

function checkParallel(
  node: GraphNode,
  branches: readonly string[],
  regions: Regions,
  reached: ReadonlySet<string> | undefined,
  findings: Findings,
): void {
  const report = (index: number, message: string): void =>
    findings.add('branch-overlap', [...node.path, 'branches', index], `node "${node.id}": ${message}`)
  const twice = branches.findIndex((id, index) => branches.indexOf(id) < index)
  if (twice !== -1) return report(twice, `the branch "${branches[twice]!}" is listed twice; remove one, or copy its nodes under other ids`)

  const { join, region, shared } = regions.walk(branches)
  if (shared !== undefined) {
    const members = branches.flatMap((_, index) => (shared.mask & (2 ** index) ? [index] : []))
    const own = branches.indexOf(shared.id)
    const others = members.filter((index) => index !== own).map((index) => `"${branches[index]!}"`)
    if (own !== -1)
      return report(
        own,
        `the branch "${shared.id}" is also led to from the branch ${others.join(' and ')}; branches may meet only behind their first nodes`,
      )
    const where = join === undefined ? 'before all branches have met' : `beside "${join}", where all branches meet`
    return report(
      members[1]!,
      `the branches ${others.join(' and ')} share the node "${shared.id}" ${where}; give each branch its own nodes up to the join`,
    )
  }
  const isReached = reached === undefined || reached.has(node.id)
  const intruder = regions.intruder(node.id, region, (id) => isReached && reached !== undefined && !reached.has(id))
  if (intruder !== undefined) {
    const index = Math.log2(intruder.mask)
    const end = join === undefined ? 'the end of the flow' : `the join "${join}"`
    report(
      index,
      `"${intruder.source}", outside the branch "${branches[index]!}", leads into it at "${intruder.id}"; a branch is entered only at its first node, up to ${end}`,
    )
  }
}

/** The branches of a parallel, as far as they are ids. */
export function branchesOf(node: GraphNode): string[] {
  return listOf(node.raw, 'branches').filter((id) => typeof id === 'string')
}

/** A binary heap of ids by rank. */
class RankQueue {
  readonly #heap: { rank: number; id: string }[] = []

  push(rank: number, id: string): void {
    const heap = this.#heap
    let at = heap.length
    heap.push({ rank, id })
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (heap[parent]!.rank <= rank) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = { rank, id }
  }

  pop(): string | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (top === undefined || last === undefined) return undefined
    if (heap.length > 0) {
      let at = 0
      for (;;) {
        let child = 2 * at + 1
        if (child >= heap.length) break
        if (child + 1 < heap.length && heap[child + 1]!.rank < heap[child]!.rank) child++
        if (heap[child]!.rank >= last.rank) break
        heap[at] = heap[child]!
        at = child
      }
      heap[at] = last
    }
    return top.id
  }
}
