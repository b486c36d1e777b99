import { describe, expect, it } from 'vitest'
import { MemoryProgress } from '../../../engine/triggers/memory-progress.ts'
import { PlaceMoved } from '../../../engine/triggers/progress.ts'
import { SourcePlaces } from '../../../engine/triggers/source-places.ts'

const TRIGGER = { flow: 'f', name: 't', generation: 0 }

function scene() {
  const store = new MemoryProgress(() => 0)
  let failures = 0
  const note = store.note.bind(store)
  store.note = async (...given) => {
    if (failures > 0) {
      failures -= 1
      throw new Error('the store is away')
    }
    return note(...given)
  }
  return {
    store,
    places: new SourcePlaces(store, TRIGGER),
    fail: (times: number) => (failures = times),
    kept: async (part: string) => (await store.places(TRIGGER)).get(part)?.next,
  }
}

describe('a place that the store did not take', () => {
  it('is noted again with the next one, of whatever part', async () => {
    const { places, fail, kept } = scene()
    fail(1)
    places.note('a', 5)
    await expect.poll(() => kept('a')).toBeUndefined()
    places.note('b', 7)
    await expect.poll(() => kept('b')).toBe(7)
    expect(await kept('a')).toBe(5)
    await places.flush()
  })

  it('is noted again when the source ends', async () => {
    const { places, fail, kept } = scene()
    places.note('a', 1)
    await places.flush()
    fail(2)
    places.note('a', 5)
    await expect(places.flush()).rejects.toThrow('the store is away')
    expect(await kept('a')).toBe(1)
    await places.flush()
    expect(await kept('a')).toBe(5)
  })

  it('is of the past when a later one was noted, or an event has moved it', async () => {
    const { places, fail, kept, store } = scene()
    fail(1)
    places.note('a', 5)
    places.note('a', 6)
    await places.flush()
    expect(await kept('a')).toBe(6)
    fail(1)
    places.note('a', 2)
    await places.read()
    await store.write({ trigger: TRIGGER, move: { part: 'a', next: 9 } })
    places.moved('a', 9)
    await places.flush()
    expect(await kept('a')).toBe(9)
  })

  it('is of the past when another process has moved it', async () => {
    const { places, fail, kept, store } = scene()
    places.note('a', 1)
    await places.flush()
    fail(1)
    places.note('a', 5)
    await expect.poll(() => kept('a')).toBe(1)
    await store.note(TRIGGER, 'a', 20, 1)
    expect((await places.read()).get('a')).toEqual({ next: 20 })
    await places.flush()
    expect(await kept('a')).toBe(20)
    await store.note(TRIGGER, 'a', 30, 20)
    places.note('a', 21)
    await expect(places.flush()).rejects.toThrow(PlaceMoved)
    expect(await kept('a')).toBe(30)
  })
})
