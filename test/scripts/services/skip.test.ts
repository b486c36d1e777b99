import { expect, test } from 'vitest'
import { skipReason } from '../../../scripts/services/skip.ts'

test('what FNFLOW_TEST_SKIP names is skipped', () => {
  expect(skipReason('temporal', { FNFLOW_TEST_SKIP: 'postgres, temporal' })).toBe('needs temporal, and FNFLOW_TEST_SKIP names it')
  expect(skipReason('temporal', { FNFLOW_TEST_SKIP: 'postgres' })).toBeUndefined()
  expect(skipReason('temporal', {})).toBeUndefined()
})

test('continuous integration skips nothing', () => {
  for (const CI of ['true', '1', 'yes']) expect(skipReason('temporal', { FNFLOW_TEST_SKIP: 'temporal', CI }), CI).toBeUndefined()
  for (const CI of ['', '0', 'false']) expect(skipReason('temporal', { FNFLOW_TEST_SKIP: 'temporal', CI }), CI).toBeDefined()
})

test('a name that is no service is an error', () => {
  expect(() => skipReason('temporal', { FNFLOW_TEST_SKIP: 'temporal,redis' })).toThrow(
    'FNFLOW_TEST_SKIP names the service redis: expected some of temporal, postgres',
  )
})
