import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type ConfirmChannel } from 'amqplib'
import { startServices } from '../../scripts/services/start.ts'
import { OUR_FLAGS } from '../http/processes.ts'
import type { Bench, BenchResult, BenchSettings } from '../result.ts'
import type { Mode } from '../workloads.ts'
import { resultOf, startSide, type Consumed, type Side } from './sides.ts'

/** Messages a second where latencies are taken: far from what either side could do. */
const PACE = 200

/** From a queue to executions: against a bare consumer of the same client that writes a row for each message. */
export const rabbitmq: readonly Bench[] = (['express', 'standard'] as const).map((mode) => ({
  name: `connectors-rabbitmq-${mode}`,
  about: `a durable queue, one ${mode} execution of W3 for each message`,
  onlyNamed: true,
  run: (settings) => measure(mode, settings),
}))

async function measure(mode: Mode, settings: BenchSettings): Promise<BenchResult> {
  const { quick, rounds: asked, folder, note } = settings
  const here = mkdtempSync(join(folder, 'rabbitmq-'))
  mkdirSync(join(here, 'store'))
  const services = await startServices(['rabbitmq'], { log: note })
  const url = services.addresses.rabbitmq
  const connection = await connect(url)
  const channel = await connection.createConfirmChannel()
  const ours = await startSide('rabbitmq-ours', [join(here, 'store'), url, mode], OUR_FLAGS)
  const reference = await startSide('rabbitmq-reference', [join(here, 'reference.db'), url])
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
    return resultOf('amqplib', ours, reference, peaks[0]!.peak - peaks[1]!.peak)
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
