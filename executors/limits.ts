/** What the limits ask of the pools that share them. */
export interface Limited {
  /** Ends one idle instance to make room for another function's; false if it has none to spare. */
  evict(): boolean
  /** There may be room now. */
  retry(): void
}

/** The number of instances of a whole engine (functions.md, 3; `limits.instances`), shared by its process executors. */
export class InstanceLimits {
  readonly max: number
  #used = 0
  /** Instances that were ended for the sake of a waiting pool and are not gone yet. */
  #yielding = 0
  readonly #pools = new Set<Limited>()
  readonly #waiting = new Set<Limited>()

  /** @param max instances at once, default 400 */
  constructor(max = 400) {
    this.max = max
  }

  add(pool: Limited): void {
    this.#pools.add(pool)
  }

  remove(pool: Limited): void {
    this.#pools.delete(pool)
    this.#waiting.delete(pool)
  }

  /** True if the pool may start one; otherwise an idle one of another pool is ended, and the pool is told when there is room. */
  acquire(pool: Limited): boolean {
    if (this.#used < this.max) {
      this.#used++
      return true
    }
    if (!this.#waiting.has(pool)) {
      this.#waiting.add(pool)
      for (const other of this.#pools) {
        if (other === pool || !other.evict()) continue
        this.#yielding++
        break
      }
    }
    return false
  }

  /** Asked by a pool with an idle instance: true if it is to end it, since others wait for its place. */
  mustYield(pool: Limited): boolean {
    if (this.#waiting.size - (this.#waiting.has(pool) ? 1 : 0) <= this.#yielding) return false
    this.#yielding++
    return true
  }

  release(): void {
    this.#used--
    if (this.#yielding > 0) this.#yielding--
    for (const pool of this.#waiting) {
      this.#waiting.delete(pool)
      pool.retry()
      if (this.#used >= this.max) break
    }
  }
}
