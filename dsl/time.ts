/** Date, then perhaps a time, then perhaps a zone; the separators of date and of time are each written or left out throughout. */
const TIME = /^(\d{4})(-?)(\d\d)\2(\d\d)(?:[Tt ](\d\d)(?:(:?)(\d\d)(?:\6(\d\d)(?:[.,](\d+))?)?)?([Zz]|[+-]\d\d(?::?\d\d)?)?)?$/
const MINUTE_MS = 60_000

/**
 * The instant of an ISO 8601 calendar date, or date and time; without a zone it is UTC on every machine.
 *
 * @returns Epoch ms, or `undefined` where the text is none, or names a day that is not in the calendar.
 */
export function parseTime(text: string): number | undefined {
  if (text.length > 64) return undefined
  const parts = TIME.exec(text)
  if (parts === null) return undefined
  const [year, month, day, hour, minute, second] = [1, 3, 4, 5, 7, 8].map((group) => Number(parts[group] ?? 0)) as Six
  const ms = Math.trunc(Number(`0.${parts[9] ?? 0}`) * 1000)
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || minute > 59 || second > 59) return undefined
  // 24:00 is the midnight that ends the day.
  if (hour > 23 && (hour > 24 || minute + second + ms > 0)) return undefined
  const offset = offsetMinutes(parts[10] ?? 'Z')
  return offset === undefined ? undefined : date.setUTCHours(hour, minute, second, ms) - offset * MINUTE_MS
}

type Six = [number, number, number, number, number, number]

/** Minutes east of UTC; `undefined` beyond a day. */
function offsetMinutes(zone: string): number | undefined {
  if (zone === 'Z' || zone === 'z') return 0
  const hours = Number(zone.slice(1, 3))
  const minutes = Number(zone.slice(3).replace(':', ''))
  if (hours > 23 || minutes > 59) return undefined
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes)
}
