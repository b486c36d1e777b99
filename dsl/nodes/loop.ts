import { parseDuration } from '../duration.ts'
import { errorNode } from './error.ts'
import { common, duration, jsonPath, next, NODE_ID_PATTERN, nodeRef, onError, resultName, type Z } from './fields.ts'
import { functionNode } from './function.ts'
import { defineNode } from './node.ts'
import { pass } from './pass.ts'
import { wait } from './wait.ts'

export const loop = defineNode({
  kind: 'loop',
  schema: (z: Z) =>
    z.strictObject({
      type: z.literal('loop'),
      items: jsonPath(z, "The array in the node's input."),
      ...common(z),
      as: resultName(z, "Name of the element in an iteration's input.", 'item').optional(),
      resultPath: resultName(z, "The output's member that holds the list of the iterations' outputs.", 'result').optional(),
      concurrency: z
        .int()
        .min(0)
        .max(100)
        .meta({ description: 'Iterations at one time; 0: no limit.', default: 0, rule: 'loop-concurrency' })
        .optional(),
      interval: duration(z, 'Between the starts of two iterations; 0 by default.').optional(),
      tolerate: z.int().min(0).meta({ description: 'How many iterations may fail.', default: 0 }).optional(),
      start: nodeRef(z, 'First node of the inner graph; found by itself if left out.').optional(),
      nodes: z
        .record(
          z.string().regex(new RegExp(NODE_ID_PATTERN)),
          z.discriminatedUnion('type', [functionNode.schema(z), wait.schema(z), errorNode.schema(z), pass.schema(z)]),
        )
        .meta({ description: 'The inner graph, run once per element.', graph: true }),
      ...next(z),
      ...onError(z),
    }),
  hasNext: true,
  mayFail: true,
  inner: { rule: 'loop-body', allowed: ['function', 'wait', 'error', 'pass'], shape: () => 'entry' },
  compile(node, { base, graph }) {
    const { nodes, entry } = graph(node.nodes)
    return {
      ...base,
      type: 'loop',
      items: node.items,
      as: node.as ?? 'item',
      resultPath: node.resultPath ?? 'result',
      concurrency: node.concurrency ?? 0,
      intervalMs: node.interval === undefined ? 0 : parseDuration(node.interval)!,
      tolerate: node.tolerate ?? 0,
      start: node.start ?? entry,
      nodes,
    }
  },
})
