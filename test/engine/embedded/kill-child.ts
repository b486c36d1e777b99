/**
 * The process that the kill test kills: opens the store, starts what of `count` executions does not exist yet, and waits for all ends.
 * Each invocation appends a line to the effects file before it answers. Usage: node kill-child.ts <store> <effects> <count>
 */
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine } from '../../../engine/api.ts'
import { CHILD_FLOWS, MIXED_FLOWS } from './mixed-flows.ts'

const { createEngine } = (await import(new URL('../../../dist/engine/index.js', import.meta.url).href)) as {
  createEngine: (options: object) => Promise<Engine>
}
const [store, effects, countText] = process.argv.slice(2) as [string, string, string]

interface Context {
  readonly requestId: string
  readonly attempt: number
  getRequestID(): string
}
const effect = async (context: Context): Promise<void> => {
  appendFileSync(effects, `${context.getRequestID()}\n`)
  await sleep(Math.random() * 10)
}
const engine: Engine = await createEngine({
  store,
  functions: {
    effect: async ({ n }: { n: number }, context: Context) => {
      await effect(context)
      return { n: n + 1 }
    },
    named: async ({ n }: { n: number }, context: Context) => {
      await effect(context)
      return { named: n }
    },
    flaky: async (_: unknown, context: Context) => {
      await effect(context)
      if (context.attempt < 2) throw new Error('not yet')
      return { attempt: context.attempt }
    },
  },
  onCallback: ({ token }: { token: string }) => {
    void sleep(20)
      .then(() => engine.callback(token, { status: 'succeeded', output: { by: 7 } }))
      .catch(() => undefined)
  },
})
for (const definition of [...CHILD_FLOWS, ...MIXED_FLOWS.map((flow) => flow.definition)]) await engine.deploy(definition)
process.stdout.write('ready\n')
const results: Promise<unknown>[] = []
for (let at = 0; at < Number(countText); at++) {
  const { definition, input } = MIXED_FLOWS[at % MIXED_FLOWS.length] as (typeof MIXED_FLOWS)[number]
  const execution = await engine.start((definition as { flow: string }).flow, { id: `mixed-${at}`, input: input as never })
  results.push(execution.result())
  if (at % 25 === 24) process.stdout.write(`started ${at + 1}\n`)
}
const outputs = await Promise.all(results)
process.stdout.write(`outputs ${JSON.stringify(outputs)}\n`)
await engine.close()
