import { expect, test } from 'vitest'
import { LONGEST_MS, parseDuration } from '../../dsl/duration.ts'

test.each<[number | string, number]>([
  [0, 0],
  [1, 1000],
  [1.5, 1500],
  [0.0004, 1],
  ['1s', 1000],
  ['90s', 90_000],
  ['1h30m', 5_400_000],
  ['30m1h', 5_400_000],
  ['1.5h', 5_400_000],
  ['250ms', 250],
  ['1d', 86_400_000],
  ['0.1s', 100],
  ['0s', 0],
  ['1s1s', 2000],
  [300.0001, 300_001],
  [1e300, LONGEST_MS],
  ['9'.repeat(99) + 'd', LONGEST_MS],
])('%s is %i ms', (value, ms) => {
  expect(parseDuration(value)).toBe(ms)
})

test.each([
  -1,
  NaN,
  Infinity,
  '',
  '1',
  's',
  '-1s',
  '+1s',
  '1 s',
  ' 1s',
  '1s ',
  '1S',
  '1w',
  '1.s',
  '.5s',
  '1e3s',
  '1h,30m',
  '１s',
  '1s'.repeat(60),
])('%s is none', (value) => {
  expect(parseDuration(value)).toBeUndefined()
})
