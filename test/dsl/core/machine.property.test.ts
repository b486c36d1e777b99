import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CoreEvent } from '../../../dsl/core/machine.ts'
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

/** What an event answered: those of one place and occasion are one. */
function identity(event: CoreEvent): string {
  return `${event.kind} ${'place' in event ? event.place : ''} ${event.kind === 'timer' ? event.purpose : ''}`
}

/** What may come late where `event` has come already: the same again, and the opposite. The time is the sender's to fill in. */
function repeated(event: CoreEvent): CoreEvent[] {
  const error = { status: 430, errorType: 'Late', errorMessage: 'late' }
  switch (event.kind) {
    case 'ok':
    case 'error': {
      const place = event.place as string
      return [
        { kind: 'ok', place, data: 'again', time: 0 },
        { kind: 'error', place, data: error, time: 0 },
      ]
    }
    case 'called':
    case 'refused':
      return [
        { kind: 'called', place: event.place, data: 'again', time: 0 },
        { kind: 'refused', place: event.place, data: error, time: 0 },
      ]
    case 'timer':
      return [event]
    default:
      return []
  }
}

/** Whether a host waits for it, so that it is no stale one: the interval of a loop passes several times. */
function isAwaited(host: SimulatedHost, event: CoreEvent): boolean {
  if (event.kind === 'timer') return host.timers.has(`${event.place} ${event.purpose}`)
  if (event.kind === 'called' || event.kind === 'refused') return callbacksOf(host).includes(event.place)
  return 'place' in event && host.effects.has(event.place as string)
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
        const stale = new Map<string, CoreEvent>()
        play(host, endless(seed), () => {
          const last = host.journal.at(-1)
          if (last !== undefined) stale.set(identity(last), last)
          const before = signature(host.flow)
          const ends = host.ends
          for (const event of stale.values()) {
            const length = host.journal.length
            for (const again of repeated(event)) if (!isAwaited(host, again)) host.send({ ...again, time: host.now })
            host.journal.length = length
          }
          expect(signature(host.flow)).toBe(before)
          expect(host.ends).toBe(ends)
        })
      }),
      { numRuns: 80 },
    )
  })
})
