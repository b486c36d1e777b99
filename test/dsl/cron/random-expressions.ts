/** Random cron expressions, each with what it means, found without the code under test. */
import fc from 'fast-check'

export interface Wall {
  readonly second: number
  readonly minute: number
  readonly hour: number
  readonly day: number
  readonly month: number
  readonly weekday: number
}

interface RandomField {
  readonly text: string
  readonly takes: (value: number) => boolean
  readonly all: boolean
}

export interface RandomExpression {
  readonly text: string
  /** Its last three fields. */
  readonly days: string
  readonly onDay: (wall: Pick<Wall, 'day' | 'month' | 'weekday'>) => boolean
  readonly atMinute: (wall: Pick<Wall, 'hour' | 'minute'>) => boolean
  readonly second: (value: number) => boolean
}

function range(min: number, max: number): fc.Arbitrary<RandomField> {
  const value = fc.integer({ min, max })
  const step = fc.integer({ min: 1, max: max + 3 })
  return fc.oneof(
    { weight: 1, arbitrary: fc.constant({ text: '*', takes: () => true, all: true }) },
    { weight: 3, arbitrary: value.map((one) => ({ text: String(one), takes: (each: number) => each === one, all: false })) },
    {
      weight: 2,
      arbitrary: fc.tuple(value, value).map(([one, other]) => {
        const [low, high] = [Math.min(one, other), Math.max(one, other)]
        return { text: `${low}-${high}`, takes: (each: number) => each >= low && each <= high, all: false }
      }),
    },
    {
      weight: 2,
      arbitrary: fc.tuple(value, step).map(([low, by]) => ({
        text: `${low}/${by}`,
        takes: (each: number) => each >= low && (each - low) % by === 0,
        all: false,
      })),
    },
    {
      weight: 1,
      arbitrary: step.map((by) => ({ text: `*/${by}`, takes: (each: number) => (each - min) % by === 0, all: by === 1 })),
    },
  )
}

function field(min: number, max: number): fc.Arbitrary<RandomField> {
  return fc.array(range(min, max), { minLength: 1, maxLength: 3 }).map((items) => ({
    text: items.map(({ text }) => text).join(','),
    takes: (value) => items.some(({ takes }) => takes(value)),
    all: items.some(({ all }) => all),
  }))
}

const anything = fc.constant<RandomField>({ text: '*', takes: () => true, all: true })

/** Of days and months that are mostly unrestricted, so that something happens within a day or two. */
export const busy: fc.Arbitrary<RandomExpression> = expression(
  fc.oneof({ weight: 3, arbitrary: anything }, { weight: 1, arbitrary: field(1, 31) }),
  fc.oneof({ weight: 4, arbitrary: anything }, { weight: 1, arbitrary: field(1, 12) }),
  fc.oneof({ weight: 3, arbitrary: anything }, { weight: 1, arbitrary: field(0, 6) }),
)

/** Of days that are rare. */
export const sparse: fc.Arbitrary<RandomExpression> = expression(range(1, 31), range(1, 12), fc.oneof(anything, range(0, 6)))

function expression(
  days: fc.Arbitrary<RandomField>,
  months: fc.Arbitrary<RandomField>,
  weekdays: fc.Arbitrary<RandomField>,
): fc.Arbitrary<RandomExpression> {
  return fc.tuple(field(0, 59), field(0, 59), field(0, 23), days, months, weekdays).map(([second, minute, hour, day, month, weekday]) => ({
    text: [second, minute, hour, day, month, weekday].map(({ text }) => text).join(' '),
    days: [day, month, weekday].map(({ text }) => text).join(' '),
    onDay: (wall) => {
      if (!month.takes(wall.month)) return false
      const [ofMonth, ofWeek] = [day.takes(wall.day), weekday.takes(wall.weekday)]
      return day.all || weekday.all ? ofMonth && ofWeek : ofMonth || ofWeek
    },
    atMinute: (wall) => minute.takes(wall.minute) && hour.takes(wall.hour),
    second: second.takes,
  }))
}

/** The wall clock of a zone, by Intl alone. */
export function wallOf(zone: string): (time: number) => Wall {
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  })
  return (time) => {
    const [year, month, day, hour, minute, second] = format.format(time).match(/\d+/g)!.map(Number) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    return { second, minute, hour, day, month, weekday: new Date(Date.UTC(year, month - 1, day)).getUTCDay() }
  }
}
