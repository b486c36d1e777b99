import { EXIT } from './exit-codes.ts'

/** Watches for Ctrl-C and SIGTERM. The first asks to stop; a second ends the process at once. */
export interface Interrupts {
  readonly signal: AbortSignal
  readonly interrupted: boolean
  /** Gives the signals back. */
  release(): void
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** What is to be done with a signal; null: end at once. */
let watcher: (() => void) | null = null
let endNow: () => never = () => process.exit(EXIT.interrupted)

/**
 * From now on a signal ends the process with exit code 130, and with `json` an error document; unless somebody watches for them.
 * For the whole program, and once: signals may come while it still reads its input.
 */
export function endOnInterrupt(json: boolean): void {
  endNow = () => {
    // terminals, files and (but on Windows) pipes are written at once
    if (json) process.stderr.write('{"status":499,"errorType":"Cancelled","errorMessage":"interrupted; the process was ended at once"}\n')
    process.exit(EXIT.interrupted)
  }
  for (const signal of SIGNALS) process.on(signal, () => (watcher ?? endNow)())
}

/** @param atOnce Called before the process ends at once; must be synchronous. */
export function watchInterrupts(atOnce: () => void): Interrupts {
  const controller = new AbortController()
  watcher = () => {
    if (!controller.signal.aborted) return controller.abort()
    atOnce()
    endNow()
  }
  return {
    signal: controller.signal,
    get interrupted() {
      return controller.signal.aborted
    },
    release() {
      watcher = null
    },
  }
}
