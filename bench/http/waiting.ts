import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { range } from '../measure.ts'
import { atMost, rounded, type Bench, type BenchResult, type BenchSettings } from '../result.ts'
import { endServer, startServer } from './processes.ts'

const WAITING = 100_000
const WAITING_QUICK = 20_000
const MOST_MB = 300
const MOST_MS = 5000
const DEFINITIONS = JSON.stringify([{ flow: 'waits', start: 'ask', nodes: { ask: { type: 'callback', function: 'ask', timeout: '30d' } } }])

/** A server whose executions all wait for callbacks: what it holds in memory, and how soon it is there again. */
export const waiting: readonly Bench[] = (['memory', 'start'] as const).map((what) => ({
  name: `http-waiting-${what}`,
  about: `${what === 'memory' ? 'memory of a server' : 'start of a server, from its process to its first answer,'} with ${WAITING} executions that wait at callbacks`,
  run: (settings) => measure(what, settings),
}))

let made: Promise<Measured> | undefined

interface Measured {
  readonly startedMb: number
  readonly mb: readonly number[]
  readonly ms: readonly number[]
  readonly count: number
}

async function measure(what: 'memory' | 'start', settings: BenchSettings): Promise<BenchResult> {
  const { startedMb, mb, ms, count } = await (made ??= measureBoth(settings))
  const isMemory = what === 'memory'
  const figures = isMemory ? [startedMb, ...mb] : ms
  const [worst, limit] = [Math.max(...figures), isMemory ? MOST_MB : MOST_MS]
  return {
    ours: rounded(worst),
    reference: limit,
    ratio: rounded(worst / limit),
    unit: isMemory ? 'MB' : 'ms',
    better: 'lower',
    against: `the limit of ${limit} ${isMemory ? 'MB' : 'ms'}`,
    spread: { ours: range(figures), reference: [limit, limit] },
    rounds: figures.length,
    target: atMost(isMemory ? 'MB, the most' : 'ms, the longest', worst, limit),
    more: {
      waiting: count,
      ...(isMemory ? { mbOfTheProcessThatStartedThem: rounded(startedMb), mbAfterANewStart: rounded(Math.max(...mb)) } : {}),
      ...(settings.quick ? { note: `--quick: ${WAITING_QUICK} executions, not ${WAITING}` } : {}),
    },
  }
}

async function measureBoth({ quick, rounds = quick ? 2 : 5, folder, note }: BenchSettings): Promise<Measured> {
  const count = quick ? WAITING_QUICK : WAITING
  const store = mkdtempSync(join(folder, 'waiting-'))
  try {
    const began = performance.now()
    const first = await startServer('ours', [store, DEFINITIONS])
    await first.program.ask({ what: 'wait', count })
    note(`${count} executions were started, and wait, after ${((performance.now() - began) / 1000).toFixed(1)} s`)
    const startedMb = await first.program.ask<number>({ what: 'memory' })
    await endServer(first)
    const [mb, ms] = [[] as number[], [] as number[]]
    for (let round = 0; round < rounds; round++) {
      const start = performance.now()
      const again = await startServer('ours', [store, DEFINITIONS])
      const { items } = (await (await fetch(`http://127.0.0.1:${again.port}/v1/executions?status=running`)).json()) as { items: unknown[] }
      ms.push(performance.now() - start)
      if (items.length !== 50) throw new Error('the executions are gone')
      await new Promise((resolve) => setTimeout(resolve, 1000))
      mb.push(await again.program.ask<number>({ what: 'memory' }))
      await endServer(again)
    }
    return { startedMb, mb, ms, count }
  } finally {
    rmSync(store, { recursive: true, force: true })
  }
}
