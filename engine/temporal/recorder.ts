import { CORE_VERSION } from '../../dsl/core/machine.ts'
import type { EndedExecution, EndedLane, JournalHead, LaneHead } from '../../workflows/protocol/shapes.ts'
import type { LogLine } from '../../executors/contract.ts'
import { EngineError } from '../errors.ts'
import type { LogOrigin } from './activities.ts'
import { RegistryError } from './registry/database-errors.ts'
import type { Registry } from './registry/registry.ts'
import type { EndedRecord, NewLogLine } from './registry/types.ts'

/** How long what is to be written waits for others. */
const GATHER_MS = 25
const PAUSE_MS = 2000
/** How long the end of a process waits for the database. */
const CLOSE_MS = 5000
/** What waits for a database that is away, and how much of it goes into one write. */
const RECORDS = { most: 2000, atOnce: 200 }
const LANES = { most: 500, atOnce: 1 }
const LINES = { most: 20_000, atOnce: 1000 }
/** What is given up when there is too much; more than one at a time, since moving all the others costs. */
const GIVEN_UP = 0.02

interface Scoped {
  readonly scope: string
}
type WaitingRecord = Scoped & { readonly record: EndedRecord }
type WaitingLane = Scoped & { readonly id: string; readonly journal: readonly unknown[] }
type WaitingLine = Scoped & NewLogLine

interface QueueOptions<Item> {
  readonly most: number
  readonly atOnce: number
  /** Of one scope. */
  write(registry: Registry, items: readonly Item[]): Promise<void>
}

/** What waits to be written, bounded: of too much the oldest are given up, and counted. */
class Queue<Item extends Scoped> {
  private readonly options: QueueOptions<Item>
  private items: Item[] = []
  private givenUp = 0

  constructor(options: QueueOptions<Item>) {
    this.options = options
  }

  /** Those that wait or are being written. */
  get size(): number {
    return this.items.length
  }

  /** How many were given up since this was asked last. */
  takeGivenUp(): number {
    const count = this.givenUp
    this.givenUp = 0
    return count
  }

  add(item: Item): void {
    const { most } = this.options
    this.items.push(item)
    if (this.items.length > most) this.givenUp += this.items.splice(0, Math.ceil(most * GIVEN_UP)).length
  }

  /** Writes all, in groups of one scope each; false when one has failed and is to be tried again later, with those behind it. */
  async write(scoped: (scope: string) => Promise<Registry>): Promise<boolean> {
    for (let first = this.items[0]; first !== undefined; first = this.items[0]) {
      const { scope } = first
      const group: Item[] = []
      for (const item of this.items) {
        if (item.scope === scope) group.push(item)
        if (group.length === this.options.atOnce) break
      }
      try {
        await this.options.write(await scoped(scope), group)
      } catch (error) {
        if (!isRefusal(error)) return false
        process.emitWarning(
          `what was to be recorded was refused: ${error instanceof Error ? error.message : String(error)}`,
          'FnflowRecordWarning',
        )
      }
      const done = new Set(group)
      this.items = this.items.filter((item) => !done.has(item))
    }
    return true
  }
}

/** Writes in groups, one at a time; what fails is tried again after a pause, as long as the process lives. */
export class Recorder {
  private readonly scoped: (scope: string) => Promise<Registry>
  private readonly records = new Queue<WaitingRecord>({
    ...RECORDS,
    write: (registry, items) => registry.saveRecords(items.map(({ record }) => record)),
  })
  private readonly lanes = new Queue<WaitingLane>({
    ...LANES,
    write: async (registry, items) => {
      for (const { id, journal } of items) await registry.saveLane(id, journal)
    },
  })
  /** Whether those of a group that failed were written is unknown: twice is better than never. */
  private readonly lines = new Queue<WaitingLine>({ ...LINES, write: (registry, items) => registry.appendLogs(items) })
  private timer: NodeJS.Timeout | null = null
  private writing: Promise<void> = Promise.resolve()
  private closed = false

  constructor(scoped: (scope: string) => Promise<Registry>) {
    this.scoped = scoped
  }

  /** Of the sink; must not wait, since the workflow's task waits for it. */
  ended(ended: EndedExecution): void {
    this.records.add({ scope: ended.info.scope, record: recordOf(ended) })
    this.wake()
  }

  lane({ scope, id, beganAt, journal }: EndedLane): void {
    // too long: the sweeper takes it from the history
    if (journal === null) return
    this.lanes.add({ scope, id, journal: [{ beganAt } satisfies LaneHead, ...journal] })
    this.wake()
  }

  log(line: LogLine, { node, ...from }: LogOrigin): void {
    const { time, requestId: request, level, text } = line
    this.lines.add({ ...from, time, request, level, text, ...(node === undefined ? {} : { node }) })
    this.wake()
  }

  /** Writes what there is, and resolves when it is written or has failed. */
  async flush(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    this.writing = this.writing.then(() => this.write())
    await this.writing
  }

  /** Writes what there is, once and within seconds; what cannot be written is given up, and told of. */
  async close(): Promise<void> {
    this.closed = true
    let timer: NodeJS.Timeout | undefined
    await Promise.race([this.flush(), new Promise((resolve) => (timer = setTimeout(resolve, CLOSE_MS)))])
    clearTimeout(timer)
    const made = this.records.size + this.lanes.size
    const lines = this.lines.size
    if (made + lines === 0) return
    process.emitWarning(
      `the database did not take ${this.records.size} records of executions, ${this.lanes.size} of lanes and ${lines} lines of functions' logs: ` +
        'the records are made from the histories by whichever worker runs next, the lines are lost',
      'FnflowRecordWarning',
    )
  }

  private wake(pause = GATHER_MS): void {
    if (this.closed || this.timer !== null) return
    this.timer = setTimeout(() => void this.flush(), pause)
  }

  private async write(): Promise<void> {
    const written = []
    for (const queue of [this.records, this.lanes, this.lines]) written.push(await queue.write(this.scoped))
    if (written.includes(false)) return this.wake(PAUSE_MS)
    const records = this.records.takeGivenUp() + this.lanes.takeGivenUp()
    if (records > 0)
      process.emitWarning(`${records} records came while the database was away, and are made from histories`, 'FnflowRecordWarning')
    const lines = this.lines.takeGivenUp()
    if (lines > 0)
      process.emitWarning(`${lines} lines of functions' logs were lost: the database did not take them in time`, 'FnflowLogWarning')
  }
}

/** The database will never take it as it is. Where somebody must act first, it may yet. */
function isRefusal(error: unknown): boolean {
  if (error instanceof EngineError && (error.code === 'store-unusable' || error.code === 'engine-closed')) return false
  return !(error instanceof RegistryError) || !error.passing
}

/** The record of an execution that has ended. */
export function recordOf({ info, runId, status, startedAt, endedAt, input, output, error, journal }: EndedExecution): EndedRecord {
  const { id, flow, version, hash, depth, name, parent, retryOf, trigger } = info
  return {
    id,
    runId,
    flow,
    version,
    hash,
    mode: 'standard',
    ...(name === undefined ? {} : { name }),
    core: CORE_VERSION,
    status,
    startedAt,
    endedAt,
    depth,
    input,
    ...(status === 'succeeded' ? { output } : {}),
    ...(error === null ? {} : { error }),
    ...(parent === undefined ? {} : { parent: { execution: parent.execution, node: parent.node } }),
    ...(retryOf === undefined ? {} : { retryOf }),
    ...(trigger === undefined ? {} : { trigger }),
    journal: journal === null ? null : [{ hints: info.hints } satisfies JournalHead, ...journal],
  }
}
