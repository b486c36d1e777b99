import { compileExpression, type CompiledExpression } from '../expressions.ts'
import { compilePath, type CompiledPath } from '../jsonpath/index.ts'
import type { Json } from '../json.ts'
import { compileTemplate, compileParams, type CompiledTemplate } from '../params.ts'
import type { NodeKind, Plan, PlanErrorNode, PlanNode } from '../plan.ts'
import type { Step } from './step-type.ts'

/** A node with its closures made and its neighbours linked. */
export interface PreparedNode {
  readonly id: string
  readonly plan: PlanNode
  readonly step: Step
  readonly inputPath: CompiledPath | null
  readonly outputPath: CompiledPath | null
  /** Set right after all nodes of the graph exist. */
  next: PreparedNode | null
  onError: PreparedError | null
  readonly params: CompiledTemplate | null
  readonly mergeInput: boolean
  /** Some `$$.nodes` path may ask for its output. */
  readonly keepOutput: boolean
  /** What the kind's own `prepare` made. */
  detail: unknown
  /** The host's own cache. */
  host: unknown
  /** The graph that the node stands in. */
  readonly graph: ReadonlyMap<string, PreparedNode>
}

/** An error node, as the nodes that refer to it use it. */
export interface PreparedError {
  readonly retry: {
    readonly when: CompiledExpression | null
    readonly intervalMs: number
    readonly max: number
    readonly backoff: number
  } | null
  readonly catches: readonly { readonly when: CompiledExpression | null; readonly next: PreparedNode }[]
}

/** A plan ready to run; made once per plan and shared by its executions. */
export interface PreparedPlan {
  readonly plan: Plan
  readonly start: PreparedNode
  /** Waits, retries, callbacks or intervals: due times follow from the times of its events. */
  readonly timed: boolean
}

/** What a kind's `prepare` may use. */
export interface PrepareContext {
  node(id: string): PreparedNode
  graph(nodes: Readonly<Record<string, PlanNode>>): ReadonlyMap<string, PreparedNode>
  path(text: string): CompiledPath
  expression(text: string): CompiledExpression
  template(value: Json): CompiledTemplate
}

/** The steps of the kinds, handed in to keep this file free of them. */
export type StepTable = { readonly [K in NodeKind]: { readonly step: Step } }

/** Makes the closures of a plan: paths, conditions, templates, links. The plan was checked, so nothing here fails for a plan of `compileFlow`. */
export function preparePlan(plan: Plan, steps: StepTable): PreparedPlan {
  const asked = new AskedOutputs()
  const keepers: { node: { keepOutput: boolean }; id: string }[] = []

  const path = (text: string): CompiledPath => {
    const compiled = compilePath(text, { context: true })
    asked.add(compiled)
    return compiled
  }
  const expression = (text: string): CompiledExpression => {
    const compiled = compileExpression(text)
    for (const inner of compiled.paths) asked.add(inner)
    return compiled
  }
  const noteAll = (template: CompiledTemplate): CompiledTemplate => {
    for (const inner of template.paths) asked.add(inner)
    return template
  }

  const buildGraph = (nodes: Readonly<Record<string, PlanNode>>): ReadonlyMap<string, PreparedNode> => {
    const graph = new Map<string, PreparedNode>()
    const node = (id: string): PreparedNode => {
      const found = graph.get(id)
      if (found === undefined) throw new Error(`plan of flow ${plan.flow}: no node ${id}`)
      return found
    }
    for (const planNode of Object.values(nodes)) {
      const params = 'params' in planNode && planNode.params !== undefined ? noteAll(compileParams(planNode.params)) : null
      const prepared: PreparedNode = {
        id: planNode.id,
        plan: planNode,
        step: steps[planNode.type].step,
        inputPath: planNode.input === undefined ? null : path(planNode.input),
        outputPath: planNode.output === undefined ? null : path(planNode.output),
        next: null,
        onError: null,
        params,
        mergeInput: plan.mergeInput,
        keepOutput: false,
        detail: null,
        host: null,
        graph,
      }
      graph.set(planNode.id, prepared)
      keepers.push({ node: prepared as { keepOutput: boolean }, id: planNode.id })
    }
    const context: PrepareContext = { node, graph: buildGraph, path, expression, template: (value) => noteAll(compileTemplate(value)) }
    const errors = new Map<string, PreparedError>()
    const errorNode = (id: string): PreparedError => {
      let made = errors.get(id)
      if (made === undefined) errors.set(id, (made = prepareError(node(id).plan as PlanErrorNode, context)))
      return made
    }
    for (const prepared of graph.values()) {
      if (prepared.plan.next !== undefined) prepared.next = node(prepared.plan.next)
      if (prepared.plan.onError !== undefined) prepared.onError = errorNode(prepared.plan.onError)
      prepared.detail = prepared.step.prepare?.(prepared.plan as never, context) ?? null
    }
    return graph
  }

  const start = buildGraph(plan.nodes).get(plan.start)
  if (start === undefined) throw new Error(`plan of flow ${plan.flow}: no start node ${plan.start}`)
  for (const { node, id } of keepers) node.keepOutput = asked.has(id)
  return { plan, start, timed: isTimed(plan.nodes) }
}

function isTimed(nodes: Readonly<Record<string, PlanNode>>): boolean {
  return Object.values(nodes).some((node) => {
    if (node.type === 'wait' || node.type === 'callback') return true
    if (node.type === 'error') return node.retry !== undefined
    return 'nodes' in node && ((node.type === 'loop' && node.intervalMs > 0) || isTimed(node.nodes))
  })
}

function prepareError(plan: PlanErrorNode, context: PrepareContext): PreparedError {
  const { retry } = plan
  return {
    retry: retry === undefined ? null : { ...retry, when: retry.when === undefined ? null : context.expression(retry.when) },
    catches: plan.catch.map((branch) => ({
      when: branch.when === undefined ? null : context.expression(branch.when),
      next: context.node(branch.next),
    })),
  }
}

/** Which nodes' outputs `$$` paths can reach: keeping all of them would keep every payload of a long flow in memory. */
class AskedOutputs {
  private all = false
  private readonly ids = new Set<string>()
  add(path: CompiledPath): void {
    if (!path.isContext) return
    const [first, second] = path.names
    if (first === undefined) this.all = true
    else if (first === 'nodes') {
      if (second === undefined) this.all = true
      else this.ids.add(second)
    }
    // a filter may look from its `$`, which is the context, at anything
    if (path.text.includes('?')) this.all = true
  }
  has(id: string): boolean {
    return this.all || this.ids.has(id)
  }
}
