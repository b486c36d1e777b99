import type { z } from 'zod'
import { callback } from './nodes/callback.ts'
import { condition } from './nodes/condition.ts'
import { end } from './nodes/end.ts'
import { errorNode } from './nodes/error.ts'
import { event } from './nodes/event.ts'
import { duration, FLOW_NAME_PATTERN, NODE_ID_PATTERN, nodeRef, type Z } from './nodes/fields.ts'
import { functionNode } from './nodes/function.ts'
import { loop } from './nodes/loop.ts'
import { parallel } from './nodes/parallel.ts'
import { pass } from './nodes/pass.ts'
import { service } from './nodes/service.ts'
import { subflow } from './nodes/subflow.ts'
import { wait } from './nodes/wait.ts'
import { MOST_TRIGGERS } from './triggers/fields.ts'
import { http } from './triggers/http.ts'
import { kafka } from './triggers/kafka.ts'
import { rabbitmq } from './triggers/rabbitmq.ts'
import { timer } from './triggers/timer.ts'
import { topic } from './triggers/topic.ts'

/** A node of any kind. Written out, since a loop over the table would lose the types. */
export const nodeSchema = (z: Z) =>
  z.discriminatedUnion('type', [
    functionNode.schema(z),
    event.schema(z),
    callback.schema(z),
    subflow.schema(z),
    parallel.schema(z),
    condition.schema(z),
    loop.schema(z),
    service.schema(z),
    wait.schema(z),
    errorNode.schema(z),
    pass.schema(z),
    end.schema(z),
  ])

/** A trigger of any kind. */
const triggerSchema = (z: Z) =>
  z.discriminatedUnion('type', [timer.schema(z), kafka.schema(z), rabbitmq.schema(z), http.schema(z), topic.schema(z)])

/** A flow file (flow-language.md, 1). */
export const flowSchema = (z: Z) =>
  z
    .strictObject({
      flow: z.string().regex(new RegExp(FLOW_NAME_PATTERN)).meta({
        description: "The flow's name.",
        expected: 'a name of at most 64 letters, digits, _ and - that begins with a letter and does not end in - or _',
      }),
      description: z
        .string()
        .max(512)
        .meta({ description: 'At most 512 characters.', expected: 'a text of at most 512 characters' })
        .optional(),
      mode: z
        .enum(['standard', 'express'])
        .meta({ description: 'standard: durable. express: in memory, for at most 5 minutes.', default: 'standard' })
        .optional(),
      mergeInput: z.boolean().meta({ description: 'Params are laid over the filtered input.', default: false }).optional(),
      timeout: duration(z, 'For the whole execution; none by default, in an express flow 5m.').optional(),
      triggers: z
        .array(triggerSchema(z))
        .max(MOST_TRIGGERS)
        .meta({ description: 'What starts the flow.', graph: true, rule: 'too-many-nodes', expected: 'a list of at most 10 triggers' })
        .optional(),
      start: nodeRef(z, 'The first node.'),
      nodes: z
        .record(z.string().regex(new RegExp(NODE_ID_PATTERN)), nodeSchema(z))
        .meta({ description: 'The nodes by id.', graph: true, expected: 'an object of nodes by id' }),
      layout: z.record(z.string(), z.unknown()).meta({ description: "The designer's; no effect on execution." }).optional(),
    })
    .meta({ title: 'fnflow flow', description: 'A flow of functions.' })

/** A flow definition, checked. */
export type FlowDefinition = z.infer<ReturnType<typeof flowSchema>>
/** What authors write; the same, as no field is transformed. */
export type FlowInput = z.input<ReturnType<typeof flowSchema>>
