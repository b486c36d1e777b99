import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Plan } from '../../../dsl/plan.ts'
import { eventsOf } from '../../../engine/estimate/cost.ts'
import { estimate } from '../../../engine/estimate/estimate.ts'
import type { Range } from '../../../engine/estimate/range.ts'
import { randomPlan } from '../../dsl/core/random-flows.ts'
import { runOnDriver, type Choose } from './driver.ts'

const INPUT = { items: [{ pick: 0 }, { pick: 1 }, { pick: 2 }], pick: 1 }

/** How many items a loop has must not hang on what a function gives, of which an estimate knows nothing. */
const plans = randomPlan.map((plan): Plan => {
  const nodes = Object.values(plan.nodes).map((node) => [
    node.id,
    node.type === 'loop' ? { ...node, items: '$$.execution.input.items' } : node,
  ])
  return { ...plan, nodes: Object.fromEntries(nodes) as Plan['nodes'] }
})

const choices: fc.Arbitrary<Choose> = fc.oneof(
  fc.constant<Choose>((open) => open.slice(0, 1)),
  fc.constant<Choose>((open) => open),
  fc.infiniteStream(fc.nat()).map<Choose>((numbers) => (open) => {
    const some = open.filter(() => (numbers.next().value as number) % 2 === 0)
    return some.length > 0 ? some : open.slice(-1)
  }),
)

/** What a run of the engine's driver takes lies within the estimate, whatever the order and whatever ends together. */
it('least and most hold what the driver does', () => {
  fc.assert(
    fc.property(plans, fc.nat({ max: 2 }), choices, (plan, pick, choose) => {
      const result = { items: [{ pick: 0 }, { pick: 1 }, { pick: 2 }], pick }
      const { cost } = estimate(plan, { input: INPUT, bytes: 100, items: 1, now: 0 })
      const { events, invocations, status } = runOnDriver(plan, INPUT, result, choose)
      expect(status).toBe('succeeded')
      const bounds = eventsOf(cost)
      expect(events).toBeGreaterThanOrEqual(bounds.least - 1e-6)
      expect(events).toBeLessThanOrEqual(bounds.most + 1e-6)
      expect(invocations).toBeGreaterThanOrEqual(cost.invocations.least)
      expect(invocations).toBeLessThanOrEqual(cost.invocations.most)
      expect(bounds.expected).toBeGreaterThanOrEqual(bounds.least - 1e-6)
      expect(bounds.expected).toBeLessThanOrEqual(bounds.most + 1e-6)
      expect(bounds.withRetries).toBeGreaterThanOrEqual(bounds.most - 1e-6)
    }),
    { numRuns: 400 },
  )
})

/** What the property has found once. */
describe('least and most, of what is rare', () => {
  const plan = (start: string, nodes: readonly object[]): Plan =>
    ({
      format: 1,
      flow: 'rare',
      mode: 'standard',
      mergeInput: false,
      timeoutMs: 3_600_000,
      start,
      nodes: Object.fromEntries(nodes.map((node) => [(node as { id: string }).id, { label: 'x', at: [], ...node }])),
    }) as unknown as Plan
  const call = { function: 'default/f:latest', invoke: 'sync' }
  const costOf = (rare: Plan): Range => eventsOf(estimate(rare, { input: INPUT, bytes: 100, items: 1, now: 0 }).cost)

  it('a branch that loses before it has scheduled anything costs its timer alone', () => {
    const race = plan('race', [
      { id: 'race', type: 'parallel', branches: ['late', 'later', 'quick'], complete: 1, resultPath: 'items', join: 'end' },
      { id: 'late', type: 'wait', seconds: 2, next: 'a' },
      { id: 'later', type: 'wait', seconds: 2, next: 'b' },
      { id: 'quick', type: 'function', ...call, next: 'end' },
      { id: 'a', type: 'function', ...call, next: 'end' },
      { id: 'b', type: 'function', ...call, next: 'end' },
      { id: 'end', type: 'end' },
    ])
    const { events } = runOnDriver(race, INPUT, { items: [], pick: 0 }, (open) => open)
    expect(events).toBeGreaterThanOrEqual(costOf(race).least - 1e-6)
  })

  it('a flow that ends with one callback or another: what is expected is between', () => {
    const either = plan('ask', [
      { id: 'ask', type: 'function', ...call, next: 'which' },
      { id: 'which', type: 'condition', branches: [{ when: '$.pick == 0', next: 'one' }], otherwise: 'other' },
      { id: 'one', type: 'callback', ...call, timeoutMs: 5000 },
      { id: 'other', type: 'callback', ...call, timeoutMs: 5000 },
    ])
    const { expected, most } = costOf(either)
    expect(expected).toBeLessThanOrEqual(most + 1e-6)
  })
})

/** Whatever fails, and however often. */
it('nothing takes more than everything that fails as often as it can', () => {
  const outcomes = fc.infiniteStream(fc.nat({ max: 3 }))
  fc.assert(
    fc.property(plans, fc.nat({ max: 2 }), choices, outcomes, (plan, pick, choose, numbers) => {
      const result = { items: [{ pick: 0 }, { pick: 1 }, { pick: 2 }], pick }
      const { cost } = estimate(plan, { input: INPUT, bytes: 100, items: 1, now: 0 })
      const { events, invocations } = runOnDriver(plan, INPUT, result, choose, () => numbers.next().value !== 0)
      expect(invocations).toBeLessThanOrEqual(cost.invocations.withRetries)
      expect(events).toBeLessThanOrEqual(eventsOf(cost).withRetries + 1e-6)
    }),
    { numRuns: 400 },
  )
})
