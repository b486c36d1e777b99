import { jsonBytes, PAYLOAD_LIMIT } from '../../dsl/json-copy.ts'
import type { ExpressExecution } from './express-host.ts'

/** How long an execution is known after its end, and how much of what has ended, in number and size. */
const REMEMBERED_MS = 5 * 60_000
const MOST_REMEMBERED = 1000
const MOST_BYTES = 64 * 1024 * 1024

/** The express executions of this process: those that run, and, for a while, those that have ended. */
export class ExpressExecutions {
  /** In order of start. */
  private readonly listed = new Map<string, ExpressExecution>()
  /** Those that are nothing but an answer to whoever started them; only while they run. */
  private readonly unlisted = new Map<string, ExpressExecution>()
  /** Ended ones in the order of their ends. */
  private readonly ended = new Map<string, { readonly bytes: number; readonly until: number }>()
  private bytes = 0
  private timer: NodeJS.Timeout | null = null

  /** Those that have not ended. */
  get open(): number {
    return this.listed.size - this.ended.size + this.unlisted.size
  }

  /** Takes one that is about to begin: it can be found until some time after its end. */
  add(execution: ExpressExecution): void {
    this.listed.set(execution.id, execution)
    execution.whenEnded(() => this.remember(execution))
  }

  /** Takes one that is not to be found, but counts, and ends when its flow is deleted. */
  addUnlisted(execution: ExpressExecution): void {
    const { id } = execution
    this.unlisted.set(id, execution)
    execution.whenEnded(() => this.unlisted.delete(id))
  }

  get(id: string): ExpressExecution | undefined {
    return this.listed.get(id)
  }

  has(id: string): boolean {
    return this.listed.has(id)
  }

  /** The one that a start with this id means: also one that is not to be found, while it runs. */
  started(id: string): ExpressExecution | undefined {
    return this.listed.get(id) ?? this.unlisted.get(id)
  }

  newestFirst(): ExpressExecution[] {
    return [...this.listed.values()].reverse()
  }

  running(flow: string): ExpressExecution[] {
    return this.all().filter(({ deployed, flow: { status } }) => deployed.name === flow && status === 'running')
  }

  all(): ExpressExecution[] {
    return [...this.listed.values(), ...this.unlisted.values()]
  }

  forget(id: string): void {
    this.bytes -= this.ended.get(id)?.bytes ?? 0
    this.ended.delete(id)
    this.listed.delete(id)
  }

  close(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
  }

  private remember({ id, input, flow }: ExpressExecution): void {
    const bytes = jsonBytes(input, PAYLOAD_LIMIT) + jsonBytes(flow.output, PAYLOAD_LIMIT)
    this.ended.set(id, { bytes, until: performance.now() + REMEMBERED_MS })
    this.bytes += bytes
    for (const oldest of this.ended.keys()) {
      if (this.ended.size <= MOST_REMEMBERED && this.bytes <= MOST_BYTES) break
      this.forget(oldest)
    }
    this.arm()
  }

  private arm(): void {
    if (this.timer !== null) return
    const [first] = this.ended.values()
    if (first === undefined) return
    this.timer = setTimeout(() => this.forgetOld(), Math.max(1, first.until - performance.now())).unref()
  }

  private forgetOld(): void {
    this.timer = null
    const now = performance.now()
    for (const [id, { until }] of this.ended) {
      if (until > now) break
      this.forget(id)
    }
    this.arm()
  }
}
