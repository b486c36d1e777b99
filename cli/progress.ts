import type { NodeRecord } from '../engine/api.ts'
import { duration, isTerminal, onStderr, say } from './output.ts'
import { remarks, renderTree, symbolsFor, type Look } from './tree.ts'

/** Shows on stderr how an execution goes. */
export interface Progress {
  node(record: NodeRecord): void
  /** A line from elsewhere (a function's log), shown above what is live. */
  line(text: string): void
  /** Leaves the last state on the screen. */
  end(): void
  /** True where counts that change all the time are shown. */
  readonly live: boolean
  /** Of all nodes seen, the last state; in order of start. */
  readonly records: ReadonlyMap<string, NodeRecord>
}

/** Milliseconds between two pictures of the tree. */
const FRAME_MS = 80
/** Lines that wait for the next picture at most. */
const LINES_MAX = 1000

/** A live tree on a terminal, else a line per change of a node. The terminal library is loaded for the first only. */
export async function createProgress(title: string): Promise<Progress> {
  // a terminal without a size (some pseudo-terminals) cannot be drawn on
  return isTerminal(process.stderr) && process.stderr.columns > 0 ? liveTree(title) : plainLines()
}

function keep(records: Map<string, NodeRecord>, record: NodeRecord): void {
  const before = records.get(record.place)
  // a container that runs again begins again
  if (before !== undefined && before.startedAt !== record.startedAt) records.delete(record.place)
  // a copy: those of an express flow go on changing
  records.set(record.place, { ...record, ...(record.iterations === undefined ? {} : { iterations: { ...record.iterations } }) })
}

function plainLines(): Progress {
  const records = new Map<string, NodeRecord>()
  const symbols = symbolsFor(process.env)
  return {
    live: false,
    records,
    node(record) {
      const before = records.get(record.place)
      keep(records, record)
      if (before?.status === record.status && before.attempts === record.attempts && before.startedAt === record.startedAt) return
      const { place, type, status, startedAt, endedAt } = record
      const time = endedAt === undefined ? [] : [`in ${duration(endedAt - startedAt)}`]
      const said = remarks(record).filter((remark) => remark !== status)
      say([`${symbols[status]} ${place}`, type, [status, ...time].join(' '), ...said].join('  '))
    },
    line: say,
    end() {},
  }
}

async function liveTree(title: string): Promise<Progress> {
  const { createLogUpdate } = await import('log-update')
  const update = createLogUpdate(process.stderr)
  const records = new Map<string, NodeRecord>()
  const look: Look = { symbols: symbolsFor(process.env), style: onStderr }
  const startedAt = Date.now()
  let timer: NodeJS.Timeout | null = null
  const picture = (): string => {
    const now = Date.now()
    const head = `${onStderr('bold', title)}  ${onStderr('dim', duration(now - startedAt))}`
    return [head, ...renderTree(records.values(), { ...look, now, width: process.stderr.columns - 2 }).map((line) => `  ${line}`)].join(
      '\n',
    )
  }
  // Lines go out with the next picture: to write a picture for each would keep a talkative function waiting for the terminal.
  let lines: string[] = []
  const draw = (): void => {
    flush()
    update(picture())
  }
  const flush = (): void => {
    if (lines.length === 0) return
    update.clear()
    say(lines.join('\n'))
    lines = []
  }
  timer = setInterval(draw, FRAME_MS)
  timer.unref()
  draw()
  return {
    live: true,
    records,
    node(record) {
      keep(records, record)
    },
    line(text) {
      lines.push(text)
      if (lines.length >= LINES_MAX) flush()
    },
    end() {
      if (timer === null) return
      clearInterval(timer)
      timer = null
      flush()
      // written once more as plain text: what did not fit on the screen is there, too
      update.clear()
      update.done()
      say(picture())
    },
  }
}
