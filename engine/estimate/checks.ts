/** What is worth saying of single nodes. */
import type { ErrorDocument } from '../../dsl/errors.ts'
import { PAYLOAD_LIMIT } from '../../dsl/json-copy.ts'
import type { PlanLoopNode } from '../../dsl/plan.ts'
import { inlineLimit } from '../../workflows/protocol/limits.ts'
import { bytesOf, type Guess } from './guess.ts'
import type { Finding, NodeRun } from './scope.ts'

const KIB = 1024
const HOUR_MS = 3_600_000
/** Shorter waits end before an old version's worker is gone. */
const LONG_WAIT_MS = HOUR_MS

/** The input, a body and a result may have 6 MiB each; no engine takes more. */
export function checkBody(run: NodeRun, bytes: number, what: string): void {
  if (bytes <= PAYLOAD_LIMIT) return
  run.scope.setting.find(
    {
      rule: 'payload-too-large',
      severity: 'warning',
      message: `${what} would have ${inMiB(bytes)} of JSON: over 6 MiB it fails with PayloadTooLarge`,
      remedy: 'hand on what is needed alone (params, input), or a reference to where it lies',
    },
    run.node,
    run.lineage,
  )
}

/** What is over the claim check's threshold is written to the payload store, and read from there by every task that needs it. */
export function checkPayloads(run: NodeRun, payloads: readonly number[]): void {
  if (isExpress(run)) return
  const threshold = inlineLimit(0)
  const large = payloads.filter((bytes) => bytes > threshold)
  if (large.length === 0) return
  run.scope.setting.find(
    {
      rule: 'claim-check',
      severity: 'note',
      message: `payloads of some ${inKiB(Math.max(...large))}: what is over ${threshold / KIB} KiB goes to the payload store, and a reference to the history`,
      remedy: 'costs one write and one read each; params and output filters keep payloads small',
    },
    run.node,
    run.lineage,
  )
}

/** With worker versioning an execution stays on the version that began it. `ms` null: nobody knows how long. */
export function checkWait(run: NodeRun, ms: number | null): void {
  if (isExpress(run) || (ms !== null && ms <= LONG_WAIT_MS)) return
  const how =
    ms === null
      ? 'it waits for a time that is not known'
      : run.node.type === 'callback'
        ? `it may wait up to ${inWords(ms)} for its callback`
        : `it waits ${inWords(ms)}`
  run.scope.setting.find(
    {
      rule: 'worker-version',
      severity: 'note',
      message: `${how}: with worker versioning the execution needs workers of the version that it began on until it ends`,
      remedy:
        'keep those workers running as long, or end the flow before the wait and let a trigger or a subflow with wait: false begin the rest',
    },
    run.node,
    run.lineage,
  )
}

/** The input that was given fails the node. */
export function wouldFail(run: NodeRun, { errorType, errorMessage }: Pick<ErrorDocument, 'errorType' | 'errorMessage'>): void {
  run.scope.setting.find(
    {
      rule: 'would-fail',
      severity: 'warning',
      message: `with this input it fails with ${errorType}: ${errorMessage}`,
      remedy: 'the estimate goes on as if it had not; give another input, or mend the path',
    },
    run.node,
    run.lineage,
  )
}

/** What containers put together may be larger than a payload, up to a limit of its own. */
export function checkList(run: NodeRun, list: Guess, limit: number): void {
  const bytes = bytesOf(list)
  if (bytes <= limit) return
  run.scope.setting.find(
    {
      rule: 'payload-too-large',
      severity: 'warning',
      message: `its list of results would have ${inMiB(bytes)} of JSON: over ${inMiB(limit)} it fails with PayloadTooLarge`,
      remedy: 'let the functions store their results, and give back references',
    },
    run.node,
    run.lineage,
  )
}

interface FoundRanges {
  readonly count: number
  readonly size: number
  readonly ranges: number
  readonly width: number
}

/** The loop is too long for its workflow. */
export function foundRanges(
  run: NodeRun<PlanLoopNode>,
  rule: 'loop-lanes' | 'loop-batches',
  { count, size, ranges, width }: FoundRanges,
): void {
  const { concurrency } = run.node
  const isNarrow = concurrency > 0 && concurrency < 10
  const between = width === 1 ? 'one behind the other' : `${width} at one time`
  const within = width === 1 && concurrency > 0 ? ` with ${concurrency} iterations at one time` : ''
  const found: Pick<Finding, 'message' | 'remedy'> =
    rule === 'loop-batches'
      ? {
          message: `${count} iterations of one short function run in ${ranges} batches (one activity each) of up to ${size}, ${between}`,
          remedy: 'nothing to do: that costs far fewer events, and if a worker is lost a batch is delivered again as a whole',
        }
      : {
          message: `${count} iterations are too many for one history: they run in ${ranges} lanes (child workflows) of up to ${size}, ${between}${within}`,
          remedy: isNarrow
            ? 'a concurrency of 10 or more, or 0, costs half the events; a body of one function with a timeout of at most 10 s, in batches, far fewer'
            : 'nothing to do; a body of one function with a timeout of at most 10 s runs in batches, which cost far fewer events',
        }
  run.scope.setting.find({ rule, severity: 'note', ...found }, run.node, run.lineage)
}

/** What was assumed of a loop that the input knows better. */
export function unusedCount(run: NodeRun, assumed: number, count: number): void {
  if (assumed === count) return
  run.scope.setting.find(
    {
      rule: 'items',
      severity: 'note',
      message: `its input has ${count} items, so the ${assumed} that were given for it are not used`,
      remedy: 'leave the number out, or give an input that does not say how many there are',
    },
    run.node,
    run.lineage,
  )
}

/** It has no history, and ends within minutes. */
function isExpress({ scope }: NodeRun): boolean {
  return scope.setting.plan.mode === 'express'
}

export function inMiB(bytes: number): string {
  return `${(bytes / KIB / KIB).toFixed(1)} MiB`
}

export function inGiB(bytes: number): string {
  return `${(bytes / KIB / KIB / KIB).toFixed(1)} GiB`
}

function inKiB(bytes: number): string {
  return bytes < KIB * KIB ? `${Math.ceil(bytes / KIB)} KiB` : inMiB(bytes)
}

function inWords(ms: number): string {
  const days = ms / (24 * HOUR_MS)
  if (days >= 1) return `${Number(days.toFixed(1))} d`
  return `${Number((ms / HOUR_MS).toFixed(1))} h`
}
