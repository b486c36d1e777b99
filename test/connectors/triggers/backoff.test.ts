import { describe, expect, it } from 'vitest'
import { Backoff, deliverAllUntilTaken, deliverUntilTaken } from '../../../connectors/triggers/backoff.ts'
import type { TriggerEvent } from '../../../connectors/triggers/contract.ts'
import { until } from '../../engine/calls.ts'
import { TestHost } from '../host.ts'

const soon = (): Backoff => new Backoff({ firstMs: 1, longestMs: 4 })
const event = (n: number): TriggerEvent => ({ key: [String(n)], event: n, place: String(n), advance: { part: '', next: n + 1 } })

describe('pauses', () => {
  it('double from a second to half a minute, a little shorter by chance, until something works', () => {
    const backoff = new Backoff()
    const within = (ms: number, most: number): boolean => ms <= most && ms >= most * 0.75
    const most = [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
    expect(most.map((longest) => within(backoff.next(), longest))).toEqual(most.map(() => true))
    backoff.reset()
    expect(within(backoff.next(), 1000)).toBe(true)
  })

  it('end with the signal', async () => {
    const stop = new AbortController()
    const waiting = new Backoff({ firstMs: 1e8, longestMs: 1e8 }).wait(stop.signal)
    stop.abort()
    await waiting
    await new Backoff({ firstMs: 1e8, longestMs: 1e8 }).wait(stop.signal)
  })
})

describe('an event', () => {
  it('is delivered until something has become of it, and waits for room', async () => {
    const host = new TestHost(1)
    let refused = 0
    host.fate = () => {
      if (refused++ < 3) throw new Error('not now')
      return 'started'
    }
    const { signal } = new AbortController()
    expect(await deliverUntilTaken(host, event(1), signal, soon())).toEqual({ outcome: 'started', executionId: '1' })
    expect(refused).toBe(4)
    const second = deliverUntilTaken(host, event(2), signal, soon())
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(host.events.length).toBe(1)
    host.end()
    expect((await second)?.outcome).toBe('started')
  })

  it('is given up with the signal, whatever it waits for', async () => {
    const host = new TestHost(0)
    const stop = new AbortController()
    const noRoom = deliverUntilTaken(host, event(1), stop.signal)
    const failing = new TestHost()
    failing.fate = () => {
      throw new Error('not now')
    }
    const refused = deliverUntilTaken(failing, event(1), stop.signal)
    stop.abort()
    expect([await noRoom, await refused]).toEqual([undefined, undefined])
  })

  it('is not passed by what comes behind it', async () => {
    const host = new TestHost(2)
    let times = 0
    host.fate = ({ event: n }) => {
      if (n === 2 && times++ < 2) throw new Error('not now')
      return 'started'
    }
    const all = deliverAllUntilTaken(host, [1, 2, 3, 4].map(event), new AbortController().signal, soon())
    await until(() => host.events.length === 2, 'two of them')
    host.end(2)
    expect(await all).toBe(4)
    expect(host.events.map(({ event: n }) => n)).toEqual([1, 2, 3, 4])
    expect(host.kept).toEqual(new Map([['', { next: 5 }]]))
  })
})
