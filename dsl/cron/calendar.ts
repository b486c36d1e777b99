/** Days of the Gregorian calendar, counted from 1970-01-01, as far back and ahead as one likes. */

export interface CivilDate {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  readonly day: number
}

const ERA_DAYS = 146_097
const ERA_YEARS = 400
/** From 0000-03-01, where the years of this arithmetic begin, to 1970-01-01. */
const EPOCH = 719_468

export function daysOf({ year, month, day }: CivilDate): number {
  // a year begins in March, so that the leap day is its last
  const shifted = month <= 2 ? year - 1 : year
  const era = Math.floor(shifted / ERA_YEARS)
  const ofEra = shifted - era * ERA_YEARS
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + dayOfYear
  return era * ERA_DAYS + dayOfEra - EPOCH
}

export function civilOf(days: number): CivilDate {
  const shifted = days + EPOCH
  const era = Math.floor(shifted / ERA_DAYS)
  const dayOfEra = shifted - era * ERA_DAYS
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  return {
    year: yearOfEra + era * ERA_YEARS + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
  }
}

export function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** 0 is Sunday. */
export function dayOfWeek(days: number): number {
  // 1970-01-01 was a Thursday
  return (((days + 4) % 7) + 7) % 7
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}
