import { common, next, NODE_ID_PATTERN, nodeRef, onError, type Z } from './fields.ts'
import { functionNode } from './function.ts'
import { defineNode } from './node.ts'

export const service = defineNode({
  kind: 'service',
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
