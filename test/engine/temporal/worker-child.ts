/**
 * A worker in a process of its own, which leaves as `fnflow worker` does when it is told to (SIGTERM). What happens to its functions is noted
 * in the effects file, a line each:
 *
 *     begun|ended <worker> <request id> <function>
 *     left <worker>
 *
 * Usage: node worker-child.ts <ChildOptions as JSON>
 */
import { appendFileSync, existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine, EngineOptions } from '../../../engine/api.ts'

export interface ChildOptions {
  readonly address: string
  readonly namespace: string
  readonly taskQueue: string
  readonly store: string
  readonly effects: string
  /** What the function `gated` waits for. */
  readonly gate: string
  readonly name: string
}

const { createEngine } = (await import(new URL('../../../dist/engine/index.js', import.meta.url).href)) as {
  createEngine: (options: EngineOptions) => Promise<Engine>
}
const { address, namespace, taskQueue, store, effects, gate, name } = JSON.parse(process.argv[2] as string) as ChildOptions

interface Context {
  getRequestID(): string
}

const note = (line: string): void => appendFileSync(effects, `${line}\n`)

/** Notes when it begins and when it ends. */
function noted(called: string, work: () => Promise<unknown>): (event: { readonly n: number }, context: Context) => Promise<{ n: number }> {
  return async ({ n }, context) => {
    const about = `${name} ${context.getRequestID()} ${called}`
    note(`begun ${about}`)
    await work()
    note(`ended ${about}`)
    return { n: n + 1 }
  }
}

const engine = await createEngine({
  engine: 'temporal',
  store,
  temporal: { address, namespace, taskQueue },
  functions: {
    work: noted('work', () => sleep(300)),
    later: noted('later', () => sleep(300)),
    gated: noted('gated', async () => {
      while (!existsSync(gate)) await sleep(20)
    }),
  },
})
// no orphan, however the test ends
process.on('disconnect', () => process.exit())
process.on('SIGTERM', () => {
  void engine.close().then(() => {
    note(`left ${name}`)
    process.exit()
  })
})
process.send?.('ready')
