import type { LogEvent } from './api.ts'
import type { Durable } from './durable.ts'
import { EngineError } from './errors.ts'
import { recordOfLine, type StoredLine } from './log-lines.ts'

const LOOK_MS = 500
const PAGE = 1000
/** Several workers write at once: a line may become visible behind one that was written later, but not by more than this, ms. */
const LATE_MS = 5000
/** Mostly only lines of so young a time are looked for, ms; every so many looks all. */
const YOUNG_MS = 60_000
const FULL_LOOK = 20

/**
 * The lines of an execution as they are written, until it has ended and all are told. Whoever goes on behind a line may miss one that another worker
 * was just writing before it.
 * Throws EngineError `execution-not-found`, `engine-closed`, `store-failed`.
 */
export async function* followLines(
  durable: Durable,
  id: string,
  { after, signal }: { readonly after?: number; readonly signal?: AbortSignal },
): AsyncGenerator<LogEvent, void, undefined> {
  const left = new AbortController()
  const both = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal])
  await durable.record(id, false)
  const told = new Told(await knownOf(durable, id, after))
  const end = endOf(durable, id, both)
  try {
    for (let looks = 0; !both.aborted; looks += 1) {
      // before the look: what comes behind the end is in it
      const isLast = end.isOver()
      const since = isLast || looks % FULL_LOOK === 0 ? 0 : told.youngest - YOUNG_MS
      for (let behind = told.floor; ;) {
        const lines = await durable.logs(id, { order: 'written', behind, since, limit: PAGE })
        for (const line of lines) if (told.isNew(line)) yield { id: line.seq, line: recordOfLine(line) }
        if (lines.length < PAGE || both.aborted) break
        behind = lines.at(-1)!.seq
      }
      if (isLast) return
      told.settle()
      await end.within(LOOK_MS)
    }
  } catch (error) {
    // deleted meanwhile
    if (!(error instanceof EngineError && error.code === 'execution-not-found')) throw error
  } finally {
    left.abort()
  }
}

/** What was told, as far as it could be met again. */
class Told {
  /** No line up to this one is to come any more. */
  floor: number
  private newestTime = 0
  /** When it was told, by line. */
  private readonly recent = new Map<number, number>()

  constructor(floor: number) {
    this.floor = floor
  }

  /** Epoch ms. A clock that is ahead must not hide the lines of the others. */
  get youngest(): number {
    return Math.min(this.newestTime, Date.now())
  }

  isNew({ seq, time }: StoredLine): boolean {
    if (this.recent.has(seq)) return false
    this.recent.set(seq, Date.now())
    this.newestTime = Math.max(this.newestTime, time)
    return true
  }

  settle(): void {
    const before = Date.now() - LATE_MS
    for (const [seq, at] of this.recent) if (at < before) this.floor = Math.max(this.floor, seq)
    for (const seq of this.recent.keys()) if (seq <= this.floor) this.recent.delete(seq)
  }
}

/** The line to go on behind; 0 where the execution has no such line. */
async function knownOf(durable: Durable, id: string, after: number | undefined): Promise<number> {
  if (after === undefined || after < 1) return 0
  const [line] = await durable.logs(id, { order: 'written', behind: after - 1, since: 0, limit: 1 })
  return line?.seq === after ? after : 0
}

interface End {
  /** Whether it has ended, and no lines come any more. Throws what the wait for the end has come to. */
  isOver(): boolean
  /** Resolves when it has ended, or after so many ms, or when the signal is aborted. */
  within(ms: number): Promise<void>
}

function endOf(durable: Durable, id: string, signal: AbortSignal): End {
  let isOver = false
  let failure: Error | undefined
  let wake = (): void => undefined
  const watch = async (): Promise<void> => {
    await durable.outcome(id, signal)
    const { endedAt = 0 } = await durable.record(id, false)
    const late = Math.min(endedAt + durable.linesComeLateMs - Date.now(), durable.linesComeLateMs)
    if (late > 0) await new Promise((resolve) => setTimeout(resolve, late))
    isOver = true
  }
  watch()
    .catch((error: unknown) => {
      if (!signal.aborted) failure = error as Error
    })
    .finally(() => wake())
  signal.addEventListener('abort', () => wake())
  return {
    isOver() {
      if (failure !== undefined) throw failure
      return isOver
    },
    async within(ms) {
      if (isOver || failure !== undefined || signal.aborted) return
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>((resolve) => {
        wake = resolve
        timer = setTimeout(resolve, ms)
      })
      clearTimeout(timer)
    },
  }
}
