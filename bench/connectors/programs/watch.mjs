/** What both sides of a connector's bench tell: when messages were handled, and how long after they were sent. */
import { readFileSync } from 'node:fs'

/** Counts messages; `time` is when one was sent, in ns of the clock that all processes of a machine have. */
export class Watch {
  #left = 0
  #first = 0
  #latencies = []
  #done = null

  /** Resolves, when so many were handled, to the time from the first on. */
  expect(count) {
    this.#left = count
    this.#first = 0
    this.#latencies = []
    return new Promise((resolve) => (this.#done = resolve))
  }

  handled(time) {
    const now = Number(process.hrtime.bigint())
    if (this.#first === 0) this.#first = now
    this.#latencies.push((now - time) / 1e6)
    if (--this.#left === 0) this.#done?.({ ms: (now - this.#first) / 1e6, latencies: this.#latencies })
  }
}

/** Peak and present memory of this process, MB of 1024 KiB. */
export function memory() {
  const status = readFileSync('/proc/self/status', 'utf8')
  const of = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1024
  return { peak: of('VmHWM'), now: of('VmRSS') }
}
