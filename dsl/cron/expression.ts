import { CronSyntaxError, quoted } from './errors.ts'
import { parseEvery } from './every.ts'
import { FIELDS, parseField, type Field } from './fields.ts'
import { isZone } from './zone.ts'

export interface CronFields {
  readonly second: Field
  readonly minute: Field
  readonly hour: Field
  readonly dayOfMonth: Field
  readonly month: Field
  readonly dayOfWeek: Field
}

/** A cron expression, read: fields of a wall clock, or a period. */
export interface CronExpression {
  /** The IANA zone that it names itself. */
  readonly zone?: string
  readonly when: { readonly fields: CronFields } | { readonly everySeconds: number }
}

const DESCRIPTORS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 0 1 1 *',
  '@annually': '0 0 0 1 1 *',
  '@monthly': '0 0 0 1 * *',
  '@weekly': '0 0 0 * * 0',
  '@daily': '0 0 0 * * *',
  '@midnight': '0 0 0 * * *',
  '@hourly': '0 0 * * * *',
}

const ZONE = /^(?:CRON_)?TZ=([^ ]*)( *)/
const EVERY = '@every '

/**
 * Reads a cron expression (triggers.md, 2): six fields, seconds first, the last one optional; `@every` and a duration; or a descriptor; `CRON_TZ=Zone `
 * or `TZ=Zone ` before it.
 *
 * @throws CronSyntaxError
 */
export function parseCron(text: string): CronExpression {
  const prefix = ZONE.exec(text)
  if (prefix === null) return { when: parseWhen(text, 0) }
  const [all, zone, spaces] = prefix as unknown as [string, string, string]
  const at = all.indexOf('=') + 1
  if (!isZone(zone)) throw new CronSyntaxError(`expected the name of a time zone, such as UTC or Europe/Berlin, found ${quoted(zone)}`, at)
  if (spaces === '') throw new CronSyntaxError('expected a space and an expression behind the zone, found nothing', all.length)
  return { zone, when: parseWhen(text.slice(all.length).trimEnd(), all.length) }
}

function parseWhen(text: string, at: number): CronExpression['when'] {
  if (text.startsWith(EVERY)) return { everySeconds: parseEvery(text.slice(EVERY.length), at + EVERY.length) }
  if (!text.startsWith('@')) return { fields: parseFields(text, at) }
  if (!Object.hasOwn(DESCRIPTORS, text))
    throw new CronSyntaxError(`expected @every and a duration, or one of ${Object.keys(DESCRIPTORS).join(', ')}, found ${quoted(text)}`, at)
  return { fields: parseFields(DESCRIPTORS[text]!, 0) }
}

function parseFields(text: string, at: number): CronFields {
  const parts: RegExpExecArray[] = []
  for (const part of text.matchAll(/\S+/g)) if (parts.push(part) > FIELDS.length) break
  if (parts.length > FIELDS.length)
    throw new CronSyntaxError(
      'expected six fields at most, second, minute, hour, day of month, month and day of week; there is no year',
      at + parts.at(-1)!.index,
    )
  if (parts.length < FIELDS.length - 1)
    throw new CronSyntaxError(
      `expected second, minute, hour, day of month, month and perhaps day of week, found ${parts.length} of them`,
      at,
    )
  const [second, minute, hour, dayOfMonth, month, dayOfWeek] = FIELDS.map((kind, index) => {
    const part = parts[index]
    return part === undefined ? parseField('*', at, kind) : parseField(part[0], at + part.index, kind)
  }) as [Field, Field, Field, Field, Field, Field]
  return { second, minute, hour, dayOfMonth, month, dayOfWeek }
}
