import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type ConfirmChannel } from 'amqplib'
import { startServices } from '../../scripts/services/start.ts'
import { Program } from '../http/processes.ts'
import { median, quantile, range } from '../measure.ts'
import { atLeast, pair, rounded, type Bench, type BenchResult, type BenchSettings } from '../result.ts'
import type { Mode } from '../workloads.ts'

/** Messages a second where latencies are taken: far from what either side could do. */
const PACE = 200
const RATIO = 0.6
const LATER_MS = 2
const MORE_MB = 100
const PROGRAMS = new URL('programs/', import.meta.url)

/** From a queue to executions: against a bare consumer of the same client that writes a row for each message. */
export const rabbitmq: readonly Bench[] = (['express', 'standard'] as const).map((mode) => ({
  name: `connectors-rabbitmq-${mode}`,
  about: `a durable queue, one ${mode} execution of W3 for each message`,
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
  const here = mkdtempSync(join(folder, 'rabbitmq-'))
  mkdirSync(join(here, 'store'))
  const services = await startServices(['rabbitmq'], { log: note })
  const url = services.addresses.rabbitmq
  const connection = await connect(url)
  const channel = await connection.createConfirmChannel()
  const sideOf = async (name: string, args: readonly string[]): Promise<Side> => ({
    program: await Program.start(new URL(`${name}.mjs`, PROGRAMS), args),
    rates: [],
    cpuUs: [],
    latencies: [],
  })
  const ours = await sideOf('rabbitmq-ours', [join(here, 'store'), url, mode])
  const reference = await sideOf('rabbitmq-reference', [join(here, 'reference.db'), url])
  let queues = 0
  /** A queue is read once: each round has its own. */
  const newQueue = async (count: number): Promise<string> => {
    const queue = `bench-${mode}-${Date.now()}-${++queues}`
    await channel.assertQueue(queue, { durable: true, expires: 3_600_000 })
    for (let at = 0; at < count; at++) send(channel, queue, at)
    await channel.waitForConfirms()
    return queue
  }
  try {
    const count = quick ? 10_000 : 40_000
    const rounds = asked ?? (quick ? 3 : 7)
    for (let round = -1; round < rounds; round++) {
      for (const side of [ours, reference]) {
        const queue = await newQueue(count)
        const before = await side.program.ask<number>({ what: 'cpu' })
        const { ms } = await side.program.ask<Consumed>({ what: 'consume', queue, count })
        const used = (await side.program.ask<number>({ what: 'cpu' })) - before
        await side.program.ask({ what: 'leave', queue })
        await channel.deleteQueue(queue)
        if (round < 0) continue
        side.rates.push((count * 1000) / ms)
        side.cpuUs.push((used * 1000) / count)
      }
    }
    const peaks = [
      await ours.program.ask<{ peak: number }>({ what: 'memory' }),
      await reference.program.ask<{ peak: number }>({ what: 'memory' }),
    ]
    for (const side of [ours, reference]) await latenciesOf(side, channel, await newQueue(1), quick ? 400 : 2000)
    return resultOf(ours, reference, peaks[0]!.peak - peaks[1]!.peak)
  } finally {
    for (const { program } of [ours, reference]) {
      await program.ask({ what: 'close' }).catch(() => undefined)
      await program.end()
    }
    await connection.close()
    await services.stop()
    rmSync(here, { recursive: true, force: true })
  }
}

function send(channel: ConfirmChannel, queue: string, at: number): void {
  const body = JSON.stringify({ n: 7, t: Number(process.hrtime.bigint()), order: at, of: 'bench' })
  channel.sendToQueue(queue, Buffer.from(body), { persistent: true, messageId: `${queue}-${at}` })
}

/** At a pace at which nobody waits. */
async function latenciesOf(side: Side, channel: ConfirmChannel, queue: string, count: number): Promise<void> {
  await side.program.ask({ what: 'consume', queue, count: 1 })
  const done = side.program.ask<Consumed>({ what: 'expect', count })
  const began = performance.now()
  for (let at = 1; at <= count; at++) {
    send(channel, queue, at)
    const early = (at * 1000) / PACE - (performance.now() - began)
    if (early > 1) await sleep(early)
  }
  side.latencies.push(...(await done).latencies)
  await side.program.ask({ what: 'leave', queue })
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
    against: 'a bare consumer of amqplib that writes a row for each message, group-committed',
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
