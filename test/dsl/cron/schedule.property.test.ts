import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { scheduleOf } from '../../../dsl/cron/schedule.ts'
import { busy, sparse, wallOf, type RandomExpression, type Wall } from './random-expressions.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** Where clocks were, or will be, changed in some way that breaks what one takes for granted. */
const CHANGES: readonly (readonly [zone: string, from: string, what: string])[] = [
  ['Europe/Berlin', '2024-03-30T18:00Z', 'an hour forward at 2:00'],
  ['Europe/Berlin', '2024-10-26T18:00Z', 'an hour back at 3:00'],
  ['Europe/Dublin', '2024-03-30T18:00Z', 'winter time as the saving, forward'],
  ['Europe/Dublin', '2024-10-26T18:00Z', 'winter time as the saving, back'],
  ['Australia/Lord_Howe', '2024-10-05T06:00Z', 'half an hour forward'],
  ['Australia/Lord_Howe', '2024-04-06T06:00Z', 'half an hour back'],
  ['Pacific/Apia', '2011-12-29T12:00Z', 'a day left out'],
  ['Pacific/Kwajalein', '1993-08-20T12:00Z', 'a day left out'],
  ['Atlantic/Azores', '2024-03-30T18:00Z', 'forward at midnight'],
  ['Atlantic/Azores', '2024-10-26T18:00Z', 'back over midnight'],
  ['Antarctica/Troll', '2024-03-30T18:00Z', 'two hours forward'],
  ['Antarctica/Troll', '2024-10-26T18:00Z', 'two hours back'],
  ['Africa/Cairo', '2024-04-25T12:00Z', 'forward at midnight'],
  ['Africa/Cairo', '2024-10-31T12:00Z', 'back at midnight, over two days'],
  ['America/Sao_Paulo', '2018-11-03T12:00Z', 'forward at midnight'],
  ['America/Sao_Paulo', '2018-02-17T12:00Z', 'back at midnight'],
  ['Asia/Kathmandu', '1985-12-31T06:00Z', 'a quarter of an hour, for good'],
  ['Asia/Pyongyang', '2018-05-04T06:00Z', 'half an hour, for good'],
  ['America/Havana', '2024-11-02T18:00Z', 'back at 1:00'],
]

/** Each minute of a day and a half, as the clock of the zone shows it. */
function minutesOf(zone: string, from: number): readonly (readonly [number, Wall])[] {
  const wall = wallOf(zone)
  return Array.from({ length: 36 * 60 }, (_, index) => {
    const time = from + index * 60_000
    return [time, wall(time)] as const
  })
}

function ticksByHand(minutes: readonly (readonly [number, Wall])[], { second, onDay, atMinute }: RandomExpression): number[] {
  const seconds = Array.from({ length: 60 }, (_, each) => each).filter(second)
  return minutes.flatMap(([time, wall]) => (atMinute(wall) && onDay(wall) ? seconds.map((each) => time + each * 1000) : []))
}

function ticksOf(text: string, zone: string, from: number, until: number): number[] {
  const schedule = scheduleOf(text, { zone, origin: from })
  const ticks: number[] = []
  for (let tick = schedule.after(from); tick !== undefined && tick < until; tick = schedule.after(tick)) ticks.push(tick)
  return ticks
}

describe('every instant whose wall clock matches, and no other', () => {
  test.each(CHANGES)('%s, %s: %s', (zone, text) => {
    const from = Date.parse(text)
    const minutes = minutesOf(zone, from)
    fc.assert(
      fc.property(busy, (expression) => {
        const until = from + 36 * HOUR
        expect(ticksOf(expression.text, zone, from - 1, until)).toEqual(ticksByHand(minutes, expression))
      }),
      { numRuns: 25 },
    )
  })

  test('an offset of 44 minutes and 30 seconds, second by second', () => {
    const [zone, from] = ['Africa/Monrovia', Date.parse('1972-01-06T23:30Z')]
    const wall = wallOf(zone)
    const seconds = Array.from({ length: 3 * 3600 }, (_, index) => [from + index * 1000, wall(from + index * 1000)] as const)
    fc.assert(
      fc.property(busy, ({ text, second, atMinute, onDay }) => {
        const byHand = seconds.filter(([, each]) => second(each.second) && atMinute(each) && onDay(each)).map(([time]) => time)
        expect(ticksOf(text, zone, from - 1, from + 3 * HOUR)).toEqual(byHand)
      }),
      { numRuns: 25 },
    )
  })
})

describe('rare days', () => {
  const from = Date.UTC(1995, 0, 1)
  const days = Array.from({ length: 60 * 366 }, (_, index) => {
    const date = new Date(from + index * DAY)
    return { start: date.getTime(), day: date.getUTCDate(), month: date.getUTCMonth() + 1, weekday: date.getUTCDay() }
  })

  test('in UTC, for sixty years', () => {
    fc.assert(
      fc.property(sparse, ({ days: fields, onDay }) => {
        const byHand = days.filter(onDay).map(({ start }) => start + 12 * HOUR)
        expect(ticksOf(`0 0 12 ${fields}`, 'UTC', from - 1, from + days.length * DAY)).toEqual(byHand)
      }),
      { numRuns: 50 },
    )
  })

  test.each([
    ['Europe/Berlin', [1, 2]],
    ['America/New_York', [-5, -4]],
    ['Australia/Lord_Howe', [10.5, 11]],
  ] as const)('in %s, over the changes between', (zone, offsets) => {
    const wall = wallOf(zone)
    const some = days.slice(25 * 366, 37 * 366)
    const [first, last] = [some[0]!.start + 2 * DAY, some.at(-1)!.start - 2 * DAY]
    fc.assert(
      fc.property(sparse, ({ days: fields, onDay }) => {
        const byHand = some
          .filter(onDay)
          .flatMap(({ start, day }) =>
            offsets
              .map((hours) => start + (2.25 - hours) * HOUR)
              .filter((time) => {
                const shown = wall(time)
                return shown.day === day && shown.hour === 2 && shown.minute === 15
              })
              .sort((a, b) => a - b),
          )
          .filter((time) => time > first && time < last)
        expect(ticksOf(`0 15 2 ${fields}`, zone, first, last)).toEqual(byHand)
      }),
      { numRuns: 25 },
    )
  })
})
