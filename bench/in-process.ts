import assert from 'node:assert/strict'
import { builtEngine } from './built.ts'
import { compare, quantile } from './measure.ts'
import { IN_PROCESS } from './reference-in-process.ts'
import { atLeast, pair, rounded, type Bench, type BenchResult, type BenchSettings } from './result.ts'
import { HANDLERS, WORKLOADS, type Workload } from './workloads.ts'

/** Express flows by `engine.run`, against awaits written by hand. */
export const inProcess: readonly Bench[] = WORKLOADS.flatMap((workload) =>
  [1, 64].map((inFlight) => ({
    name: `inprocess-${workload.name}-${inFlight}`,
    about: `${workload.about}; express, ${inFlight} in flight`,
    run: (settings) => measure(workload, inFlight, settings),
  })),
)

const TARGET = 0.15

async function measure(workload: Workload, inFlight: number, { quick, rounds: asked }: BenchSettings): Promise<BenchResult> {
  const { createEngine } = await builtEngine()
  const engine = await createEngine({ engine: 'express', functions: Object.fromEntries(HANDLERS) })
  try {
    await engine.deploy(workload.definition('express'))
    const { name, input } = workload
    const byHand = IN_PROCESS[name]
    const ours = (): Promise<unknown> => engine.run(name, { input })
    const reference = (): Promise<unknown> => byHand(input)
    assert.deepEqual(await ours(), workload.expected)
    assert.deepEqual(await reference(), workload.expected)
    // 64 loops at once take most of a second
    const heavy = name.startsWith('w4') && inFlight > 1
    const rounds = asked ?? (quick ? (heavy ? 3 : 15) : heavy ? 7 : 25)
    const found = await compare({
      ours,
      reference,
      inFlight,
      rounds,
      roundMs: quick ? 40 : 120,
      warmUpMs: quick ? 250 : 1000,
      budgetMs: quick ? 2000 : 10_000,
    })
    const ratio = found.ours / found.reference
    const { latencies } = found
    return {
      ours: rounded(found.ours),
      reference: rounded(found.reference),
      ratio: rounded(ratio),
      unit: 'flows/s',
      better: 'higher',
      against: 'awaits written by hand',
      spread: found.spread,
      rounds: found.rounds,
      latencyMs: {
        p50: pair(quantile(latencies.ours, 0.5), quantile(latencies.reference, 0.5)),
        p99: pair(quantile(latencies.ours, 0.99), quantile(latencies.reference, 0.99)),
      },
      ...(name === 'w2' || name === 'w3' ? {} : { target: atLeast('ratio', ratio, TARGET) }),
    }
  } finally {
    await engine.close()
  }
}
