import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { SystemClock } from '../../../connectors/timer/clock.ts'

const DAY = 86_400_000

describe('the clock of the system', () => {
  let offset = 0
  let steady = 0
  const clocks = (): SystemClock => new SystemClock({ wall: () => Date.now() + offset, steady: () => performance.now() + steady })
  beforeEach(() => {
    offset = steady = 0
    vi.useFakeTimers({ now: Date.parse('2026-11-26T12:00:00Z') })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test.each([
    ['a second', 1000],
    ['no time', 0],
    ['a past time', -5000],
    ['100 days, which is more than Node can wait', 100 * DAY],
  ])('calls back after %s, once', (_what, ms) => {
    const clock = clocks()
    const call = vi.fn()
    clock.at(Date.now() + ms, call)
    if (ms > 0) vi.advanceTimersByTime(ms - 1)
    expect(call).not.toHaveBeenCalled()
    vi.advanceTimersByTime(2)
    expect(call).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(DAY)
    expect(call).toHaveBeenCalledTimes(1)
  })

  test('does not call what was called off', () => {
    const clock = clocks()
    const call = vi.fn()
    const off = clock.at(Date.now() + 50 * DAY, call)
    vi.advanceTimersByTime(40 * DAY)
    off()
    vi.advanceTimersByTime(40 * DAY)
    expect(call).not.toHaveBeenCalled()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('is not early where it was put back meanwhile', () => {
    const clock = clocks()
    const call = vi.fn()
    clock.at(Date.now() + 10_000, call)
    vi.advanceTimersByTime(5000)
    offset = -3000
    vi.advanceTimersByTime(7000)
    expect(call).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1001)
    expect(call).toHaveBeenCalledTimes(1)
  })

  test('tells of a gap when it is set, a second later at most', () => {
    const clock = clocks()
    const began = clock.steadySince
    const gap = vi.fn()
    const stop = clock.watch(gap)
    vi.advanceTimersByTime(100_000)
    expect([gap.mock.calls.length, clock.steadySince]).toEqual([0, began])
    offset = 3_600_000
    vi.advanceTimersByTime(1000)
    expect([gap.mock.calls.length, clock.steadySince]).toEqual([1, Date.now() + offset])
    offset = 0
    vi.advanceTimersByTime(1000)
    expect([gap.mock.calls.length, clock.steadySince]).toEqual([2, Date.now()])
    stop()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('tells of a gap when the process was held up, whoever asks first', () => {
    const clock = clocks()
    const gap = vi.fn()
    clock.watch(gap)
    vi.advanceTimersByTime(10_000)
    // both clocks have gone on, and nothing of this process has
    offset = steady = 60_000
    const now = clock.now()
    expect([gap.mock.calls.length, clock.steadySince]).toEqual([1, now])
    clock.now()
    expect(gap).toHaveBeenCalledTimes(1)
  })

  test('bears with being adjusted, and with nobody asking it for days', () => {
    const clock = clocks()
    const began = clock.steadySince
    vi.advanceTimersByTime(10 * DAY)
    const gap = vi.fn()
    clock.watch(gap)
    for (let second = 0; second < 100; second++) {
      offset += 20
      vi.advanceTimersByTime(1000)
    }
    expect([gap.mock.calls.length, clock.steadySince]).toEqual([0, began])
  })
})
