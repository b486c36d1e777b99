/**
 * The process that the kill test kills: opens the store, starts what of the first `count` executions does not exist yet, and waits for all
 * ends, those of children that nobody waits for too. What happens is noted in the effects file, a line each, before anything follows from it:
 *
 *     delivered|answered <life> <request id> <execution> <step>
 *     published <life> <event id>
 *
 * Usage: node kill-child.ts <store> <effects> <functions.yaml> <life> <count>
 */
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine } from '../../../engine/api.ts'
import type { FunctionSpec } from '../../../executors/contract.ts'
import { ALL_FLOWS, flowOf } from './mixed-flows.ts'

const { createEngine, loadFunctions } = (await import(new URL('../../../dist/engine/index.js', import.meta.url).href)) as {
  createEngine: (options: object) => Promise<Engine>
  loadFunctions: (file: string) => Promise<Record<string, FunctionSpec>>
}
const [store, effects, functionsFile, life, countText] = process.argv.slice(2) as [string, string, string, string, string]

interface Body {
  readonly n: number
  readonly of: string
  readonly step: number
}
interface Context {
  readonly attempt: number
  getRequestID(): string
}
const note = (line: string): void => appendFileSync(effects, `${line}\n`)

/** Notes the request, takes some time, and notes that it is answered right before it is. */
function noted(answer: (body: Body, context: Context) => unknown): (body: Body, context: Context) => Promise<unknown> {
  return async (body, context) => {
    const about = `${life} ${context.getRequestID()} ${body.of} ${body.step ?? context.attempt - 1}`
    note(`delivered ${about}`)
    await sleep(Math.random() * 40)
    note(`answered ${about}`)
    return answer(body, context)
  }
}

const engine: Engine = await createEngine({
  store,
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
  },
  onLog: ({ text }: { text: string }) => {
    const event = /^\[channel log\] (.*)$/.exec(text)?.[1]
    if (event !== undefined) note(`published ${life} ${(JSON.parse(event) as { id: string }).id}`)
  },
  onCallback: ({ token }: { token: string }) => {
    void sleep(20)
      .then(() => engine.callback(token, { status: 'succeeded', output: { by: 7 } }))
      .catch(() => undefined)
  },
})
for (const definition of ALL_FLOWS) await engine.deploy(definition)
process.stdout.write('ready\n')
const results: Promise<unknown>[] = []
for (let at = 0; at < Number(countText); at++) {
  const { definition, input } = flowOf(at)
  const execution = await engine.start(definition.flow, { id: `mixed-${at}`, input: input as never })
  results.push(execution.result())
}
const outputs = await Promise.all(results)
while ((await engine.list({ status: 'running', limit: 1 })).items.length > 0) await sleep(20)
const children: string[] = []
for (let cursor: string | undefined; ;) {
  const page = await engine.list({ flow: 'mixed-child', limit: 200, ...(cursor === undefined ? {} : { cursor }) })
  children.push(...page.items.map(({ status }) => status))
  cursor = page.nextCursor
  if (cursor === undefined) break
}
process.stdout.write(`outputs ${JSON.stringify({ outputs, children })}\n`)
await engine.close()
