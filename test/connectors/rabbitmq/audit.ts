/**
 * An independent look, without anything of ours: what the broker still has, by amqplib, and every execution that the store has, by SQLite. The
 * messages that were sent are numbers from 0, each with the id `m` and the number.
 *
 * Usage: node audit.ts <store folder> <amqp URL> <queue> <flow> <messages sent> …; the last three again for each queue. Prints JSON, one audit for each.
 */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { connect } from 'amqplib'

export interface Audit {
  /** Still in the queue. */
  readonly left: number
  readonly executions: number
  readonly messages: number
  /** Ids, a few of them. */
  readonly missing: readonly string[]
  readonly doubled: readonly string[]
  /** With another body than was sent. */
  readonly wrong: readonly string[]
  /** Executions by the number of their messages. */
  readonly sizes: Readonly<Record<string, number>>
}

const FEW = 10
const few = (all: string[]): string[] => (all.length > FEW ? [...all.slice(0, FEW), `and ${all.length - FEW} more`] : all)

interface Input {
  readonly records: readonly { readonly messages: readonly unknown[]; readonly metadata: readonly { readonly messageId: string }[] }[]
}

function audit(database: DatabaseSync, flow: string, sent: number, left: number): Audit {
  const seen = new Set<string>()
  const [doubled, wrong]: [string[], string[]] = [[], []]
  const sizes: Record<string, number> = {}
  let executions = 0
  for (const { input } of database.prepare('SELECT input FROM executions WHERE flow = ?').iterate(flow) as Iterable<{ input: string }>) {
    executions++
    const { records } = JSON.parse(input) as Input
    const messages = records.flatMap((record) => record.messages)
    const ids = records.flatMap(({ metadata }) => metadata.map(({ messageId }) => messageId))
    sizes[messages.length] = (sizes[messages.length] ?? 0) + 1
    for (const [at, id] of ids.entries()) {
      if (seen.has(id)) doubled.push(id)
      seen.add(id)
      if (id !== `m${String(messages[at])}`) wrong.push(id)
    }
  }
  const missing = Array.from({ length: sent }, (_, n) => `m${n}`).filter((id) => !seen.has(id))
  return { left, executions, messages: seen.size, missing: few(missing), doubled: few(doubled), wrong: few(wrong), sizes }
}

const [store = '', url = '', ...queues] = process.argv.slice(2)
const connection = await connect(url)
const channel = await connection.createChannel()
const database = new DatabaseSync(join(store, 'fnflow.db'), { readOnly: true })
const audits: Audit[] = []
for (let at = 0; at < queues.length; at += 3) {
  const [queue, flow, sent] = queues.slice(at, at + 3) as [string, string, string]
  const { messageCount } = await channel.checkQueue(queue)
  audits.push(audit(database, flow, Number(sent), messageCount))
}
await connection.close()
console.log(JSON.stringify(audits))
