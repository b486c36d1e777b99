/**
 * An independent look, without anything of ours: what both brokers still have, by their clients; the executions that the store has, by pg; and the
 * workflows that there were, by Temporal's client. What was sent to each are numbers from 0: `{ n }` to Kafka, and to RabbitMQ with the id `m` and the number.
 *
 * Usage: node audit.ts <ChildOptions as JSON> <numbers sent>; prints JSON.
 */
import { inflateSync } from 'node:zlib'
import { Client as Temporal, Connection } from '@temporalio/client'
import { connect } from 'amqplib'
import { Kafka, logLevel } from 'kafkajs'
import pg from 'pg'
import { FLOWS, type ChildOptions } from './killed-child.ts'

export interface Audit {
  readonly flow: string
  readonly executions: number
  /** A few of them. */
  readonly missing: readonly number[]
  readonly doubled: readonly number[]
  /** Executions that Temporal has no workflow of, and workflows without an execution. */
  readonly strange: readonly string[]
  /** What the broker does not know to be handled. */
  readonly left: number
  /** Of the largest execution. */
  readonly largest: number
}

const FEW = 10

/** Inputs by id. */
async function executionsOf(store: string, flow: string): Promise<Map<string, number[]>> {
  const client = new pg.Client({ connectionString: store })
  await client.connect()
  const { rows } = await client.query<{ id: string; input: Buffer }>('SELECT id, input FROM fnflow.executions WHERE flow = $1', [flow])
  await client.end()
  return new Map(
    rows.map(({ id, input }) => {
      const text = (input[0] === 0x78 ? inflateSync(input) : input).toString()
      const { records } = JSON.parse(text) as {
        readonly records: readonly { readonly messages: readonly (number | { readonly n: number })[] }[]
      }
      return [id, records.flatMap(({ messages }) => messages).map((message) => (typeof message === 'number' ? message : message.n))]
    }),
  )
}

async function workflowsOf(client: Temporal, flow: string): Promise<Set<string>> {
  const ids = new Set<string>()
  for await (const { workflowId } of client.workflow.list({ query: `WorkflowType = '${flow}'` })) ids.add(workflowId)
  return ids
}

async function leftOf({ kafka, rabbitmq, topics, groupId, queues }: ChildOptions): Promise<number[]> {
  const admin = new Kafka({ brokers: [kafka], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const lag = async (topic: string, group: string): Promise<number> => {
    const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
    const committed = new Map(found!.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
    const ranges = await admin.fetchTopicOffsets(topic)
    return ranges.reduce((sum, { partition, high }) => sum + Number(high) - Math.max(0, committed.get(partition) ?? 0), 0)
  }
  const lags = [await lag(topics[0], `${groupId}-records`), await lag(topics[1], `${groupId}-batches`)]
  await admin.disconnect()
  const connection = await connect(rabbitmq)
  const channel = await connection.createChannel()
  for (const queue of queues) lags.push((await channel.checkQueue(queue)).messageCount)
  await connection.close()
  return lags
}

const [given = '', sent = ''] = process.argv.slice(2)
const options = JSON.parse(given) as ChildOptions
const connection = await Connection.connect({ address: options.address })
const temporal = new Temporal({ connection, namespace: options.namespace })
const left = await leftOf(options)
const audits: Audit[] = []
for (const [at, flow] of FLOWS.entries()) {
  const [executions, workflows] = [await executionsOf(options.store, flow), await workflowsOf(temporal, flow)]
  const all = [...executions.values()].flat()
  const seen = new Set(all)
  const few = <T>(values: readonly T[]): T[] => values.slice(0, FEW)
  audits.push({
    flow,
    executions: executions.size,
    missing: few(Array.from({ length: Number(sent) }, (_, n) => n).filter((n) => !seen.has(n))),
    doubled: few(all.filter((n, index) => all.indexOf(n) !== index)),
    strange: few([...[...workflows].filter((id) => !executions.has(id)), ...[...executions.keys()].filter((id) => !workflows.has(id))]),
    left: left[at]!,
    largest: Math.max(0, ...[...executions.values()].map(({ length }) => length)),
  })
}
await connection.close()
console.log(JSON.stringify(audits))
