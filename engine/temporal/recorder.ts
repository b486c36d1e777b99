import { CORE_VERSION } from '../../dsl/core/machine.ts'
import type { EndedExecution, EndedLane, JournalHead, LaneHead } from '../../workflows/protocol/shapes.ts'
import type { LogLine } from '../../executors/contract.ts'
import { messageOf } from './temporal-errors.ts'
import { RegistryError } from './registry/database-errors.ts'
import type { Registry } from './registry/registry.ts'
import type { EndedRecord, NewLogLine } from './registry/types.ts'

/** How long what is to be written waits for others. */
const GATHER_MS = 25
const MOST_RECORDS = 200
/** Records that wait for a database that is away. */
const MOST_WAITING = 2000
/** Lines that wait for the database; beyond it the oldest are dropped, and counted. */
const MOST_LINES = 20_000
const LINES_AT_ONCE = 1000
const PAUSE_MS = 2000

/** Writes in groups, one group at a time per scope; what fails is tried again, as long as the process lives. */
export class Recorder {
  private readonly scoped: (scope: string) => Promise<Registry>
  private readonly records = new Map<string, EndedRecord[]>()
  private readonly lanes: EndedLane[] = []
  private lines: (NewLogLine & { readonly scope: string })[] = []
  private dropped = 0
  private timer: NodeJS.Timeout | null = null
  private writing: Promise<void> = Promise.resolve()
  private closed = false

  constructor(scoped: (scope: string) => Promise<Registry>) {
    this.scoped = scoped
  }

  /** Of the sink; must not wait, since the workflow's task waits for it. */
  ended(ended: EndedExecution): void {
    const { scope } = ended.info
    let records = this.records.get(scope)
    if (records === undefined) this.records.set(scope, (records = []))
    records.push(recordOf(ended))
    // the sweeper makes it from the history
    if (records.length > MOST_WAITING) records.shift()
    this.wake()
  }

  lane(ended: EndedLane): void {
    if (ended.journal === null) return
    this.lanes.push(ended)
    this.wake()
  }

  log(line: LogLine, execution: string, node: string | undefined, scope: string): void {
    if (this.lines.length >= MOST_LINES) {
      this.lines.splice(0, LINES_AT_ONCE)
      this.dropped += LINES_AT_ONCE
    }
    const { time, requestId: request, level, text } = line
    this.lines.push({ scope, execution, time, request, level, text, ...(node === undefined ? {} : { node }) })
    this.wake()
  }

  /** Writes what there is, and resolves when it is written or has failed. */
  async flush(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    this.writing = this.writing.then(() => this.write())
    await this.writing
  }

  async close(): Promise<void> {
    this.closed = true
    await this.flush()
  }

  private wake(pause = GATHER_MS): void {
    if (this.closed || this.timer !== null) return
    this.timer = setTimeout(() => void this.flush(), pause)
  }

  private async write(): Promise<void> {
    let failed = false
    for (const [scope, records] of this.records) {
      this.records.delete(scope)
      for (let at = 0; at < records.length; at += MOST_RECORDS) {
        const some = records.slice(at, at + MOST_RECORDS)
        try {
          await (await this.scoped(scope)).saveRecords(some)
        } catch (error) {
          // all that could be written is
          if (isRefusal(error)) {
            process.emitWarning(`records of executions were refused: ${messageOf(error)}`, 'FnflowRecordWarning')
            continue
          }
          failed = true
          this.records.set(scope, [...records.slice(at), ...(this.records.get(scope) ?? [])])
          break
        }
      }
    }
    failed = !(await this.writeLanes()) || failed
    failed = !(await this.writeLines()) || failed
    if (failed) this.wake(PAUSE_MS)
  }

  private async writeLanes(): Promise<boolean> {
    for (let next = this.lanes.shift(); next !== undefined; next = this.lanes.shift()) {
      const { scope, id, beganAt, journal } = next
      try {
        await (await this.scoped(scope)).saveLane(id, [{ beganAt } satisfies LaneHead, ...(journal ?? [])])
      } catch (error) {
        if (isRefusal(error)) continue
        this.lanes.unshift(next)
        return false
      }
    }
    return true
  }

  private async writeLines(): Promise<boolean> {
    while (this.lines.length > 0) {
      const { scope } = this.lines[0] as { scope: string }
      const end = this.lines.findIndex((line) => line.scope !== scope)
      const some = this.lines.slice(0, Math.min(LINES_AT_ONCE, end < 0 ? LINES_AT_ONCE : end))
      this.lines = this.lines.slice(some.length)
      try {
        await (await this.scoped(scope)).appendLogs(some)
      } catch (error) {
        if (isRefusal(error)) continue
        // whether they were written is unknown: twice is better than never
        this.lines = [...some, ...this.lines]
        return false
      }
    }
    if (this.dropped > 0) {
      process.emitWarning(`${this.dropped} lines of functions' logs were lost: the database did not take them in time`, 'FnflowLogWarning')
      this.dropped = 0
    }
    return true
  }
}

/** The database will never take it. */
function isRefusal(error: unknown): boolean {
  return error instanceof RegistryError && !error.passing
}

/** The record of an execution that has ended. */
export function recordOf({ info, runId, status, startedAt, endedAt, input, output, error, journal }: EndedExecution): EndedRecord {
  const { id, flow, version, hash, depth, parent, retryOf, trigger } = info
  return {
    id,
    runId,
    flow,
    version,
    hash,
    mode: 'standard',
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
