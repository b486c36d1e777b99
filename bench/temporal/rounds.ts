import { setTimeout as sleep } from 'node:timers/promises'
import { median, range, timed, timedLanes } from '../measure.ts'
import { rounded } from '../result.ts'
import type { Workload } from '../workloads.ts'
import { SIDES, type Cluster, type Side, type WorkerProcess } from './cluster.ts'

export interface Rounds {
  readonly inFlight: number
  /** A side, beside the warm-up. */
  readonly rounds: number
  /** Executions a round. */
  readonly count: number
  /** Executions before the first round; the first flows of a worker take many times what others do. */
  readonly warmUp: number
}

export interface Figures {
  /** Executions a second, of each round. */
  readonly rates: number[]
  /** Milliseconds of each execution. */
  readonly latencies: number[]
  /** Milliseconds of CPU per execution, of each round. */
  readonly server: number[]
  readonly worker: number[]
  readonly client: number[]
  readonly database: number[]
  /** In the histories of some executions of the last round, mean: more than one alone has where tasks were given out twice, being late. */
  events: number
}

/** What is left of a round when its last execution has ended: records, the server's own queues. */
const SETTLE_MS = 250
/** After a pause a worker has some timers to catch up with. */
const AWAKE_MS = 100
/** Executions whose histories are looked at. */
const SAMPLE = 16

/**
 * Both sides in turns (ABAB), on the same server. The worker whose turn it is not is stopped (SIGSTOP), so that it takes no CPU and asks
 * nothing of the servers. CPU is counted until the round has settled, the clock runs until the last output.
 */
export async function alternate(
  cluster: Cluster,
  workers: Readonly<Record<Side, WorkerProcess>>,
  { name, input }: Pick<Workload, 'name' | 'input'>,
  { inFlight, rounds, count, warmUp }: Rounds,
): Promise<Readonly<Record<Side, Figures>>> {
  const figures: Record<Side, Figures> = { ours: nothing(), reference: nothing() }
  let ids: string[] = []
  const once = async (side: Side): Promise<unknown> => {
    const execution = await cluster.begin(side, name, input)
    ids.push(execution.id)
    return execution.result()
  }
  for (const side of SIDES) workers[side].pause()
  for (let round = -1; round < rounds; round++) {
    for (const side of SIDES) {
      const worker = workers[side]
      const { rates, latencies, server, worker: ofWorker, client, database } = figures[side]
      ids = []
      worker.resume()
      await sleep(AWAKE_MS)
      if (round < 0) {
        await timedLanes(() => once(side), inFlight, warmUp, [])
        await sleep(SETTLE_MS)
      } else {
        const before = used(cluster, worker)
        const ms = await timed(() => timedLanes(() => once(side), inFlight, count, latencies))
        await sleep(SETTLE_MS)
        const after = used(cluster, worker)
        rates.push((count * 1000) / ms)
        server.push((after.server - before.server) / count)
        ofWorker.push((after.worker - before.worker) / count)
        client.push((after.client - before.client) / count)
        database.push((after.database - before.database) / count)
      }
      worker.pause()
      if (round === rounds - 1) figures[side].events = await meanEvents(cluster, ids.slice(-SAMPLE))
    }
  }
  for (const side of SIDES) workers[side].resume()
  return figures
}

/** Of server and worker together, of each round. */
export function cpuMs({ server, worker }: Figures): number[] {
  return server.map((ms, round) => ms + (worker[round] as number))
}

/** For `more`: where the CPU goes, and what the histories say; ours, and in brackets the reference's. */
export function partsOf({ ours, reference }: Readonly<Record<Side, Figures>>): Record<string, string> {
  const both = (mine: number, theirs: number): string => `${rounded(mine)} (${rounded(theirs)})`
  const of = (part: 'server' | 'worker' | 'client' | 'database'): string => both(median(ours[part]), median(reference[part]))
  return {
    serverCpuMs: of('server'),
    workerCpuMs: of('worker'),
    clientCpuMs: of('client'),
    postgresCpuMs: of('database'),
    eventsPerFlow: both(ours.events, reference.events),
  }
}

/** The median of the rounds' own ratios: what a machine does that is faster at one time than at another takes from both. */
export function ratioOfRounds(ours: readonly number[], reference: readonly number[]): number {
  return rounded(median(ours.map((value, round) => value / (reference[round] as number))))
}

export function spreadOf(ours: readonly number[], reference: readonly number[]) {
  return { ours: range(ours), reference: range(reference) }
}

function nothing(): Figures {
  return { rates: [], latencies: [], server: [], worker: [], client: [], database: [], events: 0 }
}

async function meanEvents(cluster: Cluster, ids: readonly string[]): Promise<number> {
  const histories = await Promise.all(ids.map((id) => cluster.history(id)))
  return histories.reduce((sum, { events }) => sum + events, 0) / ids.length
}

function used(cluster: Cluster, worker: WorkerProcess) {
  const { user, system } = process.cpuUsage()
  return { ...cluster.cpu(), worker: worker.cpu(), client: (user + system) / 1000 }
}
