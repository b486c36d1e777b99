import { z } from 'zod'
import { answer, textAnswer } from './answers.ts'
import { anyJson, cursor, limit, listOf, pageOf, time } from './common.ts'
import { errorDocument } from './errors.ts'
import { named } from './registry.ts'

const nodeStatus = named(
  'NodeStatus',
  z.enum(['running', 'retrying', 'waiting', 'succeeded', 'failed', 'caught', 'cancelled']).meta({ description: 'State of a node.' }),
)

const count = z.int().min(0)

const EXAMPLE = {
  id: 'charge',
  place: 'charge',
  type: 'function',
  label: 'Charge the card',
  status: 'succeeded',
  attempts: 1,
  startedAt: 1782900000010,
  endedAt: 1782900000400,
  input: { orderId: 17 },
  output: { charged: true },
} as const

/** What became of one node. */
export const nodeRecord = named(
  'Node',
  z
    .strictObject({
      id: z.string(),
      place: z.string().meta({ description: '`each[17]/charge`: the containers with branch or iteration index, then the id.' }),
      type: z.string(),
      label: z.string(),
      status: nodeStatus,
      attempts: count.meta({ description: 'Invocations made; of a container its runs.' }),
      startedAt: time,
      endedAt: time.optional(),
      input: anyJson.optional().meta({ description: 'Behind the input filter.' }),
      output: anyJson.optional().meta({ description: 'Behind the output filter; of a caught node its error document.' }),
      error: errorDocument.optional(),
      unresolved: listOf(z.string()).optional().meta({ description: 'References of its parameters that yielded nothing.' }),
      iterations: z
        .strictObject({ total: count, succeeded: count, failed: count, running: count })
        .optional()
        .meta({ description: 'Of a loop.' }),
    })
    .meta({ description: 'What became of one node.', examples: [EXAMPLE] }),
)

export const nodePage = pageOf('NodePage', nodeRecord, EXAMPLE)

const LINE = {
  time: 1782900000020,
  requestId: '0197f3c1-a2b4-8e5d-8c90-12ab34cd56ef',
  level: 'info',
  text: 'charging order 17',
  node: 'charge',
  attempt: 1,
} as const

const logLine = named(
  'LogLine',
  z
    .strictObject({
      time,
      requestId: z.string(),
      level: z.enum(['debug', 'info', 'warn', 'error']),
      text: z.string(),
      node: z.string().optional(),
      attempt: z.int().min(1).optional().meta({ description: 'Of the node; absent from lines of earlier versions.' }),
    })
    .meta({ description: 'A line that a function has logged.', examples: [LINE] }),
)

export const logQuery = z.strictObject({
  limit: limit.optional(),
  cursor: cursor.optional(),
  follow: z.enum(['true', 'false']).optional().meta({ description: 'As server-sent events, until the execution has ended.' }),
})

const logStream = textAnswer(
  '',
  'text/event-stream',
  `event: log\nid: 12\ndata: ${JSON.stringify(LINE)}\n\nevent: end\nid: 12\ndata: {}\n\n`,
)

export const logAnswer = {
  description: 'a page of lines, by time; with `follow` events `log`, their `data` a LogLine, and one `end`',
  headers: [],
  content: { ...answer('', pageOf('LogPage', logLine, LINE)).content, ...logStream.content },
} as const
