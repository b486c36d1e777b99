import { expect, it } from 'vitest'
import { Budget, REFERENCE_BYTES } from '../../../engine/estimate/budget.ts'
import { inlineLimit } from '../../../workflows/protocol/limits.ts'

const KIB = 1024

it('keeps small payloads, and references to large ones', () => {
  expect(new Budget().take([100, 200], 1)).toEqual({ bytes: 300, stored: 0 })
  expect(new Budget().take([100, inlineLimit(0) + 1], 1)).toEqual({ bytes: 100 + REFERENCE_BYTES, stored: inlineLimit(0) + 1 })
})

it('keeps less the more there is', () => {
  const budget = new Budget()
  budget.take([1 * KIB], 1100)
  expect(budget.inline).toBe(inlineLimit(1100 * KIB))
  expect(budget.take([3 * KIB], 1)).toEqual({ bytes: REFERENCE_BYTES, stored: 3 * KIB })
})

it('spreads what is over among all that happen', () => {
  // 64 of them fill the first MiB, the others are too large for what may stay then
  const { bytes, stored } = new Budget().take([16 * KIB], 128)
  expect(bytes).toBeCloseTo(8 * KIB + REFERENCE_BYTES / 2, -2)
  expect(stored).toBeCloseTo(8 * KIB, -2)
})

it('takes any number of payloads at once', () => {
  const { bytes } = new Budget().take([700], 1e7)
  expect(bytes).toBeLessThan(REFERENCE_BYTES + 1)
})

it('what never happens uses nothing', () => {
  const budget = new Budget()
  expect(budget.take([100], 0)).toEqual({ bytes: 100, stored: 0 })
  expect(budget.inline).toBe(inlineLimit(0))
})
