import type { EngineOptions } from './api.ts'
import { EngineError } from './errors.ts'

const DEFAULT_EXECUTIONS = 1_000_000

/** What bounds starts. Children of executions are never refused: their parents were let in. */
export class StartLimits {
  private readonly executions: number
  private readonly perSecond: number
  /** Starts that may be made now; it fills up by `perSecond`, to as many. */
  private left: number
  private filledAt = Date.now()

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

  /** @param open Executions that have not ended. Throws EngineError `too-many-executions`. */
  admit(open: number): void {
    if (open >= this.executions)
      throw new EngineError('too-many-executions', `${open} executions have not ended, and at most ${this.executions} may; try again later`)
    if (this.perSecond === 0) return
    const now = Date.now()
    this.left = Math.min(this.perSecond, this.left + (Math.max(0, now - this.filledAt) * this.perSecond) / 1000)
    this.filledAt = now
    if (this.left < 1)
      throw new EngineError('too-many-executions', `at most ${this.perSecond} executions may be started a second; try again later`)
    this.left -= 1
  }
}
