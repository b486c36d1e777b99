import { describe, expect, test } from 'vitest'
import { CronSyntaxError } from '../../../dsl/cron/errors.ts'
import { nextFires } from '../../../dsl/cron/next-fires.ts'
import { scheduleOf } from '../../../dsl/cron/schedule.ts'

const FROM = Date.parse('2026-11-26T12:00:00Z')

function next(expression: string, from: number | string, zone = 'UTC', count = 1): string[] {
  return nextFires(expression, { zone, from, count }).map((time) => new Date(time).toISOString())
}

describe('nextFires', () => {
  test('takes a date, a number or a text, and gives epoch milliseconds', () => {
    const expected = [Date.parse('2026-11-27T00:00:00Z')]
    expect(nextFires('@daily', { from: FROM })).toEqual(expected)
    expect(nextFires('@daily', { from: new Date(FROM) })).toEqual(expected)
    expect(nextFires('@daily', { from: '2026-11-26T12:00:00Z' })).toEqual(expected)
    expect(nextFires('@daily', { from: FROM, count: 0 })).toEqual([])
  })

  test.each([
    [{ from: 'yesterday' }, /from must be a time/],
    [{ from: Number.NaN }, /from must be a time/],
    [{ from: FROM, count: 1.5 }, /count/],
    [{ from: FROM, count: -1 }, /count/],
    [{ from: FROM, count: 1e9 }, /count/],
    [{ from: FROM, zone: '+02:00' }, /time zone/],
    [{ from: FROM, zone: 'Local' }, /time zone/],
    [{ from: FROM, zone: '' }, /time zone/],
  ])('refuses %j', (options, message) => {
    expect(() => nextFires('@daily', options)).toThrow(RangeError)
    expect(() => nextFires('@daily', options)).toThrow(message)
  })

  test('the zone of the expression comes before that of the caller', () => {
    expect(next('CRON_TZ=Asia/Tokyo 0 0 9 * * *', FROM, 'America/New_York')).toEqual(['2026-11-27T00:00:00.000Z'])
    expect(next('TZ=asia/tokyo 0 0 9 * * *', FROM)).toEqual(['2026-11-27T00:00:00.000Z'])
  })

  test('leaves out the 29th of February where there is none, also in 2100', () => {
    expect(next('0 0 0 29 2 ?', '2095-01-01T00:00:00Z', 'UTC', 3)).toEqual([
      '2096-02-29T00:00:00.000Z',
      '2104-02-29T00:00:00.000Z',
      '2108-02-29T00:00:00.000Z',
    ])
  })

  test('a year in which the clock skips the time is left out', () => {
    // in 2030 the clock is put forward on the 31st, over this time
    expect(next('0 30 2 31 3 ?', '2029-12-01T00:00:00Z', 'Europe/Berlin', 2)).toEqual([
      '2031-03-31T00:30:00.000Z',
      '2032-03-31T00:30:00.000Z',
    ])
  })

  test('where nothing comes the list ends', () => {
    expect(next('0 0 0 31 2,4,6,9,11 ?', FROM, 'Europe/Berlin', 5)).toEqual([])
    expect(nextFires('@daily', { zone: 'Europe/Berlin', from: 8.64e15 - 2.5 * 86_400_000, count: 9 })).toHaveLength(3)
    expect(nextFires('@every 1h', { from: 8.64e15 - 2.5 * 3_600_000, count: 9 })).toHaveLength(2)
  })

  test('both days restricted: either is enough', () => {
    expect(next('0 0 0 1 12 MON', FROM, 'UTC', 2)).toEqual(['2026-12-01T00:00:00.000Z', '2026-12-07T00:00:00.000Z'])
    expect(next('0 0 0 */1 12 MON', FROM, 'UTC', 2)).toEqual(['2026-12-07T00:00:00.000Z', '2026-12-14T00:00:00.000Z'])
    expect(next('0 0 0 */2 12 MON', FROM, 'UTC', 2)).toEqual(['2026-12-01T00:00:00.000Z', '2026-12-03T00:00:00.000Z'])
  })

  test('before 1970, and before the calendar', () => {
    expect(next('@yearly', '1899-06-01T00:00:00Z', 'UTC')).toEqual(['1900-01-01T00:00:00.000Z'])
    expect(next('@yearly', '-000001-06-01T00:00:00Z', 'Europe/Berlin')).toEqual(['-000001-12-31T23:06:32.000Z'])
  })
})

describe('a text that is no expression', () => {
  test.each([
    ['0 0 24 * * *', 4, /hour: expected a number from 0 to 23, found "24" \(character 5\)/],
    ['0 0 0 * * 7', 10, /Sunday is 0/],
    ['0 0 0 ? * MON#1', 10, /L, W and # are not known/],
    ['0 0 22-2 * * *', 4, /give two: 22-23,0-2/],
    ['0 0 0 1,40 * *', 8, /day of month/],
    ['0 0/x 0 * * *', 4, /expected a step/],
    ['CRON_TZ=Mars/Base 0 0 0 * * *', 8, /time zone/],
    ['CRON_TZ= 0 0 0 * * *', 8, /time zone/],
    ['CRON_TZ=UTC 0 0 99 * * *', 16, /hour/],
    ['TZ=UTC   0 99 0 * * *', 11, /minute/],
    ['0 0 0 * * * 2030', 12, /there is no year/],
    ['@every 1h2x', 9, /expected a duration/],
    ['@every .s', 7, /expected a duration/],
    ['@every 0.9s', 7, /at least 1s/],
    ['@fortnightly', 0, /@weekly/],
  ])('%s', (expression, position, message) => {
    let error: unknown
    try {
      nextFires(expression, { from: FROM })
    } catch (caught) {
      error = caught
    }
    expect(error).toBeInstanceOf(CronSyntaxError)
    expect(error).toMatchObject({ position, message: expect.stringMatching(message) as string })
  })

  test('long ones are refused or taken at once', () => {
    // were one of them quadratic it would take minutes
    const million = 1_000_000
    expect(() => nextFires(' '.repeat(million), { from: FROM })).toThrow(CronSyntaxError)
    expect(() => nextFires('* '.repeat(million), { from: FROM })).toThrow(CronSyntaxError)
    expect(() => nextFires(`@every ${'0'.repeat(million)}`, { from: FROM })).toThrow(CronSyntaxError)
    expect(() => nextFires(`@every 1.${'9'.repeat(million)}`, { from: FROM })).toThrow(CronSyntaxError)
    expect(() => nextFires(`CRON_TZ=${'A'.repeat(million)} @daily`, { from: FROM })).toThrow(CronSyntaxError)
    expect(nextFires(`${'1,'.repeat(million)}1 0 0 * * *`, { from: FROM })).toHaveLength(1)
    expect(nextFires(`@every ${'0'.repeat(million)}1h`, { from: FROM })).toEqual([FROM + 3_600_000])
  })
})

describe('@every', () => {
  const origin = Date.parse('2026-01-01T00:00:10.700Z')
  const schedule = scheduleOf('@every 1m30.9s', { zone: 'UTC', origin })

  test('keeps the phase of its beginning, in whole seconds', () => {
    const first = Date.parse('2026-01-01T00:01:40Z')
    expect(schedule.after(origin)).toBe(first)
    expect(schedule.after(origin - 1e9)).toBe(first)
    expect(schedule.after(first - 1)).toBe(first)
    expect(schedule.after(first)).toBe(first + 90_000)
    expect(schedule.after(first + 1)).toBe(first + 90_000)
    expect(schedule.after(first + 1e6 * 90_000 + 500)).toBe(first + (1e6 + 1) * 90_000)
  })

  test('counts without counting', () => {
    const secondly = scheduleOf('@every 1s', { zone: 'UTC', origin: 0 })
    expect(secondly.count(0, 1e15, Infinity)).toBe(1e12)
    expect(secondly.count(0, 1e15, 100)).toBe(100)
    expect(secondly.count(5000, 5000, 100)).toBe(0)
    expect(secondly.count(6000, 5000, 100)).toBe(0)
    expect(secondly.count(4999, 5000, 100)).toBe(1)
  })

  test('is no less than 292 years', () => {
    expect(next('@every 2562047h47m16.854775807s', '2026-01-01T00:00:00Z')).toEqual(['2318-04-12T23:47:16.000Z'])
    expect(() => nextFires('@every 2562047h47m16.854775808s', { from: 0 })).toThrow(/292 years/)
  })
})

test('ticks of a calendar are counted up to a bound', () => {
  const daily = scheduleOf('@daily', { zone: 'Europe/Berlin', origin: 0 })
  expect(daily.count(FROM, FROM + 10 * 86_400_000, 100)).toBe(10)
  expect(daily.count(FROM, FROM + 10 * 86_400_000, 4)).toBe(4)
  expect(daily.count(FROM, FROM, 4)).toBe(0)
})
