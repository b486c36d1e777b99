/*
 * What one would write by hand: no journal, no limits, no deadlines, no records.
 * The rules: handlers are taken from a Map by name, called with a fresh body and a context object, and each result is awaited.
 */
import { HANDLERS, names, type WorkloadName } from './workloads.ts'

interface Value {
  readonly n: number
}

const W1 = names(3)
const W5 = names(50)

function call(name: string, n: number): Promise<Value> {
  return HANDLERS.get(name)!({ n }, { name, attempt: 1 }) as Promise<Value>
}

async function sequence(steps: readonly string[], n: number): Promise<Value> {
  let value: Value = { n }
  for (const name of steps) value = await call(name, value.n)
  return value
}

async function each(item: number): Promise<Value> {
  const first = await call('f1', item)
  return await call('f2', first.n)
}

async function pool(items: readonly number[], size: number): Promise<Value[]> {
  const results = new Array<Value>(items.length)
  let next = 0
  const lane = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) results[i] = await each(items[i] as number)
  }
  await Promise.all(Array.from({ length: size }, lane))
  return results
}

export const IN_PROCESS: { readonly [K in WorkloadName]: (input: any) => Promise<unknown> } = {
  w1: (input: Value) => sequence(W1, input.n),
  w2: async (input: Value) => ({ result: await Promise.all([call('f1', input.n), call('f2', input.n), call('f3', input.n)]) }),
  w3: async (input: Value) => (input.n > 5 ? await call('f1', input.n) : await call('f2', input.n)),
  w4: async (input: { items: readonly number[] }) => ({ result: await Promise.all(input.items.map(each)) }),
  'w4-10': async (input: { items: readonly number[] }) => ({ result: await pool(input.items, 10) }),
  w5: (input: Value) => sequence(W5, input.n),
}
