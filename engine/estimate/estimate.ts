/**
 * What a flow would cost, before it has run: an estimate from its plan, of what the engine decides by the very functions that decide it there.
 * Pure: no clock, no files.
 */
import type { Json } from '../../dsl/json.ts'
import type { Plan, PlanNode, PlanSubflowNode } from '../../dsl/plan.ts'
import { MAX_DEPTH } from '../../workflows/driver.ts'
import type { FlowHints } from '../../workflows/protocol/shapes.ts'
import { costOfExpress, costOfFlow, type FlowCost } from './flow.ts'
import { Unknown, type Guess } from './guess.ts'
import type { Range } from './range.ts'
import type { Assumptions, ChildAnswer, ChildRequest, CountSource, Finding, Setting } from './scope.ts'
import { walk } from './walk.ts'

export interface EstimateOptions {
  /** Undefined: it is not known. */
  readonly input?: Json
  /** Bytes of a function's result, and of an input that is not known. */
  readonly bytes: number
  /** Items of loops where the input does not say. */
  readonly items: number
  /** The same, by ids of loops. */
  readonly itemsOf?: ReadonlyMap<string, number>
  /** The flow of a `subflow` node, as it is written there; undefined: it is not at hand. */
  readonly flow?: (ref: string) => Plan | undefined
  readonly hints?: (plan: Plan) => FlowHints
  /** Epoch ms. */
  readonly now: number
}

export interface LoopCount {
  readonly loop: string
  readonly items: number
  readonly from: CountSource
}

export interface ChildEstimate {
  /** The node that starts it. */
  readonly node: string
  readonly flow: string
  readonly waited: boolean
  /** How often. */
  readonly runs: Range
  /** Undefined: the flow is not at hand, or calls itself. */
  readonly estimate: FlowEstimate | undefined
}

export interface FlowEstimate extends FlowCost {
  readonly plan: Plan
  readonly loops: readonly LoopCount[]
  readonly children: readonly ChildEstimate[]
}

export interface Estimate extends FlowEstimate {
  readonly findings: readonly Finding[]
}

const NO_HINTS: FlowHints = { short: [], queues: {} }
/** Children that are looked at each by itself; of more the first of the same flow stands for all. */
const CHILDREN = 200

export function estimate(plan: Plan, options: EstimateOptions): Estimate {
  const whole = new Estimator(options)
  const input = options.input ?? new Unknown(options.bytes)
  return { ...whole.flow(plan, input, [], undefined), findings: whole.findings }
}

class Estimator {
  readonly findings: Finding[] = []
  private readonly options: EstimateOptions
  private readonly assumed: Assumptions
  private readonly seen = new Set<string>()
  private readonly first = new Map<string, FlowEstimate>()
  private children = 0

  constructor(options: EstimateOptions) {
    const { bytes, items, itemsOf = new Map(), now } = options
    this.options = options
    this.assumed = { result: new Unknown(bytes), items, itemsOf, now }
  }

  /** `around`: the flows that call it, outermost first. */
  flow(
    plan: Plan,
    input: Guess,
    around: readonly string[],
    parent: { readonly node: string; readonly place: string } | undefined,
  ): FlowEstimate {
    const loops = new Map<string, LoopCount>()
    const started = new Map<string, Omit<ChildEstimate, 'runs'>>()
    const setting: Setting = {
      plan,
      hints: this.hintsOf(plan),
      depth: around.length,
      input,
      assumed: this.assumed,
      find: (finding, node, lineage) => this.find({ ...finding, flow: plan.flow, ...placeOf(node, lineage) }),
      counted: (loop, items, from) => loops.set(loop, { loop, items, from }),
      child: (request) => {
        const estimated = this.child(request, setting, [...around, plan.flow])
        started.set(request.node, { node: request.node, flow: request.flow, waited: request.wait, estimate: estimated })
        return this.answerOf(estimated)
      },
      walk,
    }
    const cost = plan.mode === 'express' ? costOfExpress(setting) : costOfFlow(setting, parent)
    const children = cost.rows.flatMap(({ node, runs }) => {
      const child = started.get(node)
      return child === undefined ? [] : [{ ...child, runs }]
    })
    return { ...cost, plan, loops: [...loops.values()], children }
  }

  private child({ flow, node, input }: ChildRequest, { plan, find }: Setting, around: readonly string[]): FlowEstimate | undefined {
    const found = this.options.flow?.(flow)
    const at = Object.values(plan.nodes).find(({ id }) => node === id || node.endsWith(`/${id}`)) as PlanSubflowNode
    const tell = (message: string, remedy: string): undefined => {
      find({ rule: 'subflow', severity: 'warning', message, remedy }, at, node)
    }
    if (found === undefined)
      return tell(`the flow ${flow} is not at hand: what it costs is not counted`, '--flows names the folder that it is in')
    if (around.includes(found.flow))
      return tell(
        `the flow ${flow} calls itself: only its first run is counted`,
        'times how often it does; at depth 11 a child is not started',
      )
    if (around.length > MAX_DEPTH)
      return tell(`the flow ${flow} would run at depth ${around.length}: SubflowDepthExceeded`, 'call it from further above')
    const known = this.children >= CHILDREN ? this.first.get(found.flow) : undefined
    if (known !== undefined) return known
    this.children += 1
    const estimated = this.flow(found, input, around, { node, place: `${node}#1` })
    if (!this.first.has(found.flow)) this.first.set(found.flow, estimated)
    return estimated
  }

  private answerOf(estimated: FlowEstimate | undefined): ChildAnswer {
    if (estimated === undefined) return { mode: 'standard', hints: NO_HINTS, output: this.assumed.result }
    const { plan, output } = estimated
    return { mode: plan.mode, hints: this.hintsOf(plan), output }
  }

  private hintsOf(plan: Plan): FlowHints {
    return this.options.hints?.(plan) ?? NO_HINTS
  }

  /** Each once: many children are of one flow. */
  private find(finding: Finding): void {
    const key = `${finding.flow}\0${finding.rule}\0${finding.node ?? ''}`
    if (this.seen.has(key)) return
    this.seen.add(key)
    this.findings.push(finding)
  }
}

function placeOf(node: PlanNode | undefined, lineage: string | undefined): Pick<Finding, 'node' | 'at'> {
  return node === undefined ? {} : { node: lineage ?? node.id, at: node.at }
}
