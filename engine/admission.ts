import type { Execution, StartOptions } from './api.ts'
import { EngineError } from './errors.ts'
import type { StartCounts, StartLimits, StartMode } from './start-limits.ts'

/** A start that is to follow. */
export interface PlannedStart {
  readonly ref: string
  readonly id: string
  /** It may have been made before, and then needs no room. */
  readonly repeatable: boolean
}

/** Starts that are let in. */
export interface Admission {
  /** As the engine's start, and not refused by a limit. */
  start(ref: string, options: StartOptions): Promise<Execution>
  /** To be called when all are made, or will not be. */
  end(): void
}

/** Asked where a start is made, with how many of its mode have not ended; throws what it is refused with. */
export type LetIn = (open: number, mode: StartMode) => void

interface Services {
  readonly limits: StartLimits
  /** Executions that have not ended. */
  open(): Promise<StartCounts>
  /** Of what a start would run; undefined where there is nothing to run. */
  modeOf(ref: string, id: string): Promise<StartMode | undefined>
  find(id: string): Promise<Execution | undefined>
  start(ref: string, options: StartOptions, letIn: LetIn): Promise<Execution>
}

/** Asks the limits for all of several starts at once: they are let in together, or none of them is. */
export class Admissions {
  private readonly services: Services

  constructor(services: Services) {
    this.services = services
  }

  /** Rejects with EngineError `too-many-executions`, and as the store fails. */
  async reserve(starts: readonly PlannedStart[]): Promise<Admission> {
    try {
      return await this.admit(starts)
    } catch (error) {
      const isFull = error instanceof EngineError && error.code === 'too-many-executions'
      if (!isFull || !starts.some(({ repeatable }) => repeatable)) throw error
      const isNew = await Promise.all(starts.map(async ({ id, repeatable }) => !repeatable || (await this.services.find(id)) === undefined))
      if (!isNew.includes(false)) throw error
      return this.admit(starts.filter((_start, at) => isNew[at]))
    }
  }

  private async admit(starts: readonly PlannedStart[]): Promise<Admission> {
    const wanted = { standard: 0, express: 0 }
    for (const mode of await Promise.all(starts.map(({ ref, id }) => this.services.modeOf(ref, id))))
      if (mode !== undefined) wanted[mode] += 1
    const reservation = this.services.limits.reserve(await this.services.open(), wanted)
    return {
      start: (ref, options) => this.services.start(ref, options, (open, mode) => reservation.use(open, mode)),
      end: () => reservation.end(),
    }
  }
}
