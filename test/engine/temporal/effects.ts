/** What the effects file of kill-worker.ts says. */
import { readFileSync } from 'node:fs'

export interface EffectLine {
  readonly kind: string
  readonly life: string
  /** Request id, event id or token. */
  readonly id: string
  readonly execution: string
  readonly step: number
}

export function readEffects(file: string): EffectLine[] {
  return readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((text) => {
      const [kind = '', life = '', id = '', execution = '', step = '0'] = text.split(' ')
      return { kind, life, id, execution, step: Number(step) }
    })
}

export function idsOf(lines: readonly EffectLine[], ...kinds: string[]): Set<string> {
  return new Set(lines.filter(({ kind }) => kinds.includes(kind)).map(({ id }) => id))
}

/**
 * Answers that workflows have taken, by request id, with the line behind which that is certain: the first delivery of the execution's next
 * step, or the line `ended - - <execution>` of whoever was told of its end.
 */
export function takenAnswers(lines: readonly EffectLine[]): Map<string, number> {
  const taken = new Map<string, number>()
  const delivered = new Map<string, EffectLine[]>()
  for (const [at, line] of lines.entries()) {
    const { kind, execution, step } = line
    if (kind !== 'delivered' && kind !== 'ended') continue
    const before = delivered.get(execution) ?? []
    for (const { id, step: earlier } of before) {
      if (!taken.has(id) && (kind === 'ended' || earlier === step - 1)) taken.set(id, at)
    }
    if (kind === 'delivered') delivered.set(execution, [...before, line])
  }
  return taken
}

/**
 * Deliveries of what had been taken before the process was even born that they were made to. (One that lived already may have had the
 * request before: the answer that counted was then another delivery's.)
 */
export function deliveredInVain(lines: readonly EffectLine[]): EffectLine[] {
  const taken = takenAnswers(lines)
  const born = new Map<string, number>()
  return lines.filter(({ kind, life, id }, at) => {
    if (kind === 'born') born.set(life, at)
    return kind === 'delivered' && (born.get(life) as number) > (taken.get(id) ?? Infinity)
  })
}

/** How many ids were delivered more than once: a kill came between. */
export function redelivered(lines: readonly EffectLine[]): number {
  return lines.filter(({ kind }) => kind === 'delivered').length - idsOf(lines, 'delivered').size
}
