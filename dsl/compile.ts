import { parseDuration } from './duration.ts'
import type { DocumentPath } from './diagnostics.ts'
import { setMember, type Json, type JsonObject } from './json.ts'
import { EXPRESS_LIMIT_MS } from './nodes/express.ts'
import { nodeLanguage } from './nodes/index.ts'
import type { CompiledGraph, PlanBase, RawNode } from './nodes/node.ts'
import type { FlowMode, Plan, PlanNode } from './plan.ts'
import { buildGraph, type Graph, type GraphNode } from './rules/graph.ts'
import { entriesOf } from './rules/inner.ts'
import { branchesOf, Regions } from './rules/regions.ts'
import type { FlowDefinition } from './schema.ts'
import { compileTrigger } from './triggers/index.ts'

/**
 * Makes the plan of a definition that `checkFlow` found right: defaults filled in, durations in milliseconds, joins
 * computed, deeply frozen, and sharing nothing with the definition. A definition that was not checked gives a wrong
 * plan or a TypeError.
 */
export function compileFlow(definition: FlowDefinition): Plan {
  const mode = definition.mode ?? 'standard'
  const timeoutMs =
    definition.timeout === undefined ? (mode === 'express' ? EXPRESS_LIMIT_MS : undefined) : parseDuration(definition.timeout)
  const nodes = definition.nodes as Readonly<Record<string, unknown>>
  const plan: Plan = {
    format: 1,
    flow: definition.flow,
    mode,
    mergeInput: definition.mergeInput ?? false,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    start: definition.start,
    nodes: compileGraph(nodes, ['nodes'], mode).nodes,
    // at the end, and only where there are any: a plan's name is the hash of its text
    ...(definition.triggers === undefined || definition.triggers.length === 0 ? {} : { triggers: definition.triggers.map(compileTrigger) }),
  }
  return frozenCopy(plan as unknown as JsonObject) as unknown as Plan
}

function compileGraph(nodes: Readonly<Record<string, unknown>>, path: DocumentPath, mode: FlowMode): CompiledGraph {
  const graph = buildGraph(nodes, path)
  const joins = joinsOf(graph)
  const compiled: Record<string, PlanNode> = {}
  for (const node of graph.nodes.values()) {
    compiled[node.id] = node.kind!.compile(node.raw, {
      base: baseOf(node),
      mode,
      join: joins.get(node.id),
      graph: (inner) => compileGraph(inner, [...node.path, 'nodes'], mode),
    })
  }
  return { nodes: compiled, entry: entriesOf(graph)[0] ?? '' }
}

function joinsOf(graph: Graph): ReadonlyMap<string, string | undefined> {
  const joins = new Map<string, string | undefined>()
  let regions: Regions | undefined
  for (const node of graph.nodes.values()) {
    if (node.kind !== nodeLanguage('parallel')) continue
    regions ??= new Regions(graph)
    joins.set(node.id, regions.walk(branchesOf(node)).join)
  }
  return joins
}

function baseOf({ id, path, raw }: GraphNode): PlanBase {
  const { label, input, output, next, onError } = raw as RawNode &
    Record<'label' | 'input' | 'output' | 'next' | 'onError', string | undefined>
  return {
    id,
    label: label ?? id,
    ...(input === undefined ? {} : { input }),
    ...(output === undefined ? {} : { output }),
    ...(next === undefined ? {} : { next }),
    ...(onError === undefined ? {} : { onError }),
    at: path,
  }
}

function frozenCopy(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy)) as Json
  const copy: JsonObject = {}
  for (const key of Object.keys(value)) setMember(copy, key, frozenCopy(value[key]!))
  return Object.freeze(copy)
}
