import type { Engine, NodeRecord } from '../engine/api.ts'
import type { Json } from '../dsl/json.ts'
import { duration, onStderr, say } from './output.ts'
import { remarks } from './tree.ts'
import { visibleJson } from './visible.ts'

/** Characters of a value that are shown. */
const VALUE_LIMIT = 400
/** Records inside each loop that are shown. */
const ITERATION_LIMIT = 200

/** Prints every node with input, output, attempts and time; `engine` is asked for the insides of loops, which an express flow does not keep. */
export async function printTrace(records: Iterable<NodeRecord>, engine: Engine | undefined, execution: string): Promise<void> {
  say(onStderr('bold', 'trace'))
  for (const record of records) {
    printRecord(record)
    if (record.type !== 'loop') continue
    if (engine === undefined) {
      say(onStderr('dim', '    (an express flow keeps no records of the nodes inside a loop)'))
      continue
    }
    const inside = await engine.nodes(execution, { iterations: record.place, limit: ITERATION_LIMIT })
    for (const inner of inside) if (inner.place !== record.place) printRecord(inner)
    if (inside.length >= ITERATION_LIMIT) say(onStderr('dim', `    (the first ${ITERATION_LIMIT} records of ${record.place} are shown)`))
  }
}

function printRecord(record: NodeRecord): void {
  const { place, type, status, attempts, startedAt, endedAt, input, output, error } = record
  const times = `${attempts} attempt${attempts === 1 ? '' : 's'}`
  const took = endedAt === undefined ? 'not ended' : duration(endedAt - startedAt)
  const more = remarks(record).filter(
    (said) => said !== status && said !== times && (error === undefined || !said.startsWith(error.errorType)),
  )
  say(`${onStderr('bold', place)}  ${[type, status, times, took, ...more].join('  ')}`)
  if (input !== undefined) say(`    input   ${shown(input)}`)
  if (output !== undefined) say(`    output  ${shown(output)}`)
  if (error !== undefined) say(`    error   ${shown(error as unknown as Json)}`)
}

/** A value on one line; a long one is cut, with its size. */
export function shown(value: Json): string {
  const text = JSON.stringify(value)
  if (text.length <= VALUE_LIMIT) return visibleJson(text)
  return `${visibleJson(text.slice(0, VALUE_LIMIT).toWellFormed())}… (${Buffer.byteLength(text)} bytes in all)`
}
