/**
 * A bare consumer of the same client: a row for each message, 256 of them at a time in one transaction, and the offsets behind each fetch. It has no ids, no places,
 * no flows, and no order to keep. `node kafka-reference.mjs <file> <host:port>`
 */
import { Kafka, logLevel } from 'kafkajs'
import { HandWrittenStore } from '../../reference-durable.ts'
import { cpuMs, serveParent } from '../../http/programs/child.mjs'
import { memory, Watch } from './watch.mjs'

// the client's own timers at negative times, of which Node warns, are no matter of this figure: both sides have them mended
import { mendRequestQueue } from '../../../connectors/kafka/mend.ts'

/** As ours: so many messages are taken and not committed to SQLite, at most. */
const IN_FLIGHT = 256
const [, , file, address] = process.argv
mendRequestQueue()
const store = new HandWrittenStore(file)
const watch = new Watch()
const kafka = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING })
let consumer = null

serveParent(async ({ what, topic, name, count }) => {
  switch (what) {
    case 'consume': {
      const done = watch.expect(count)
      consumer = kafka.consumer({ groupId: name, maxWaitTimeInMs: 250 })
      await consumer.connect()
      await consumer.subscribe({ topics: [topic], fromBeginning: true })
      await consumer.run({ autoCommit: false, eachBatch: take })
      return done
    }
    case 'expect':
      return watch.expect(count)
    case 'leave':
      await consumer.disconnect()
      return null
    case 'cpu':
      return cpuMs()
    case 'memory':
      return memory()
    case 'close':
      store.close()
      return null
  }
})

async function take({ batch: { topic, partition, messages } }) {
  for (let at = 0; at < messages.length; at += IN_FLIGHT) {
    const rows = messages.slice(at, at + IN_FLIGHT).map(async ({ value }) => {
      const message = JSON.parse(value.toString())
      await store.start(store.newId(), topic, message)
      watch.handled(message.t)
    })
    await Promise.all(rows)
  }
  await consumer.commitOffsets([{ topic, partition, offset: String(Number(messages.at(-1).offset) + 1) }])
}
