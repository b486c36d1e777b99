import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel, Partitioners, type Producer } from 'kafkajs'
import { mendRequestQueue } from '../../connectors/kafka/mend.ts'
import { startServices } from '../../scripts/services/start.ts'
import { Program } from '../http/processes.ts'
import { median, quantile, range } from '../measure.ts'
import { atLeast, pair, rounded, type Bench, type BenchResult, type BenchSettings } from '../result.ts'
import type { Mode } from '../workloads.ts'

const PARTITIONS = 4
/** Of one request of the load. */
const CHUNK = 500
/** Messages a second where latencies are taken: far from what either side could do. */
const PACE = 200
const RATIO = 0.6
const LATER_MS = 2
const MORE_MB = 100
const PROGRAMS = new URL('programs/', import.meta.url)

/** From a topic to executions: against a bare consumer of the same client that writes a row for each message. */
export const kafka: readonly Bench[] = (['express', 'standard'] as const).map((mode) => ({
  name: `connectors-kafka-${mode}`,
  about: `a topic of ${PARTITIONS} partitions, one ${mode} execution of W3 for each message`,
  onlyNamed: true,
  run: (settings) => measure(mode, settings),
}))

/** One side, in its own process. */
interface Side {
  readonly program: Program
  readonly rates: number[]
  readonly cpuUs: number[]
  readonly latencies: number[]
}

interface Consumed {
  readonly ms: number
  readonly latencies: readonly number[]
}

async function measure(mode: Mode, settings: BenchSettings): Promise<BenchResult> {
  const { quick, rounds: asked, folder, note } = settings
  const here = mkdtempSync(join(folder, 'kafka-'))
  mkdirSync(join(here, 'store'))
  mendRequestQueue()
  const services = await startServices(['kafka'], { log: note })
  const address = services.addresses.kafka
  const client = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING })
  const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  const { FNFLOW_BENCH_PROFILES: profiles } = process.env
  const flags = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`]
  const sideOf = async (name: string, args: readonly string[]): Promise<Side> => ({
    program: await Program.start(new URL(`${name}.mjs`, PROGRAMS), args, flags),
    rates: [],
    cpuUs: [],
    latencies: [],
  })
  const ours = await sideOf('kafka-ours', [join(here, 'store'), address, mode])
  const reference = await sideOf('kafka-reference', [join(here, 'reference.db'), address])
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
    return resultOf(ours, reference, peaks[0]!.peak - peaks[1]!.peak)
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

function resultOf(ours: Side, reference: Side, moreMb: number): BenchResult {
  const ratio = median(ours.rates) / median(reference.rates)
  const sorted = (side: Side): Float64Array => Float64Array.from(side.latencies).sort()
  const at = (q: number) => pair(quantile(sorted(ours), q), quantile(sorted(reference), q))
  const p50 = at(0.5)
  const laterMs = p50.ours - p50.reference
  const target = atLeast('ratio', ratio, RATIO)
  const misses = [
    ...(laterMs > LATER_MS ? [`p50 ${rounded(laterMs)} ms later, over the ${LATER_MS} wanted`] : []),
    ...(moreMb > MORE_MB ? [`${rounded(moreMb)} MB more, over the ${MORE_MB} wanted`] : []),
  ]
  return {
    ours: rounded(median(ours.rates)),
    reference: rounded(median(reference.rates)),
    ratio: rounded(ratio),
    unit: '/s',
    better: 'higher',
    against: 'a bare consumer of kafkajs that writes a row for each message, group-committed',
    spread: { ours: range(ours.rates), reference: range(reference.rates) },
    rounds: ours.rates.length,
    latencyMs: { p50, p99: at(0.99) },
    target: misses.length === 0 ? target : { ...target, what: ['ratio', ...misses].join('; '), met: false },
    more: {
      cpuUs: `${rounded(median(ours.cpuUs))} (${rounded(median(reference.cpuUs))})`,
      laterMs: rounded(laterMs),
      moreMb: rounded(moreMb),
    },
  }
}
