/**
 * A bare consumer of the same client: a row for each message, those of a turn of the event loop in one transaction, then its acknowledgement. It has no ids, no
 * ledger and no flows. `node rabbitmq-reference.mjs <file> <amqp URL>`
 */
import { connect } from 'amqplib'
import { HandWrittenStore } from '../../reference-durable.ts'
import { cpuMs, serveParent } from '../../http/programs/child.mjs'
import { memory, Watch } from './watch.mjs'

/** As ours. */
const PREFETCH = 100
const [, , file, url] = process.argv
const store = new HandWrittenStore(file)
const watch = new Watch()
const connection = await connect(url, { noDelay: true })
let channel = null

serveParent(async ({ what, queue, count }) => {
  switch (what) {
    case 'consume': {
      const done = watch.expect(count)
      channel = await connection.createChannel()
      await channel.prefetch(PREFETCH)
      await channel.consume(queue, (message) => void take(queue, message))
      return done
    }
    case 'expect':
      return watch.expect(count)
    case 'leave':
      await channel.close()
      return null
    case 'cpu':
      return cpuMs()
    case 'memory':
      return memory()
    case 'close':
      await connection.close()
      store.close()
      return null
  }
})

async function take(queue, message) {
  const value = JSON.parse(message.content.toString())
  await store.start(store.newId(), queue, value)
  channel.ack(message)
  watch.handled(value.t)
}
