// The functions of both workers: those of ../../workloads.ts, one that takes a while, and one that says how long it may take.
import { setTimeout as sleep } from 'node:timers/promises'

/** `f1` to `f50`. */
export const FUNCTIONS = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`f${i + 1}`, async ({ n }) => ({ n: n + 1 })]))

const SLOW_MS = 200

/** For recovery: what is killed is at work in it. */
export async function slow({ n }) {
  await sleep(SLOW_MS)
  return { n: n + 1 }
}
