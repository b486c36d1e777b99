// The workloads as one writes them by hand for Temporal: the same activities, with the same options as ours (workflows/flow.ts).
import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow'

const activities = proxyActivities({
  startToCloseTimeout: '15m',
  heartbeatTimeout: '3s',
  retry: { initialInterval: 200, backoffCoefficient: 2, maximumInterval: 10_000 },
  cancellationType: ActivityCancellationType.TRY_CANCEL,
})
const { f1, f2, f3, slow } = activities

export async function w1(input) {
  return await f3(await f2(await f1(input)))
}

export async function w5(input) {
  return await sequence(50, input)
}

export async function w99(input) {
  return await sequence(99, input)
}

export async function w4({ items }) {
  return { result: await Promise.all(items.map(async (n) => f2(await f1({ n })))) }
}

export async function slow3(input) {
  return await slow(await slow(await slow(input)))
}

async function sequence(count, input) {
  let value = input
  for (let i = 0; i < count; i++) value = await activities[`f${(i % 50) + 1}`](value)
  return value
}
