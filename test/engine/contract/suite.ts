/** The engine's API, whatever runs the flows: one suite for all engines (docs/design/temporal.md, journal.md). */
import { describe } from 'vitest'
import { Bench } from './bench.ts'
import { bounds } from './bounds.ts'
import { callbacks } from './callbacks.ts'
import { catalogue } from './catalogue.ts'
import { closes } from './closes.ts'
import { definitions } from './definitions.ts'
import { events } from './events.ts'
import { express } from './express.ts'
import { ids } from './ids.ts'
import { invokes } from './invokes.ts'
import { lists } from './lists.ts'
import { options } from './options.ts'
import { payloads } from './payloads.ts'
import { ranges } from './ranges.ts'
import { records } from './records.ts'
import { reruns } from './reruns.ts'
import { results } from './results.ts'
import { retries } from './retries.ts'
import { stops } from './stops.ts'
import { subflows } from './subflows.ts'
import type { Subject } from './subject.ts'
import { timeouts } from './timeouts.ts'

const TOPICS = {
  definitions,
  catalogue,
  ids,
  results,
  options,
  stops,
  timeouts,
  retries,
  reruns,
  records,
  ranges,
  lists,
  events,
  callbacks,
  invokes,
  subflows,
  express,
  payloads,
  bounds,
  closes,
}

/** These keep a machine busy: nothing runs beside them. */
const HEAVY: ReadonlySet<string> = new Set(['ranges', 'bounds'])

/** Declares the contract's tests for one kind of engine. */
export function engineContract(name: string, subject: Subject): void {
  describe(name, { concurrent: subject.concurrent }, () => {
    const bench = new Bench(name, subject)
    for (const [topic, declare] of Object.entries(TOPICS))
      describe(topic, { concurrent: subject.concurrent && !HEAVY.has(topic) }, () => declare(bench))
  })
}
