import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel, Partitioners, type Producer } from 'kafkajs'
import { mendRequestQueue } from '../../connectors/kafka/mend.ts'
import { startServices } from '../../scripts/services/start.ts'
import { OUR_FLAGS } from '../http/processes.ts'
import type { Bench, BenchResult, BenchSettings } from '../result.ts'
import type { Mode } from '../workloads.ts'
import { resultOf, startSide, type Consumed, type Side } from './sides.ts'

const PARTITIONS = 4
/** Of one request of the load. */
const CHUNK = 500
/** Messages a second where latencies are taken: far from what either side could do. */
const PACE = 200

/** From a topic to executions: against a bare consumer of the same client that writes a row for each message. */
export const kafka: readonly Bench[] = (['express', 'standard'] as const).map((mode) => ({
  name: `connectors-kafka-${mode}`,
  about: `a topic of ${PARTITIONS} partitions, one ${mode} execution of W3 for each message`,
  onlyNamed: true,
  run: (settings) => measure(mode, settings),
}))

async function measure(mode: Mode, settings: BenchSettings): Promise<BenchResult> {
  const { quick, rounds: asked, folder, note } = settings
  const here = mkdtempSync(join(folder, 'kafka-'))
  mkdirSync(join(here, 'store'))
  mendRequestQueue()
  const services = await startServices(['kafka'], { log: note })
  const address = services.addresses.kafka
  const client = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING })
  const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  const ours = await startSide('kafka-ours', [join(here, 'store'), address, mode], OUR_FLAGS)
  const reference = await startSide('kafka-reference', [join(here, 'reference.db'), address])
  try {
    await producer.connect()
    const topic = `bench-${mode}-${Date.now()}`
    const admin = client.admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS }], waitForLeaders: true })
    await admin.disconnect()
    const count = quick ? 10_000 : 40_000
    await fill(producer, topic, count)
    const rounds = asked ?? (quick ? 3 : 7)
    let group = 0
    for (let round = -1; round < rounds; round++) {
      for (const side of [ours, reference]) {
        const name = `${topic}-${++group}`
        const before = await side.program.ask<number>({ what: 'cpu' })
        const { ms } = await side.program.ask<Consumed>({ what: 'consume', topic, name, count })
        const used = (await side.program.ask<number>({ what: 'cpu' })) - before
        await side.program.ask({ what: 'leave' })
        if (round < 0) continue
        side.rates.push((count * 1000) / ms)
        side.cpuUs.push((used * 1000) / count)
      }
    }
    const peaks = [
      await ours.program.ask<{ peak: number }>({ what: 'memory' }),
      await reference.program.ask<{ peak: number }>({ what: 'memory' }),
    ]
    const paced = quick ? 400 : 2000
    await latenciesOf(ours, producer, topic, `${topic}-${++group}`, count, paced)
    await latenciesOf(reference, producer, topic, `${topic}-${++group}`, count + paced, paced)
    return resultOf('kafkajs', ours, reference, peaks[0]!.peak - peaks[1]!.peak)
  } finally {
    await producer.disconnect()
    for (const { program } of [ours, reference]) {
      await program.ask({ what: 'close' }).catch(() => undefined)
      await program.end()
    }
    await services.stop()
    rmSync(here, { recursive: true, force: true })
  }
}

async function fill(producer: Producer, topic: string, count: number): Promise<void> {
  for (let at = 0; at < count; at += CHUNK) {
    const messages = Array.from({ length: Math.min(CHUNK, count - at) }, (_, i) => messageOf(at + i))
    await producer.send({ topic, acks: -1, messages })
  }
}

function messageOf(at: number) {
  return {
    partition: at % PARTITIONS,
    key: `order-${at}`,
    value: JSON.stringify({ n: 7, t: Number(process.hrtime.bigint()), order: at, of: 'bench' }),
  }
}

/** At a pace at which nobody waits: what is there already is read before. */
async function latenciesOf(side: Side, producer: Producer, topic: string, name: string, there: number, count: number): Promise<void> {
  await side.program.ask({ what: 'consume', topic, name, count: there })
  const done = side.program.ask<Consumed>({ what: 'expect', count })
  const began = performance.now()
  for (let at = 0; at < count; at++) {
    await producer.send({ topic, acks: -1, messages: [messageOf(at)] })
    const early = ((at + 1) * 1000) / PACE - (performance.now() - began)
    if (early > 1) await sleep(early)
  }
  side.latencies.push(...(await done).latencies)
  await side.program.ask({ what: 'leave' })
}
