/** What `GET /metrics` answers: counted as the engine tells of it, put into words when somebody asks. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, Gauge, Registry } from 'prom-client'
import type { Engine, ExecutionStatus } from '../api.ts'
import type { EngineObserver } from '../observer.ts'
import { Spreads, Tally } from './tallies.ts'

/** Seconds. */
const NODE_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 600, 3600]
const COMMIT_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1]
/** So often the delay of the event loop is sampled, ms. */
const SAMPLE_MS = 20

/** A line with the label `flow`. Quotation marks within other labels are escaped. */
const OF_FLOW = /^\w+\{(?:.*,)?flow="([^"]*)"/

/** How far a trigger is behind. */
export interface TriggerLag {
  readonly flow: string
  readonly trigger: string
  readonly lag: number
}

/** The metrics of one engine. Labels are names of flows, functions and triggers that are there: no request can make new ones. */
export class EngineMetrics implements EngineObserver {
  private readonly registry = new Registry()
  private readonly engine: Engine
  private readonly started = new Tally()
  private readonly ended = new Tally()
  private readonly invocations = new Tally()
  private readonly nodes = new Spreads('fnflow_node_duration_seconds', 'How long nodes took, retries and waits included', NODE_BUCKETS, [
    'flow',
    'type',
  ])
  private readonly commits = new Spreads('fnflow_journal_commit_seconds', 'How long transactions of the store took', COMMIT_BUCKETS, [])
  private delay: ReturnType<typeof monitorEventLoopDelay> | null = null
  private readonly unobserve: () => void

  /** Begins to count. @param lagsOf Asked when somebody asks for metrics. */
  constructor(engine: Engine, lagsOf: () => Promise<Iterable<TriggerLag>> | Iterable<TriggerLag> = () => []) {
    this.engine = engine
    this.registry.registerMetric(this.commits)
    this.registry.registerMetric(this.nodes)
    this.counter('fnflow_executions_started_total', 'Executions started', this.started, ['flow'])
    this.counter('fnflow_executions_ended_total', 'Executions that ended in this process', this.ended, ['flow', 'status'])
    this.counter('fnflow_invocations_total', 'Deliveries to functions, with 200 or the status of the error', this.invocations, [
      'function',
      'status',
    ])
    this.gauge('fnflow_instances', 'Processes of functions', ['function', 'state'], (gauge) => this.countInstances(gauge))
    this.gauge('fnflow_gpu_memory_bytes', 'Memory of cards', ['card', 'state'], () => undefined)
    this.gauge('fnflow_trigger_lag', 'What a trigger has not taken yet', ['flow', 'trigger'], async (gauge) => {
      for (const { flow, trigger, lag } of await lagsOf()) gauge.set({ flow, trigger }, lag)
    })
    this.gauge('fnflow_event_loop_delay_seconds', 'Delay of the event loop since the last scrape', ['quantile'], (gauge) =>
      this.measureDelay(gauge),
    )
    this.gauge('process_resident_memory_bytes', 'Memory of this process', [], (gauge) => gauge.set(process.memoryUsage.rss()))
    this.gauge('process_cpu_seconds', 'Processor time of this process', [], (gauge) => {
      const { user, system } = process.cpuUsage()
      gauge.set((user + system) / 1e6)
    })
    this.unobserve = engine.observe(this)
  }

  get contentType(): string {
    return this.registry.contentType
  }

  /** In Prometheus' text format. @param sees Whether lines of a flow are for whoever asks; default: all are. */
  async text(sees?: (flow: string) => boolean): Promise<string> {
    const all = await this.registry.metrics()
    if (sees === undefined) return all
    const isSeen = (line: string): boolean => {
      const flow = OF_FLOW.exec(line)?.[1]
      return flow === undefined || sees(flow)
    }
    return all.split('\n').filter(isSeen).join('\n')
  }

  /** Counts no more. */
  close(): void {
    this.unobserve()
    this.delay?.disable()
  }

  executionStarted(flow: string): void {
    this.started.add(flow, '')
  }

  executionEnded(flow: string, status: ExecutionStatus): void {
    this.ended.add(flow, status)
  }

  nodeEnded(flow: string, type: string, ms: number): void {
    this.nodes.add(flow, type, ms / 1000)
  }

  invocationEnded(functionName: string, status: number): void {
    this.invocations.add(functionName, status)
  }

  committed(ms: number): void {
    this.commits.add('', '', ms / 1000)
  }

  private counter(name: string, help: string, tally: Tally, labelNames: readonly [string, string?]): void {
    const [first, second] = labelNames
    const counter = new Counter({
      name,
      help,
      labelNames: second === undefined ? [first] : [first, second],
      registers: [this.registry],
      collect,
    })
    function collect(): void {
      counter.reset()
      for (const [one, other, count] of tally.entries())
        counter.inc({ [first]: one, ...(second === undefined ? {} : { [second]: other }) }, count)
    }
  }

  private gauge(name: string, help: string, labelNames: string[], read: (gauge: Gauge) => Promise<void> | void): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames,
      registers: [this.registry],
      async collect() {
        gauge.reset()
        await read(gauge)
      },
    })
  }

  private countInstances(gauge: Gauge): void {
    for (const { function: name, ...counts } of this.engine.instances())
      for (const [state, count] of Object.entries(counts)) gauge.inc({ function: name, state }, count)
  }

  /** Sampled from the first time on that somebody asks: until then it costs nothing. */
  private measureDelay(gauge: Gauge): void {
    if (this.delay === null) {
      this.delay = monitorEventLoopDelay({ resolution: SAMPLE_MS })
      this.delay.enable()
      return
    }
    // samples hold the pause between them, too
    const seconds = (ns: number): number => Math.max(0, (ns - SAMPLE_MS * 1e6) / 1e9)
    if (this.delay.count === 0) return
    for (const quantile of [0.5, 0.9, 0.99]) gauge.set({ quantile }, seconds(this.delay.percentile(quantile * 100)))
    gauge.set({ quantile: 1 }, seconds(this.delay.max))
    this.delay.reset()
  }
}
