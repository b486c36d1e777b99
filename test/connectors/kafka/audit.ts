/**
 * An independent look, without anything of ours: every record that the broker has, by kafkajs, and every execution that the store has, by SQLite.
 *
 * Usage: node audit.ts <store folder> <host:port> <topic>…; prints JSON.
 */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kafka, logLevel } from 'kafkajs'

export interface Audit {
  readonly records: number
  readonly executions: number
  /** `topic/partition/offset`, a few of them. */
  readonly missing: readonly string[]
  readonly doubled: readonly string[]
  /** Started behind one that came later, or with another value than the broker has. */
  readonly disordered: readonly string[]
  readonly wrong: readonly string[]
  /** Executions by the number of their records. */
  readonly sizes: Readonly<Record<string, number>>
}

const FEW = 10

async function recordsOf(address: string, topics: readonly string[]): Promise<Map<string, string>> {
  const kafka = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  let left = 0
  for (const topic of topics) for (const { high, low } of await admin.fetchTopicOffsets(topic)) left += Number(high) - Number(low)
  await admin.disconnect()
  const records = new Map<string, string>()
  if (left === 0) return records
  const consumer = kafka.consumer({ groupId: `audit-${process.pid}-${Date.now()}`, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topics: [...topics], fromBeginning: true })
  await new Promise<void>((resolve) => {
    void consumer.run({
      eachBatch: async ({ batch }) => {
        for (const { offset, value } of batch.messages) records.set(`${batch.topic}/${batch.partition}/${offset}`, value!.toString())
        if (records.size >= left) resolve()
      },
    })
  })
  await consumer.disconnect()
  return records
}

function audit(store: string, records: ReadonlyMap<string, string>): Audit {
  const database = new DatabaseSync(join(store, 'fnflow.db'), { readOnly: true })
  const rows = database.prepare('SELECT input FROM executions ORDER BY key').iterate()
  const seen = new Set<string>()
  const last = new Map<string, number>()
  const [doubled, disordered, wrong]: [string[], string[], string[]] = [[], [], []]
  const sizes: Record<string, number> = {}
  let executions = 0
  for (const { input } of rows as Iterable<{ input: string }>) {
    executions++
    const [{ topic_id: topic, partition, messages, metadata }] = JSON.parse(input).records
    sizes[messages.length] = (sizes[messages.length] ?? 0) + 1
    for (const [at, { offset }] of metadata.entries()) {
      const name = `${topic}/${partition}/${offset}`
      if (seen.has(name)) doubled.push(name)
      seen.add(name)
      if (offset < (last.get(`${topic}/${partition}`) ?? -1)) disordered.push(name)
      last.set(`${topic}/${partition}`, offset)
      if (records.get(name) !== JSON.stringify(messages[at])) wrong.push(name)
    }
  }
  database.close()
  const missing = [...records.keys()].filter((name) => !seen.has(name))
  const few = (all: string[]): string[] => (all.length > FEW ? [...all.slice(0, FEW), `and ${all.length - FEW} more`] : all)
  return {
    records: records.size,
    executions,
    missing: few(missing),
    doubled: few(doubled),
    disordered: few(disordered),
    wrong: few(wrong),
    sizes,
  }
}

const [store = '', address = '', ...topics] = process.argv.slice(2)
console.log(JSON.stringify(audit(store, await recordsOf(address, topics))))
