import assert from 'node:assert/strict'
import { median, range, timed } from '../measure.ts'
import { atMost, rounded, type Bench, type BenchResult, type BenchSettings } from '../result.ts'
import { Cluster, clusterOf } from './cluster.ts'

const ITEMS = 100_000
const QUICK_ITEMS = 10_000

interface Kind {
  readonly name: 'batches' | 'lanes' | 'lanes-eager'
  /** Of the body's function: short ones go in batches. */
  readonly timeout: string | undefined
  readonly limitSeconds: number
  readonly rounds: number
  /** On a server of its own, which hands activities out with the answers to workflow tasks. */
  readonly eager?: boolean
}

const KINDS: readonly Kind[] = [
  { name: 'batches', timeout: '5s', limitSeconds: 30, rounds: 3 },
  { name: 'lanes', timeout: undefined, limitSeconds: 300, rounds: 1 },
  { name: 'lanes-eager', timeout: undefined, limitSeconds: 300, rounds: 1, eager: true },
]

/** Many items: no hand-written workflow does that at all without lanes or batches of its own, so the limits are absolute. */
export const items: readonly Bench[] = KINDS.map((kind) => ({
  name: `temporal-100k-${kind.name}`,
  about: `a loop of ${ITEMS} items x 1 function; Temporal, in ${kind.eager ? 'lanes, on a server with eager activities' : kind.name}`,
  run: (settings) => run(kind, settings),
}))

async function run(kind: Kind, settings: BenchSettings): Promise<BenchResult> {
  if (kind.eager !== true) return measure(kind, settings, await clusterOf(settings))
  const cluster = await Cluster.start(settings, { 'system.enableActivityEagerExecution': true })
  try {
    return await measure(kind, settings, cluster)
  } finally {
    await cluster.close()
  }
}

async function measure(
  { name, timeout, limitSeconds, rounds: usual }: Kind,
  settings: BenchSettings,
  cluster: Cluster,
): Promise<BenchResult> {
  const { quick } = settings
  const workers = await cluster.pair()
  const flow = `items-${name}`
  await cluster.engine.deploy({
    flow,
    mode: 'standard',
    start: 'each',
    nodes: {
      each: {
        type: 'loop',
        items: '$.items',
        concurrency: 0,
        start: 'f1',
        nodes: { f1: { type: 'function', function: 'f1', params: { n: '$.item' }, ...(timeout === undefined ? {} : { timeout }) } },
      },
    },
  })
  const count = quick ? QUICK_ITEMS : ITEMS
  const input = { items: Array.from({ length: count }, (_, i) => i) }
  const rounds = settings.rounds ?? (quick ? 1 : usual)
  const seconds: number[] = []
  const before = { ...cluster.cpu(), worker: workers.ours.cpu() }
  workers.reference.pause()
  for (let round = 0; round < rounds; round++) {
    const ms = await timed(async () => {
      const { result } = (await cluster.run('ours', flow, input)) as { result: { n: number }[] }
      assert.deepEqual([result.length, result[0], result.at(-1)], [count, { n: 1 }, { n: count }])
    })
    seconds.push(ms / 1000)
  }
  workers.reference.resume()
  const after = { ...cluster.cpu(), worker: workers.ours.cpu() }
  const took = median(seconds)
  const cpuOf = (part: 'server' | 'worker' | 'database'): number => rounded((after[part] - before[part]) / 1000 / rounds)
  return {
    ours: rounded(took),
    reference: limitSeconds,
    ratio: rounded(took / limitSeconds),
    unit: 's',
    better: 'lower',
    against: `the limit of ${limitSeconds} s`,
    spread: { ours: range(seconds), reference: [limitSeconds, limitSeconds] },
    rounds,
    target: atMost('seconds, the most', Math.max(...seconds), limitSeconds),
    more: {
      itemsPerSecond: rounded(count / took),
      serverCpuSeconds: cpuOf('server'),
      workerCpuSeconds: cpuOf('worker'),
      postgresCpuSeconds: cpuOf('database'),
      ...(quick ? { note: `--quick: ${QUICK_ITEMS} items, held against the limit of ${ITEMS}` } : {}),
    },
  }
}
