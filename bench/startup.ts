import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { median, range } from './measure.ts'
import { atMost, rounded, type Bench, type BenchResult, type BenchSettings } from './result.ts'

const PROGRAM = fileURLToPath(new URL('programs/startup.mjs', import.meta.url))

/** Fresh processes: from nothing to the end of the first in-process flow, against `node -e 0`. */
export const startup: readonly Bench[] = [
  {
    name: 'startup',
    about: 'a fresh process that imports the built package, deploys an object and runs it once, to its exit',
    run: measure,
  },
]

async function measure({ quick, rounds: asked, folder }: BenchSettings): Promise<BenchResult> {
  const cache = mkdtempSync(join(folder, 'compile-cache-'))
  const sides = {
    bare: { args: ['-e', '0'], times: [] as number[] },
    plain: { args: [PROGRAM], times: [] as number[] },
    cached: { args: [PROGRAM, 'cached', cache], times: [] as number[] },
  }
  const rounds = asked ?? (quick ? 15 : 31)
  // the first round warms the disk's cache and fills the compile cache
  for (let round = -1; round < rounds; round++) {
    for (const { args, times } of Object.values(sides)) {
      const start = performance.now()
      execFileSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
      if (round >= 0) times.push(performance.now() - start)
    }
  }
  const [bare, plain, cached] = [median(sides.bare.times), median(sides.plain.times), median(sides.cached.times)]
  return {
    ours: rounded(plain),
    reference: rounded(bare),
    ratio: rounded(plain / bare),
    unit: 'ms',
    better: 'lower',
    against: 'node -e 0',
    spread: { ours: range(sides.plain.times), reference: range(sides.bare.times) },
    rounds,
    target: atMost('ms over bare Node', plain - bare, 100),
    more: { overBareMs: rounded(plain - bare), overBareWithCompileCacheMs: rounded(cached - bare) },
  }
}
