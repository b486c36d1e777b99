import type { EngineOptions } from './api.ts'
import { EngineError } from './errors.ts'

const DEFAULT_EXECUTIONS = 1_000_000

export type StartMode = 'standard' | 'express'
export type StartCounts = { readonly [M in StartMode]: number }

/** Starts that were let in together and are still to be made. */
export interface Reservation {
  /** Called where one of them is made; beyond what was reserved it is asked for as any other. Throws EngineError `too-many-executions`. */
  use(open: number, mode: StartMode): void
  /** Gives back what was not used. */
  end(): void
}

/** What bounds starts. Children of executions are never refused: their parents were let in. */
export class StartLimits {
  private readonly executions: number
  private readonly perSecond: number
  /** Starts that may be made now; it fills up by `perSecond`, to as many. Below 0 behind a reservation of more than that. */
  private left: number
  private filledAt = Date.now()
  /** Let in, and not among those that have not ended. */
  private readonly reserved = { standard: 0, express: 0 }

  /** Throws EngineError `bad-option`. */
  constructor({ executions = DEFAULT_EXECUTIONS, startsPerSecond = 0 }: NonNullable<EngineOptions['limits']> = {}) {
    if (!Number.isInteger(executions) || executions < 1)
      throw new EngineError('bad-option', `limits.executions must be a whole number from 1, not ${String(executions)}`)
    if (!Number.isInteger(startsPerSecond) || startsPerSecond < 0)
      throw new EngineError('bad-option', `limits.startsPerSecond must be a whole number from 0 (no limit), not ${String(startsPerSecond)}`)
    this.executions = executions
    this.perSecond = startsPerSecond
    this.left = startsPerSecond
  }

  /** @param open Executions of the mode that have not ended. Throws EngineError `too-many-executions`. */
  admit(open: number, mode: StartMode = 'standard'): void {
    this.mustHaveRoom(open + this.reserved[mode], 1)
    this.take(1)
  }

  /** Lets in all of several starts, or none. Throws EngineError `too-many-executions`. */
  reserve(open: StartCounts, wanted: StartCounts): Reservation {
    const left = { ...wanted }
    for (const mode of ['standard', 'express'] as const)
      if (wanted[mode] > 0) this.mustHaveRoom(open[mode] + this.reserved[mode], wanted[mode])
    this.take(wanted.standard + wanted.express)
    this.reserved.standard += wanted.standard
    this.reserved.express += wanted.express
    return {
      use: (now, mode) => {
        if (left[mode] === 0) return this.admit(now, mode)
        left[mode] -= 1
        this.reserved[mode] -= 1
      },
      end: () => {
        this.left = Math.min(this.perSecond, this.left + left.standard + left.express)
        for (const mode of ['standard', 'express'] as const) {
          this.reserved[mode] -= left[mode]
          left[mode] = 0
        }
      },
    }
  }

  private mustHaveRoom(open: number, wanted: number): void {
    if (open + wanted <= this.executions) return
    const all = wanted === 1 ? '' : `, and ${wanted} are to be started together`
    throw new EngineError(
      'too-many-executions',
      `${open} executions have not ended, and at most ${this.executions} may${all}; try again later`,
    )
  }

  /** More than there ever are at a time are let in when none has been for a second: else they never would be. */
  private take(wanted: number): void {
    if (this.perSecond === 0) return
    const now = Date.now()
    this.left = Math.min(this.perSecond, this.left + (Math.max(0, now - this.filledAt) * this.perSecond) / 1000)
    this.filledAt = now
    if (this.left < Math.min(wanted, this.perSecond))
      throw new EngineError('too-many-executions', `at most ${this.perSecond} executions may be started a second; try again later`)
    this.left -= wanted
  }
}
