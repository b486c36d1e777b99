import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { median, quantile, range } from '../measure.ts'
import { atLeast, pair, rounded, type Bench, type BenchResult, type BenchSettings, type Target } from '../result.ts'
import { sequence } from '../workloads.ts'
import { endServer, loadOf, Program, startServer, type Load, type Scenario, type Server } from './processes.ts'

const CONNECTIONS = 64
const BODY = '{"input":{"n":0}}'
const DEFINITIONS = JSON.stringify([sequence('w1', 'standard', 3), sequence('quick', 'express', 3), waitingFlow('sleeps')])
const BARE_WRITE: Scenario = { kind: 'post', path: '/write', body: BODY, status: 202 }
const BARE_AWAITS: Scenario = { kind: 'post', path: '/awaits', body: BODY, status: 200 }

interface Case {
  readonly name: string
  readonly about: string
  readonly ours: Scenario
  readonly reference: Scenario
  readonly against: string
  readonly limit: number
  /** Of the 99th percentile of ours, ms. */
  readonly p99?: number
}

const WRITE = 'a bare fastify route that answers the same JSON after one group-committed SQLite write'

const CASES: readonly Case[] = [
  {
    name: 'w1-64',
    about: '3 functions in sequence, durable: POST executions, then GET with wait, to the end',
    ours: { kind: 'run', path: '/v1/flows/w1/executions', body: BODY },
    reference: BARE_WRITE,
    against: WRITE,
    limit: 0.35,
    p99: 60,
  },
  {
    name: 'start-64',
    about: 'POST executions alone (202), of a flow that then waits: nothing but the start is in the figure',
    ours: { kind: 'post', path: '/v1/flows/sleeps/executions', body: BODY, status: 202 },
    reference: BARE_WRITE,
    against: WRITE,
    limit: 0.6,
  },
  {
    name: 'sync-64',
    about: '3 functions in sequence, express: POST sync-executions',
    ours: { kind: 'post', path: '/v1/flows/quick/sync-executions', body: BODY, status: 200 },
    reference: BARE_AWAITS,
    against: 'a bare fastify route that runs the same three awaits',
    limit: 0.6,
  },
]

/** The API of an embedded engine over sockets, against bare fastify routes: a process for each server, and one for the load. */
export const throughput: readonly Bench[] = CASES.map((one) => ({
  name: `http-${one.name}`,
  about: `${one.about}; ${CONNECTIONS} connections`,
  run: (settings) => measure(one, settings),
}))

/** A flow that has nothing to do for an hour. */
function waitingFlow(flow: string): object {
  return { flow, start: 'rest', nodes: { rest: { type: 'wait', seconds: 3600 } } }
}

async function measure(one: Case, { quick, rounds: asked, folder }: BenchSettings): Promise<BenchResult> {
  const here = mkdtempSync(join(folder, 'http-'))
  mkdirSync(join(here, 'store'))
  // for profiles: the figures themselves are worth nothing then
  const { FNFLOW_BENCH_PROFILES: profiles } = process.env
  const ours = await startServer(
    'ours',
    [join(here, 'store'), DEFINITIONS],
    profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`],
  )
  const reference = await startServer('reference', [join(here, 'reference.db'), JSON.stringify({ execution: await answerOf(ours) })])
  const client = await Program.start('load')
  try {
    const sides = [
      { server: ours, scenario: one.ours, loads: [] as Side[] },
      { server: reference, scenario: one.reference, loads: [] as Side[] },
    ] as const
    const rounds = asked ?? (quick ? 5 : 15)
    for (let round = -1; round < rounds; round++) {
      for (const { server, scenario, loads } of sides) {
        const cpu = await server.program.ask<number>({ what: 'cpu' })
        const load = await loadOf(client, server, CONNECTIONS, round === -1 ? (quick ? 1000 : 3000) : quick ? 500 : 1000, scenario)
        const used = (await server.program.ask<number>({ what: 'cpu' })) - cpu
        if (round >= 0) loads.push({ ...load, rate: (load.count * 1000) / load.ms, serverUs: (used * 1000) / load.count })
      }
    }
    return resultOf(one, sides[0].loads, sides[1].loads)
  } finally {
    await client.end()
    await endServer(ours)
    await endServer(reference)
    rmSync(here, { recursive: true, force: true })
  }
}

interface Side extends Load {
  readonly rate: number
  /** CPU of the server for one, µs. */
  readonly serverUs: number
}

/** The execution as a start answers it: what the reference answers, too. */
async function answerOf({ port }: Server): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/flows/w1/executions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: BODY,
  })
  if (response.status !== 202) throw new Error(await response.text())
  return response.json()
}

function resultOf({ against, limit, p99: most }: Case, mine: readonly Side[], theirs: readonly Side[]): BenchResult {
  const of = (sides: readonly Side[], what: 'rate' | 'serverUs'): number => median(sides.map((side) => side[what]))
  const sorted = (sides: readonly Side[]): Float64Array => Float64Array.from(sides.flatMap(({ latencies }) => [...latencies])).sort()
  const [ours, reference] = [sorted(mine), sorted(theirs)]
  const ratio = of(mine, 'rate') / of(theirs, 'rate')
  const p99 = pair(quantile(ours, 0.99), quantile(reference, 0.99))
  const target: Target = atLeast('ratio', ratio, limit)
  return {
    ours: rounded(of(mine, 'rate')),
    reference: rounded(of(theirs, 'rate')),
    ratio: rounded(ratio),
    unit: '/s',
    better: 'higher',
    against,
    spread: { ours: range(mine.map(({ rate }) => rate)), reference: range(theirs.map(({ rate }) => rate)) },
    rounds: mine.length,
    latencyMs: { p50: pair(quantile(ours, 0.5), quantile(reference, 0.5)), p99 },
    target:
      most === undefined || p99.ours <= most
        ? target
        : { ...target, what: `ratio, with p99 of ${p99.ours} ms, over the ${most} wanted`, met: false },
    more: {
      ratioOfRounds: rounded(median(mine.map(({ rate }, at) => rate / (theirs[at]?.rate ?? NaN)))),
      serverCpuUs: `${rounded(of(mine, 'serverUs'))} (${rounded(of(theirs, 'serverUs'))})`,
      clientCpuUs: rounded(median(mine.map(({ cpuMs, count }) => (cpuMs * 1000) / count))),
    },
  }
}
