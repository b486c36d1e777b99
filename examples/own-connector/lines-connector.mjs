// A connector of one's own: starts a flow for each line of JSON that is appended to a file. See docs/connectors.md.
import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Backoff, CannotSeek, deliverAllUntilTaken, deliverUntilTaken, NotInFormat, pause } from 'fnflow'

const LOOK_MS = 100
const MOST_BYTES = 1024 * 1024
const NEWLINE = 10

export const linesConnector = {
  // Called when a flow is deployed: what is found is an error of its definition, with its position.
  check({ path, from = 'latest', batch = 1, ...others }) {
    const findings = []
    if (typeof path !== 'string' || path === '') findings.push({ path: ['path'], message: 'path must be the path of a file' })
    if (from !== 'latest' && from !== 'earliest') findings.push({ path: ['from'], message: 'from must be latest or earliest' })
    if (!Number.isInteger(batch) || batch < 1 || batch > 1000)
      findings.push({ path: ['batch'], message: 'batch must be a whole number from 1 to 1000' })
    for (const name of Object.keys(others))
      findings.push({ path: [name], message: `there is no option ${name}; there are path, from, batch` })
    return findings
  },
  source: (trigger, host) => new LinesSource(trigger.options, host),
}

class LinesSource {
  #file
  #from
  #batch
  #host
  #stopping = new AbortController()
  #work = null
  // Of a line that is not complete yet nothing is known.
  lag = 0

  constructor({ path, from = 'latest', batch = 1 }, host) {
    this.#file = resolve(path)
    this.#from = from
    this.#batch = batch
    this.#host = host
  }

  async start() {
    if (this.#work !== null) return
    this.#stopping = new AbortController()
    this.#work = this.#run(this.#stopping.signal)
  }

  async pause() {
    this.#stopping.abort()
    await this.#work
    this.#work = null
    this.#host.tell('paused')
  }

  async stop() {
    this.#stopping.abort()
    await this.#work
  }

  // For POST /v1/triggers/{flow}/{name}/seek: where to go on, by part. This source has one part, the file; its places are positions in bytes.
  async resolve(to) {
    if (to === 'earliest') return new Map([[this.#file, 0]])
    if (to === 'latest') return new Map([[this.#file, await sizeOf(this.#file)]])
    if ('time' in to) throw new CannotSeek('lines have no times; seek earliest, latest, or a position in bytes')
    return new Map(Object.entries(to.offsets))
  }

  async #run(signal) {
    const backoff = new Backoff()
    while (!signal.aborted) {
      try {
        await this.#follow(signal, backoff)
      } catch (error) {
        // a file that is not there may come, a store that is full may have room again
        this.#host.tell('reconnecting', error.message)
        await backoff.wait(signal)
      }
    }
  }

  async #follow(signal, backoff) {
    const places = this.#host.places
    const place = (await places.read()).get(this.#file)
    let next = place?.next
    // A batch that was begun must be read again as it was: nobody knows whether it was started.
    if (place?.unfinished !== undefined) {
      const [from, to] = place.unfinished
      const lines = await readLines(this.#file, from, to)
      await deliverUntilTaken(this.#host, this.#batchEvent(lines.filter(({ end }) => end <= to)), signal)
      next = to
    } else if (typeof next !== 'number') {
      next = this.#from === 'earliest' ? 0 : await sizeOf(this.#file)
      places.note(this.#file, next)
      await places.flush()
    }
    this.#host.tell('running')
    while (!signal.aborted) {
      const size = await sizeOf(this.#file)
      backoff.reset()
      if (size < next) {
        // it was emptied: what was in between is gone
        this.#host.count('lost', 1)
        places.note(this.#file, 0)
        await places.flush()
        next = 0
      }
      const lines = size > next ? await readLines(this.#file, next) : []
      this.lag = lines.length
      if (lines.length === 0) await pause(LOOK_MS, signal)
      else next = await this.#deliver(lines, next, signal)
    }
  }

  // Resolves to the position behind what was handled.
  async #deliver(lines, next, signal) {
    if (this.#batch === 1) {
      const count = await deliverAllUntilTaken(
        this.#host,
        lines.map((line) => this.#lineEvent(line)),
        signal,
      )
      return count === 0 ? next : lines[count - 1].end
    }
    for (let at = 0; at < lines.length; at += this.#batch) {
      const some = lines.slice(at, at + this.#batch)
      const delivery = await deliverUntilTaken(this.#host, this.#batchEvent(some), signal)
      if (delivery === undefined) break
      next = some.at(-1).end
    }
    return next
  }

  #lineEvent({ start, end, bytes }) {
    const common = {
      // names the line for good: the id of its execution follows from it
      key: [this.#file, String(start)],
      place: `${this.#file} at ${start}`,
      // written in the transaction of the start
      advance: { part: this.#file, next: end },
      original: { bytes, contentType: 'application/json' },
    }
    try {
      return { ...common, event: { line: JSON.parse(bytes.toString()) } }
    } catch {
      return { ...common, event: null, poison: new NotInFormat('the line is no JSON') }
    }
  }

  #batchEvent(lines) {
    const start = lines[0].start
    const end = lines.at(-1).end
    const common = {
      key: [this.#file, `${start}-${end}`],
      place: `${this.#file} from ${start} to ${end}`,
      advance: { part: this.#file, next: end, bounds: [start, end] },
      original: { bytes: Buffer.concat(lines.flatMap(({ bytes }) => [bytes, Buffer.from('\n')])) },
    }
    try {
      return { ...common, event: { lines: lines.map(({ bytes }) => JSON.parse(bytes.toString())) } }
    } catch {
      return { ...common, event: null, poison: new NotInFormat('one of the lines is no JSON') }
    }
  }
}

async function sizeOf(path) {
  const file = await open(path)
  try {
    return (await file.stat()).size
  } finally {
    await file.close()
  }
}

// The complete lines from a position on, as many as are in 1 MiB, or the one that is longer; `until`: all up to there.
async function readLines(path, from, until) {
  const file = await open(path)
  try {
    for (let length = until === undefined ? MOST_BYTES : until - from; ; length *= 2) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from)
      const lines = []
      let start = 0
      for (let at = buffer.indexOf(NEWLINE); at !== -1 && at < bytesRead; at = buffer.indexOf(NEWLINE, start)) {
        lines.push({ start: from + start, end: from + at + 1, bytes: buffer.subarray(start, at) })
        start = at + 1
      }
      if (lines.length > 0 || bytesRead < length) return lines
    }
  } finally {
    await file.close()
  }
}
