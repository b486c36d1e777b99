import type { Engine } from '../engine/api.ts'

/** Milliseconds between two looks. */
const LOOK_MS = 20_000

/** Tells once when servers do not answer any more, and when they do again: a worker itself waits for them without a word. */
export function watchPulse(engine: Engine, tell: (text: string) => void): { stop(): void } {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let away = false
  const look = async (): Promise<void> => {
    try {
      await engine.list({ limit: 1 })
      if (away && !stopped) tell('Temporal and PostgreSQL answer again')
      away = false
    } catch (error) {
      if (!away && !stopped) tell(`nothing can be done now, and is tried again: ${(error as Error).message}`)
      away = true
    }
    next()
  }
  const next = (): void => {
    if (!stopped) timer = setTimeout(() => void look(), LOOK_MS)
  }
  next()
  return {
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}
