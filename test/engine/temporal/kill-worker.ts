/**
 * A worker that tests kill. What happens is noted in the effects file, a line each, before anything follows from it:
 *
 *     born <life>
 *     delivered <life> <request id> <execution> <step>
 *     published <life> <event id>
 *     callback|asked <life> <token> <execution>
 *
 * Usage: node kill-worker.ts <life> <KillWorkerOptions as JSON>
 */
import { appendFileSync, existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine, EngineOptions } from '../../../engine/api.ts'
import type { FunctionSpec } from '../../../executors/contract.ts'

export interface KillWorkerOptions {
  readonly address: string
  readonly namespace: string
  readonly taskQueue: string
  readonly store: string
  readonly effects: string
  /** Of the functions in processes of their own. */
  readonly functionsFile: string
  /** What the function `hold` waits for. */
  readonly gate: string
  /** How long a function takes, ms: up to `atMost`, at least `atLeast`. */
  readonly atLeast: number
  readonly atMost: number
  readonly cached?: number
  /** Callbacks are noted as `asked`: the lab is not to answer them. */
  readonly silent?: boolean
}

const { createEngine, loadFunctions } = (await import(new URL('../../../dist/engine/index.js', import.meta.url).href)) as {
  createEngine: (options: EngineOptions) => Promise<Engine>
  loadFunctions: (file: string) => Promise<Record<string, FunctionSpec>>
}
const [life, optionsText] = process.argv.slice(2) as [string, string]
const {
  address,
  namespace,
  taskQueue,
  store,
  effects,
  functionsFile,
  gate,
  atLeast,
  atMost,
  cached,
  silent = false,
} = JSON.parse(optionsText) as KillWorkerOptions

interface Body {
  readonly n: number
  readonly of: string
  readonly step: number
  readonly text?: string
}
interface Context {
  readonly attempt: number
  getRequestID(): string
}
const note = (line: string): void => appendFileSync(effects, `${line}\n`)

/** Notes the request, and takes some time over it. */
function noted(answer: (body: Body, context: Context) => unknown): (body: Body, context: Context) => Promise<unknown> {
  return async (body, context) => {
    note(`delivered ${life} ${context.getRequestID()} ${body.of} ${body.step ?? context.attempt - 1}`)
    await sleep(atLeast + Math.random() * (atMost - atLeast))
    return answer(body, context)
  }
}

// no orphan, however the test ends
process.on('disconnect', () => process.exit())
note(`born ${life}`)
await createEngine({
  engine: 'temporal',
  store,
  temporal: { address, namespace, taskQueue, worker: cached === undefined ? true : { maxCachedWorkflows: cached } },
  channels: { log: { kind: 'log' } },
  functions: {
    ...(await loadFunctions(functionsFile)),
    effect: noted(({ n }) => ({ n: n + 1 })),
    named: noted(({ n }) => ({ named: n })),
    flaky: noted((_, { attempt }) => {
      if (attempt < 2) throw new Error('not yet')
      return { attempt }
    }),
    broken: noted(() => {
      throw new Error('never')
    }),
    hold: noted(async ({ n, text }) => {
      while (!existsSync(gate)) await sleep(20)
      return { n: n + 1, ...(text === undefined ? {} : { text }) }
    }),
    // over what a history takes
    grow: noted(({ n, text = '' }) => ({ n: n + 1, text: `${text}${String(n).repeat(20_000)}` })),
  } as unknown as NonNullable<EngineOptions['functions']>,
  onLog: ({ text }: { text: string }) => {
    const event = /^\[channel log\] (.*)$/.exec(text)?.[1]
    if (event !== undefined) note(`published ${life} ${(JSON.parse(event) as { id: string }).id}`)
  },
  onCallback: ({ token, execution }) => note(`${silent ? 'asked' : 'callback'} ${life} ${token} ${execution}`),
})
process.send?.('ready')
