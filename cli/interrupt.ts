import { EXIT } from './exit-codes.ts'

/** Watches for Ctrl-C and SIGTERM. The first asks to stop; a second ends the process at once. */
export interface Interrupts {
  readonly signal: AbortSignal
  readonly interrupted: boolean
  /** Gives the signals back. */
  release(): void
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** @param atOnce Called before the process ends at once; must be synchronous. */
export function watchInterrupts(atOnce: () => void): Interrupts {
  const controller = new AbortController()
  const onSignal = (): void => {
    if (!controller.signal.aborted) return controller.abort()
    atOnce()
    process.exit(EXIT.interrupted)
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  return {
    signal: controller.signal,
    get interrupted() {
      return controller.signal.aborted
    },
    release() {
      for (const signal of SIGNALS) process.off(signal, onSignal)
    },
  }
}
