import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { LocalEngine } from '../../engine/local-engine.ts'
import { rejection } from './calls.ts'

let engine: LocalEngine

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  const functions = { echo: (event: unknown) => event, asks: () => null }
  engine = await LocalEngine.open({ engine: 'express', functions, limits: { executions: 2 } })
  for (const name of ['echo', 'asks'])
    await engine.deploy({
      flow: name,
      mode: 'express',
      start: 'a',
      nodes: { a: { type: name === 'asks' ? 'callback' : 'function', function: name } },
    })
})
afterEach(async () => {
  vi.useRealTimers()
  await engine.close()
})

it('are found until 5 minutes after their ends', async () => {
  const first = await engine.start('echo')
  await first.result()
  vi.advanceTimersByTime(60_000)
  const second = await engine.start('echo')
  await second.result()
  vi.advanceTimersByTime(239_000)
  expect((await engine.list()).items.map(({ id }) => id)).toEqual([second.id, first.id])
  vi.advanceTimersByTime(2_000)
  expect(await rejection(engine.describe(first.id))).toMatchObject({ code: 'execution-not-found' })
  expect((await engine.list()).items.map(({ id }) => id)).toEqual([second.id])
  vi.advanceTimersByTime(60_000)
  expect((await engine.list()).items).toEqual([])
  // whoever holds one still has it
  expect(await second.describe()).toMatchObject({ status: 'succeeded' })
})

it('that are unlisted count and end with their flow, but are not found', async () => {
  const one = await engine.start('asks', { unlisted: true, id: 'mine' })
  expect((await engine.start('asks', { unlisted: true, id: 'mine' })).existed).toBe(true)
  await engine.start('asks', { unlisted: true })
  expect(await rejection(engine.start('asks'))).toMatchObject({ code: 'too-many-executions' })
  expect(await rejection(engine.describe('mine'))).toMatchObject({ code: 'execution-not-found' })
  expect((await engine.list()).items).toEqual([])
  const result = rejection(one.result())
  await engine.catalogue.remove('asks', { force: true })
  expect(await result).toMatchObject({ executionStatus: 'cancelled' })
  expect((await engine.start('echo')).id).toBeTruthy()
})
