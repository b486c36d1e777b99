/** Instants, of which the earliest, up to a limit, are `on`: those have a timer of their own. */
export class Instants {
  private readonly limit: number
  /** Ascending. */
  private readonly on: number[] = []
  /** Descending: the next one is the last. */
  private readonly off: number[] = []

  constructor(limit: number) {
    this.limit = limit
  }

  isOn(instant: number): boolean {
    return this.on[place(this.on, instant, 1)] === instant
  }

  /** Adds an instant that is not there; says whether it is on, and which other is no longer. */
  add(instant: number): { readonly on: boolean; readonly off?: number } {
    if (this.on.length < this.limit) {
      insert(this.on, instant, 1)
      return { on: true }
    }
    const latest = this.on.at(-1) as number
    if (instant > latest) {
      insert(this.off, instant, -1)
      return { on: false }
    }
    this.on.pop()
    insert(this.on, instant, 1)
    insert(this.off, latest, -1)
    return { on: true, off: latest }
  }

  /** Removes an instant; returns the one that is on in its place, if there is one. */
  remove(instant: number): number | undefined {
    const at = place(this.on, instant, 1)
    if (this.on[at] !== instant) {
      const waiting = place(this.off, instant, -1)
      if (this.off[waiting] === instant) this.off.splice(waiting, 1)
      return undefined
    }
    this.on.splice(at, 1)
    const next = this.off.pop()
    if (next !== undefined) this.on.push(next)
    return next
  }
}

function insert(sorted: number[], value: number, direction: 1 | -1): void {
  sorted.splice(place(sorted, value, direction), 0, value)
}

/** Where a value is in a sorted list, or belongs. */
function place(sorted: readonly number[], value: number, direction: 1 | -1): number {
  let from = 0
  let to = sorted.length
  while (from < to) {
    const middle = (from + to) >>> 1
    if (((sorted[middle] as number) - value) * direction < 0) from = middle + 1
    else to = middle
  }
  return from
}
