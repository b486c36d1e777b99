import type { PreparedNode } from '../core/prepare.ts'
import type { Step } from '../core/step-type.ts'
import { NodeError } from '../errors.ts'
import { type Json, type JsonObject, isJsonObject, setMember } from '../json.ts'
import type { PlanServiceNode } from '../plan.ts'
import { NODE_ID_PATTERN, type Z, common, next, nodeRef, onError } from './fields.ts'
import { functionNode } from './function.ts'
import { defineNode } from './node.ts'

interface ServiceDetail {
  /** Serial: the one start; parallel: all, in the order of definition. */
  readonly starts: readonly PreparedNode[]
}

/** Several functions as one node: a chain, or all at once with their outputs merged. */
const step: Step = {
  builds: true,
  prepare(plan: PlanServiceNode, context): ServiceDetail {
    const graph = context.graph(plan.nodes)
    const start = plan.start === undefined ? undefined : graph.get(plan.start)
    return { starts: plan.execution === 'serial' && start !== undefined ? [start] : [...graph.values()] }
  },
  start(run, core) {
    const { starts } = run.node.detail as ServiceDetail
    const attempt = run.attempt
    run.memory = new Map<number, Json>()
    for (let index = 0; index < starts.length; index++) {
      core.spawn(run, index, starts[index] as PreparedNode, run.input, null)
      if (!run.active || run.attempt !== attempt || run.status === 'retrying') return
    }
  },
  childEnded(run, core, index, ok, value) {
    if (!ok) return core.fail(run, value as never)
    if ((run.node.plan as PlanServiceNode).execution === 'serial') return core.complete(run, value)
    const { starts } = run.node.detail as ServiceDetail
    if (!isJsonObject(value)) {
      const what = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`
      const error = new NodeError(
        'NotAnObject',
        `service ${run.node.id}: the output of ${starts[index]?.id ?? index} is ${what}; only objects can be merged`,
      )
      return core.fail(run, error.document)
    }
    const outputs = run.memory as Map<number, Json>
    outputs.set(index, value)
    if (outputs.size < starts.length) return
    const merged: JsonObject = {}
    for (let at = 0; at < starts.length; at++) {
      for (const [key, member] of Object.entries(outputs.get(at) as JsonObject)) setMember(merged, key, member)
    }
    core.complete(run, merged)
  },
}

export const service = defineNode({
  kind: 'service',
  step,
  schema: (z: Z) =>
    z.strictObject({
      type: z.literal('service'),
      ...common(z),
      execution: z
        .enum(['serial', 'parallel'])
        .meta({ description: 'One after the other, or all at once with their outputs merged.', default: 'serial' })
        .optional(),
      start: nodeRef(z, 'First function of a serial service; found by itself if left out.').optional(),
      nodes: z
        .record(z.string().regex(new RegExp(NODE_ID_PATTERN)), functionNode.schema(z))
        .meta({ description: 'The functions.', graph: true }),
      ...next(z),
      ...onError(z),
    }),
  hasNext: true,
  mayFail: true,
  inner: { rule: 'service-body', allowed: ['function'], shape: (node) => (node['execution'] === 'parallel' ? 'loose' : 'chain') },
  compile(node, { base, graph }) {
    const { nodes, entry } = graph(node.nodes)
    const execution = node.execution ?? 'serial'
    return { ...base, type: 'service', execution, ...(execution === 'serial' ? { start: node.start ?? entry } : {}), nodes }
  },
})
