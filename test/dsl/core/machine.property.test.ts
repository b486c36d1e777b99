import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { awaitsCallback } from '../../../dsl/nodes/callback.ts'
import { randomPlan } from './random-flows.ts'
import { signature, SimulatedHost } from './simulated-host.ts'

const INPUT = { items: [{ pick: 0 }, { pick: 1 }, { pick: 2 }], pick: 1 }

/** Plays a flow to its end: each number decides what happens next. Checks the invariants on the way. */
function play(host: SimulatedHost, choices: Iterator<number>, check: () => void): void {
  for (let steps = 0; host.flow.status === 'running'; steps++) {
    if (steps > 3000) throw new Error('the flow does not end')
    const choice = choices.next().value as number
    const effects = [...host.effects.keys()]
    const waiting = callbacksOf(host)
    const options = effects.length + waiting.length + (host.timers.size > 0 ? 1 : 0)
    if (options === 0) throw new Error(`nothing is outstanding and the flow has not ended: ${signature(host.flow)}`)
    const pick = choice % options
    const good = (choice >> 8) % 4 !== 0
    if (pick < effects.length) {
      const place = effects[pick] as string
      if (good) host.succeed(place, { items: [{ pick: choice % 3 }], pick: choice % 3 })
      else host.fail(place)
    } else if (pick < effects.length + waiting.length) {
      const place = waiting[pick - effects.length] as string
      const time = host.now
      if (good) host.send({ kind: 'called', place, data: { items: [], pick: 0 }, time })
      else host.send({ kind: 'refused', place, data: { status: 430, errorType: 'Refused', errorMessage: 'no' }, time })
    } else host.fireNext()
    check()
  }
}

function callbacksOf(host: SimulatedHost): string[] {
  const places: string[] = []
  for (const [key, timer] of host.timers) {
    if (timer.purpose === 'timeout' && timer.run !== null && awaitsCallback(timer.run)) places.push(key.slice(0, key.lastIndexOf(' ')))
  }
  return places
}

function endless(seed: readonly number[]): Iterator<number> {
  let at = 0
  let state = 1
  return {
    next() {
      const given = seed[at++]
      state = (Math.imul(state, 1_103_515_245) + 12_345 + (given ?? 0)) >>> 0
      return { done: false, value: state >>> 1 }
    },
  }
}

describe('random flows', () => {
  it('end in one end state, with every started node ended', () => {
    fc.assert(
      fc.property(randomPlan, fc.array(fc.nat(), { maxLength: 20 }), (plan, seed) => {
        const host = new SimulatedHost(plan, INPUT)
        play(host, endless(seed), () => undefined)
        expect(host.ends).toBe(1)
        expect(host.flow.status).not.toBe('running')
        expect([...host.ledger.open.keys()]).toEqual([])
        expect(host.effects.size).toBe(0)
        expect(host.timers.size).toBe(0)
      }),
      { numRuns: 400 },
    )
  })

  it('fold from their journal to the live state, after every event', () => {
    fc.assert(
      fc.property(randomPlan, fc.array(fc.nat(), { maxLength: 20 }), (plan, seed) => {
        const host = new SimulatedHost(plan, INPUT)
        play(host, endless(seed), () => expect(signature(host.folded())).toBe(signature(host.flow)))
      }),
      { numRuns: 150 },
    )
  })

  it('have as outstanding what was commanded and not withdrawn', () => {
    fc.assert(
      fc.property(randomPlan, fc.array(fc.nat(), { maxLength: 20 }), (plan, seed) => {
        const host = new SimulatedHost(plan, INPUT)
        play(host, endless(seed), () => {
          for (const place of host.effects.keys()) expect(host.at(place)?.kind).not.toBeNull()
          const count = (JSON.parse(signature(host.flow)) as [string, unknown, unknown, string[]])[3].length
          expect(count).toBe(host.effects.size + host.timers.size)
        })
      }),
      { numRuns: 150 },
    )
  })

  it('ignore events that come twice or late', () => {
    fc.assert(
      fc.property(randomPlan, fc.array(fc.nat(), { maxLength: 20 }), (plan, seed) => {
        const host = new SimulatedHost(plan, INPUT)
        const stale = new Set<string>()
        play(host, endless(seed), () => {
          const last = host.journal.at(-1)
          if (last?.kind === 'ok' && last.place !== undefined) stale.add(last.place)
          const before = signature(host.flow)
          for (const place of stale) {
            if (host.effects.has(place)) continue
            const length = host.journal.length
            host.send({ kind: 'ok', place, data: 'again', time: host.now })
            host.journal.length = length
          }
          expect(signature(host.flow)).toBe(before)
        })
      }),
      { numRuns: 80 },
    )
  })
})
