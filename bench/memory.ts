import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { median, range } from './measure.ts'
import { atMost, rounded, type Bench, type BenchResult, type BenchSettings } from './result.ts'
import type { Mode } from './workloads.ts'

const PROGRAM = fileURLToPath(new URL('programs/loop.mjs', import.meta.url))
const BARE = fileURLToPath(new URL('programs/bare.mjs', import.meta.url))
const ITEMS = 100_000
const LIMIT_MB = 400

export const memory: readonly Bench[] = (['express', 'embedded'] as const).map((engine) => ({
  name: `memory-loop-${engine}`,
  about: `peak RSS of a fresh process that runs a loop of ${ITEMS} items x 2 functions on the ${engine} engine`,
  run: (settings) => measure(engine === 'express' ? 'express' : 'standard', settings),
}))

export interface LoopRun {
  readonly peakMb: number
  readonly ms: number
}

async function measure(mode: Mode, settings: BenchSettings): Promise<BenchResult> {
  const rounds = settings.rounds ?? (settings.quick ? 1 : 3)
  const runs = Array.from({ length: rounds }, () => loopProcess(mode, ITEMS, 0, settings))
  // durable and 10 at a time is 20,000 commits, one behind the other: a minute on a slow disk
  const pooled = settings.quick && mode === 'standard' ? undefined : loopProcess(mode, ITEMS, 10, settings)
  const bare = Number(execFileSync(process.execPath, [BARE], { encoding: 'utf8' }))
  const peaks = runs.map(({ peakMb }) => peakMb)
  const peak = median(peaks)
  return {
    ours: rounded(peak),
    reference: LIMIT_MB,
    ratio: rounded(peak / LIMIT_MB),
    unit: 'MB',
    better: 'lower',
    against: `the limit of ${LIMIT_MB} MB`,
    spread: { ours: range(peaks), reference: [LIMIT_MB, LIMIT_MB] },
    rounds,
    target: atMost('MB of peak RSS, the greatest', Math.max(...peaks, pooled?.peakMb ?? 0), LIMIT_MB),
    more: {
      bareNodeMb: rounded(bare),
      seconds: rounded(median(runs.map(({ ms }) => ms)) / 1000),
      ...(pooled === undefined
        ? { note: '--quick: not measured 10 at a time' }
        : { tenAtATimeMb: rounded(pooled.peakMb), tenAtATimeSeconds: rounded(pooled.ms / 1000) }),
    },
  }
}

function loopProcess(mode: Mode, items: number, concurrency: number, { folder }: BenchSettings): LoopRun {
  const store = mkdtempSync(join(folder, 'loop-'))
  try {
    const args = [PROGRAM, mode, String(items), String(concurrency), store]
    return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })) as LoopRun
  } finally {
    rmSync(store, { recursive: true, force: true })
  }
}
