/**
 * Goes on from another place: what is read again starts executions of its own, and what is not read again starts nothing twice. So nobody reads
 * anything from before the place is found until the next generation has it: what a source of the old generation starts meanwhile, one of the new
 * would start again. Others who read for the trigger are told by a mark in the store, and have a while to see it and to stop. One that does not get
 * to run for that long may start what the new generation starts, too.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { CannotSeek } from '../../connectors/triggers/contract.ts'
import type { Json } from '../../dsl/json.ts'
import { EngineError } from '../errors.ts'
import type { Runner } from './runner.ts'
import type { TriggerStore } from './store.ts'
import type { TriggerEntry, TriggerTable } from './table.ts'

/** So long a mark counts, unless it is renewed: what is left of it is what a server that dies here leaves. */
const HALT_MS = 30_000
const RENEW_MS = 10_000
/** So long others have to see it, for which they need two and a half seconds, and to stop. */
const OTHERS_MS = 4_000

export class Seeking {
  private readonly runner: Runner
  private readonly table: TriggerTable
  private readonly store: () => Promise<TriggerStore>

  constructor(runner: Runner, table: TriggerTable, store: () => Promise<TriggerStore>) {
    this.runner = runner
    this.table = table
    this.store = store
  }

  /** Rejects with what `find` rejects with, and with EngineError as the store does: then the trigger goes on where it was. */
  async seek({ prepared }: TriggerEntry, find: () => Promise<ReadonlyMap<string, Json>>): Promise<void> {
    const { flow, trigger } = prepared
    const { name } = trigger
    const { progress } = await this.store()
    const halt = (ms: number): Promise<void> => progress.halt?.(flow, name, ms) ?? Promise.resolve()
    await halt(HALT_MS)
    // what fails once is tried again before the mark is over
    let renewed: Promise<void> = Promise.resolve()
    const renewing = setInterval(() => (renewed = halt(HALT_MS).catch(() => undefined)), RENEW_MS).unref()
    let release: (() => void) | undefined
    try {
      const others = progress.halt === undefined ? undefined : sleep(OTHERS_MS, undefined, { ref: false })
      release = await this.runner.halt(flow, name)
      await others
      const places = await find()
      clearInterval(renewing)
      // behind what follows it would mark it again
      await renewed
      await progress.seek(flow, name, places)
    } catch (error) {
      clearInterval(renewing)
      await renewed
      // else it is over by itself
      await halt(0).catch(() => undefined)
      throw error
    } finally {
      release?.()
      this.table.forget()
      await this.runner.look()
    }
  }
}

/** What a target stands for. Rejects with EngineError `bad-input` for one that there is not, and with `connection-unavailable`. */
export async function placesOf(
  { prepared: { flow, trigger } }: TriggerEntry,
  resolve: () => Promise<ReadonlyMap<string, Json>>,
): Promise<ReadonlyMap<string, Json>> {
  try {
    return await resolve()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    // a connector may have it from another copy of this package
    if (error instanceof CannotSeek || (error as Error | null)?.name === 'CannotSeek')
      throw new EngineError('bad-input', message, { cause: error })
    throw new EngineError('connection-unavailable', `trigger ${flow}/${trigger.name} cannot be sought: ${message}`, { cause: error })
  }
}
