import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { watchPulse } from '../../cli/pulse.ts'
import type { Engine } from '../../engine/api.ts'
import { EngineError } from '../../engine/errors.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('tells once that the servers are away, and once that they are back; nothing after its end', async () => {
  let away: Error | null = null
  const told: string[] = []
  const engine = { list: () => (away === null ? Promise.resolve({ items: [] }) : Promise.reject(away)) }
  const pulse = watchPulse(engine as unknown as Engine, (text) => told.push(text))
  const looking = (times: number): Promise<unknown> => vi.advanceTimersByTimeAsync(times * 20_000)
  await looking(2)
  expect(told).toEqual([])
  away = new EngineError('temporal-unavailable', 'no server')
  await looking(3)
  expect(told).toEqual(['nothing can be done now, and is tried again: no server'])
  away = null
  await looking(3)
  expect(told.slice(1)).toEqual(['Temporal and PostgreSQL answer again'])
  pulse.stop()
  away = new EngineError('temporal-unavailable', 'no server')
  await looking(3)
  expect(told).toHaveLength(2)
})
