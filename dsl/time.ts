const TIME = /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?:[Zz]|[+-]\d{2}:?\d{2})?)?$/

/** True for an ISO 8601 date, or date and time, of the calendar (no 30 February), with or without a zone. */
export function isTime(text: string): boolean {
  if (text.length > 64) return false
  const parts = TIME.exec(text)
  if (parts === null) return false
  const [year, month, day, hour = 0, minute = 0, second = 0] = parts.slice(1).map((part) => (part === undefined ? 0 : Number(part)))
  const date = new Date(0)
  date.setUTCFullYear(year!, month! - 1, day)
  return date.getUTCMonth() === month! - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60
}
