import type { TestHost } from '../host.ts'

/** The `n` of what was delivered, by partition, in order. */
export function numbersOf(host: TestHost): Record<number, number[]> {
  const all: Record<number, number[]> = {}
  for (const batch of batchesOf(host)) (all[batch.partition] ??= []).push(...batch.numbers)
  return all
}

/** What was delivered: the records of each event. */
export function batchesOf(host: TestHost): { readonly partition: number; readonly numbers: number[] }[] {
  return host.events
    .filter(({ poison }) => poison === undefined)
    .map(({ event }) => {
      const [{ partition, messages }] = (event as any).records
      return { partition, numbers: messages.map(({ n }: { n: number }) => n) }
    })
}

export function count(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at)
}
