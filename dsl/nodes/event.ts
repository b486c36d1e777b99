import { contextOf } from '../core/context.ts'
import type { NodeRun } from '../core/state.ts'
import type { CloudEvent } from '../cloud-event.ts'
import { placeOf } from '../core/place.ts'
import type { Step } from '../core/step-type.ts'
import { checkBounds } from '../json-bounds.ts'
import type { Json } from '../json.ts'
import type { CompiledTemplate } from '../params.ts'
import type { PlanEventNode } from '../plan.ts'
import { type Z, common, next, onError, text } from './fields.ts'
import { defineNode } from './node.ts'

/** Closures of an `event` node: the template of its data, or null for its input; that of its key, or null for none. */
interface EventDetail {
  readonly data: CompiledTemplate | null
  readonly key: CompiledTemplate | null
}

/** Publishes one CloudEvent; the host makes and sends it. */
const step: Step = {
  prepare: (plan: PlanEventNode, context): EventDetail => ({
    data: plan.data === undefined ? null : context.template(plan.data),
    key: plan.key === undefined ? null : context.template(plan.key),
  }),
  start: (run, core) => core.effect(run, 'publish'),
}

/** The data of a run's event, and the paths in it that found nothing. */
export function eventData(run: NodeRun): { readonly value: Json; readonly unresolved: readonly string[] | undefined } {
  const { data } = run.node.detail as EventDetail
  return data === null ? { value: run.input, unresolved: undefined } : data.resolve(run.input, contextOf(run))
}

/** Undefined where there is none, and where its path finds nothing, or null; what is no text is one as JSON. Throws NodeError. */
function keyOf(run: NodeRun): string | undefined {
  const { key } = run.node.detail as EventDetail
  if (key === null) return undefined
  const value = key.value(run.input, contextOf(run))
  if (value === null || typeof value === 'string') return value ?? undefined
  checkBounds(value, `the key of event node ${run.node.id}`)
  return JSON.stringify(value)
}

/** The event that a run publishes; its id is the same whenever it is published again. Throws NodeError for data, or a key, that cannot be put together. */
export function cloudEventOf(run: NodeRun, executionId: string): CloudEvent {
  const plan = run.node.plan as PlanEventNode
  const data = eventData(run).value
  checkBounds(data, `the data of event node ${run.node.id}`)
  const key = keyOf(run)
  const { flow } = run.scope
  return {
    specversion: '1.0',
    id: `${executionId}/${placeOf(run)}`,
    source: plan.source ?? `/flows/${flow.prepared.plan.flow}`,
    type: plan.eventType ?? 'fnflow.event',
    ...(plan.subject === undefined ? {} : { subject: plan.subject }),
    ...(key === undefined ? {} : { partitionkey: key }),
    time: new Date(flow.now).toISOString(),
    datacontenttype: 'application/json',
    data,
  }
}

export const event = defineNode({
  kind: 'event',
  step,
  schema: (z: Z) =>
    z.strictObject({
      type: z.literal('event'),
      channel: text(z, 'A configured event channel.'),
      ...common(z),
      source: text(z, 'CloudEvents source.').optional(),
      data: z.unknown().meta({ description: "Template of the event's data; the node's input by default.", format: 'template' }).optional(),
      subject: text(z, 'CloudEvents subject.').optional(),
      eventType: text(z, 'CloudEvents type.').optional(),
      key: z
        .string()
        .meta({
          description:
            'A text or a JSONPath: events of one key keep their order. Key of a Kafka record (by default the subject), CloudEvents partitionkey.',
          format: 'template',
          expected: 'a text or a JSONPath such as "$.order.id"',
        })
        .optional(),
      ...next(z),
      ...onError(z),
    }),
  hasNext: true,
  mayFail: true,
  check(node, check) {
    if (typeof node['channel'] === 'string') check.usesChannel(node['channel'], ['channel'])
  },
  compile: (node, { base }) => ({
    ...base,
    type: 'event',
    channel: node.channel,
    ...(node.source === undefined ? {} : { source: node.source }),
    ...(node.data === undefined ? {} : { data: node.data as Json }),
    ...(node.subject === undefined ? {} : { subject: node.subject }),
    ...(node.eventType === undefined ? {} : { eventType: node.eventType }),
    ...(node.key === undefined ? {} : { key: node.key }),
  }),
})
