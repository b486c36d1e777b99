import { expect, it, onTestFinished, vi } from 'vitest'
import { createEngine } from '../../engine/create-engine.ts'
import { createServer } from '../../engine/http/server.ts'
import { StartLimits } from '../../engine/start-limits.ts'
import { statisticsOf, bucketOf } from '../../engine/statistics.ts'

it('past the limit of executions that have not ended a start is 429, and a repeated one is not', async () => {
  const engine = await createEngine({ functions: { ask: () => null }, limits: { executions: 2 } })
  await engine.deploy({ flow: 'asks', start: 'a', nodes: { a: { type: 'callback', function: 'ask' } } })
  const app = await createServer({ engine })
  const start = (payload: object = {}) =>
    app.inject({ method: 'POST', url: '/v1/flows/asks/executions', headers: { host: 'localhost' }, payload })
  const [first] = [await start({ name: 'one' }), await start()]
  const refused = await start()
  expect(refused.statusCode).toBe(429)
  expect(refused.json()).toMatchObject({ code: 'too-many-executions' })
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
  expect((await start({ name: 'one' })).json()).toMatchObject({ id: first!.json().id })
  await engine.stop(first!.json().id)
  expect((await start()).statusCode).toBe(202)
  await app.close()
  await engine.close()
})

it('starts at one moment are counted before they are committed', async () => {
  const engine = await createEngine({ functions: { ask: () => null }, limits: { executions: 1 } })
  await engine.deploy({ flow: 'asks', start: 'a', nodes: { a: { type: 'callback', function: 'ask' } } })
  const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => engine.start('asks')))
  const refused = outcomes.filter(({ status }) => status === 'rejected')
  expect(refused).toHaveLength(4)
  for (const one of refused) expect(one).toMatchObject({ reason: { code: 'too-many-executions' } })
  await engine.close()
})

it('starts a second are bounded; options that say nothing are refused', () => {
  const limits = new StartLimits({ startsPerSecond: 3 })
  for (let at = 0; at < 3; at++) limits.admit(0)
  expect(() => limits.admit(0)).toThrow(expect.objectContaining({ code: 'too-many-executions' }))
  for (const bad of [{ executions: 0 }, { executions: 1.5 }, { startsPerSecond: -1 }])
    expect(() => new StartLimits(bad)).toThrow(expect.objectContaining({ code: 'bad-option' }))
})

it('starts that are let in together are more than a second has room for only behind a second without any', () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  const limits = new StartLimits({ startsPerSecond: 2 })
  const reserve = () => limits.reserve({ standard: 0, express: 0 }, { standard: 3, express: 1 })
  const first = reserve()
  expect(reserve).toThrow(expect.objectContaining({ code: 'too-many-executions' }))
  vi.advanceTimersByTime(1400)
  expect(() => limits.admit(0)).toThrow(expect.objectContaining({ code: 'too-many-executions' }))
  expect(reserve).toThrow(expect.objectContaining({ code: 'too-many-executions' }))
  // what is not used is given back
  first.use(0, 'standard')
  first.end()
  first.end()
  reserve()
})

it('percentiles of counted durations are within 5 % of the true ones', () => {
  const durations = Array.from({ length: 1000 }, (_, at) => 10 + at * at)
  const rows = durations.map((ms) => ({ flow: 'f', hour: 100, status: 'succeeded' as const, bucket: bucketOf(ms), count: 1 }))
  const [item] = statisticsOf(rows, { from: 0, to: 200 }, Infinity)
  expect(item).toMatchObject({ executions: 1000, failures: 0, from: 0, to: 720_000_000 })
  expect(Math.abs(item!.p50 / durations[499]! - 1)).toBeLessThan(0.05)
  expect(Math.abs(item!.p95 / durations[949]! - 1)).toBeLessThan(0.05)
})
