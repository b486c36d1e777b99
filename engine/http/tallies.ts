/** Counts by two labels. prom-client's own look their labels up in a text made of them, at each count: this is on the path of every node. */
import type { Metric } from 'prom-client'

type Labels = { readonly [name: string]: string | number }

export class Tally {
  private readonly counts = new Map<string, Map<string | number, number>>()

  add(first: string, second: string | number): void {
    let inner = this.counts.get(first)
    if (inner === undefined) this.counts.set(first, (inner = new Map<string | number, number>()))
    inner.set(second, (inner.get(second) ?? 0) + 1)
  }

  *entries(): Generator<readonly [first: string, second: string | number, count: number]> {
    for (const [first, inner] of this.counts) for (const [second, count] of inner) yield [first, second, count]
  }
}

class Spread {
  /** Not cumulative; the last one is of what is above all bounds. */
  readonly counts: Float64Array
  sum = 0
  constructor(buckets: number) {
    this.counts = new Float64Array(buckets + 1)
  }
}

interface MetricValue {
  readonly value: number
  readonly labels: Labels
  readonly metricName: string
}

class Histograms {
  readonly name: string
  private readonly help: string
  private readonly bounds: readonly number[]
  private readonly labelNames: readonly string[]
  private readonly spreads = new Map<string, Map<string, Spread>>()

  constructor(name: string, help: string, bounds: readonly number[], labelNames: readonly string[]) {
    this.name = name
    this.help = help
    this.bounds = bounds
    this.labelNames = labelNames
  }

  add(first: string, second: string, value: number): void {
    let inner = this.spreads.get(first)
    if (inner === undefined) this.spreads.set(first, (inner = new Map<string, Spread>()))
    let spread = inner.get(second)
    if (spread === undefined) inner.set(second, (spread = new Spread(this.bounds.length)))
    let bucket = 0
    while (bucket < this.bounds.length && value > (this.bounds[bucket] as number)) bucket++
    spread.counts[bucket] = (spread.counts[bucket] as number) + 1
    spread.sum += value
  }

  /** As a registry of prom-client asks for it. */
  async get(): Promise<object> {
    return { name: this.name, help: this.help, type: 'histogram', aggregator: 'sum', values: [...this.values()] }
  }

  reset(): void {
    this.spreads.clear()
  }

  private *values(): Generator<MetricValue> {
    for (const [first, inner] of this.spreads) {
      for (const [second, { counts, sum }] of inner) {
        const labels = Object.fromEntries(this.labelNames.map((name, at) => [name, at === 0 ? first : second]))
        let total = 0
        for (const [at, bound] of this.bounds.entries()) {
          total += counts[at] as number
          yield { metricName: `${this.name}_bucket`, labels: { ...labels, le: bound }, value: total }
        }
        total += counts[this.bounds.length] as number
        yield { metricName: `${this.name}_bucket`, labels: { ...labels, le: '+Inf' }, value: total }
        yield { metricName: `${this.name}_sum`, labels, value: sum }
        yield { metricName: `${this.name}_count`, labels, value: total }
      }
    }
  }
}

/** Histograms by up to two labels; a metric for a registry of prom-client, which asks no more of one than this. */
export type Spreads = Histograms & Metric
export const Spreads = Histograms as unknown as new (
  name: string,
  help: string,
  bounds: readonly number[],
  labelNames: readonly string[],
) => Spreads
