import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { builtEngine } from './built.ts'
import { median, timed } from './measure.ts'
import { atMost, rounded, type Bench, type BenchResult, type BenchSettings } from './result.ts'
import { HANDLERS, loop, sequence } from './workloads.ts'

interface Size {
  /** Nodes, or items. */
  readonly of: number
  readonly flows: number
}

interface Cost {
  readonly bytes: number
  readonly ms: number
}

/** A cost that grows by more than this factor per node or item, from the smallest flow to the largest, is not linear. */
const LINEAR_WITHIN = 1.5

/** Is the journal linear? The cost per node (or item) of the largest flow against that of the smallest; 1 is perfect, less is a fixed part spread. */
export const journal: readonly Bench[] = [
  ...(['bytes', 'ms'] as const).map((what) => ({
    name: `journal-nodes-${what === 'ms' ? 'time' : what}`,
    about: `${what === 'ms' ? 'time' : 'bytes of the store'} per node of a flow of 80 nodes against one of 5`,
    run: (settings: BenchSettings) => measure(what, 'node', nodeSizes(settings), settings),
  })),
  ...(['bytes', 'ms'] as const).map((what) => ({
    name: `journal-loop-${what === 'ms' ? 'time' : what}`,
    about: `${what === 'ms' ? 'time' : 'bytes of the store'} per item of a loop of 100,000 items against one of 1,000`,
    run: (settings: BenchSettings) => measure(what, 'item', loopSizes(settings), settings),
  })),
]

function nodeSizes({ quick }: BenchSettings): Size[] {
  const flows = quick ? 200 : 600
  return [5, 20, 80].map((of) => ({ of, flows }))
}

function loopSizes({ quick }: BenchSettings): Size[] {
  return [
    { of: 1000, flows: quick ? 10 : 30 },
    { of: 10_000, flows: quick ? 2 : 3 },
    { of: 100_000, flows: 1 },
  ]
}

async function measure(what: keyof Cost, each: 'node' | 'item', sizes: readonly Size[], settings: BenchSettings): Promise<BenchResult> {
  const rounds = what === 'bytes' ? 1 : (settings.rounds ?? (settings.quick ? (each === 'item' ? 1 : 3) : 5))
  const costs = sizes.map((size) => ({ size, values: [] as number[] }))
  for (let round = 0; round < rounds; round++) {
    for (const { size, values } of costs) values.push((await costOf(each, size, settings))[what] / size.of)
  }
  const perUnit = costs.map(({ values }) => median(values))
  const [first, last] = [perUnit[0] as number, perUnit.at(-1) as number]
  // a store's file is bytes already; time is told in µs
  const scale = what === 'ms' ? 1000 : 1
  return {
    ours: rounded(last * scale),
    reference: rounded(first * scale),
    ratio: rounded(last / first),
    unit: `${what === 'ms' ? 'µs' : 'bytes'}/${each}`,
    better: 'lower',
    against: `the same per ${each} of the smallest flow`,
    rounds,
    target: atMost('ratio', last / first, LINEAR_WITHIN),
    more: Object.fromEntries(costs.map(({ size }, i) => [`${size.of} ${each}s`, rounded((perUnit[i] as number) * scale)])),
  }
}

/** What one flow of a size costs, in a store of its own: the growth of the file, and the time, of which the first flow has no part. */
async function costOf(each: 'node' | 'item', { of, flows }: Size, { folder }: BenchSettings): Promise<Cost> {
  const { createEngine } = await builtEngine()
  const store = mkdtempSync(join(folder, 'journal-'))
  const open = (): ReturnType<typeof createEngine> => createEngine({ store, functions: Object.fromEntries(HANDLERS) })
  try {
    const engine = await open()
    await engine.deploy(each === 'node' ? sequence('long', 'standard', of) : loop('long', 'standard', 0))
    const input = each === 'node' ? { n: 0 } : { items: Array.from({ length: of }, (_, i) => i) }
    await engine.run('long', { input })
    await engine.close()
    const before = bytesOf(store)
    const again = await open()
    let left = flows
    const lane = async (): Promise<void> => {
      while (left-- > 0) await again.run('long', { input })
    }
    const ms = await timed(() => Promise.all(Array.from({ length: each === 'node' ? 16 : 1 }, lane)))
    await again.close()
    return { bytes: (bytesOf(store) - before) / flows, ms: ms / flows }
  } finally {
    rmSync(store, { recursive: true, force: true })
  }
}

/** After a close the write-ahead log is part of the file. */
function bytesOf(store: string): number {
  return statSync(join(store, 'fnflow.db')).size
}
