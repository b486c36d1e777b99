/**
 * Records the journals beside this file: `node test/journals/record.ts [--again]`. Run by hand, for scenes that are new. A journal that
 * was recorded is evidence of what an engine of that core version wrote: it is not recorded again (`--again`) unless it was never released.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { begin, createFlow, prepare, step, type CoreEvent } from '../../dsl/core/machine.ts'
import { outstanding } from '../../dsl/core/machine.ts'
import { placeOf } from '../../dsl/core/place.ts'
import type { ErrorDocument } from '../../dsl/errors.ts'
import type { Json } from '../../dsl/json.ts'
import { loadFlow } from '../../dsl/load.ts'
import type { Plan } from '../../dsl/plan.ts'
import { EVENT } from '../../engine/embedded/schema.ts'
import type { EventRow } from '../../engine/embedded/store.ts'
import { CORE, foldFile, startOf, type JournalFile } from './journal-file.ts'
import { SCENES, type Act, type Scene } from './scenes.ts'

const STARTED_AT = 2_000_000_000_000

/** Plays a scene against the core and writes down what the store would hold. */
function play(plan: Plan, { input = {}, carried = {}, replaced = {}, acts }: Scene): JournalFile {
  const start = { id: 'recorded', input, startedAt: STARTED_AT, version: 'latest' }
  const flow = createFlow(prepare(plan), startOf(start))
  const rows: EventRow[] = []
  let time = STARTED_AT
  const note = (kind: keyof typeof EVENT, place: string, data: unknown, event: CoreEvent): void => {
    const before = outstanding(flow).length
    step(flow, event)
    rows.push({ seq: rows.length + 1, time: event.time, kind: EVENT[kind], place, data: kind === 'stop' ? null : JSON.stringify(data) })
    if (before === 0) throw new Error(`nothing was outstanding at ${place}`)
  }
  for (const [lineage, data] of Object.entries(carried)) {
    step(flow, { kind: 'carry', lineage, data, time })
    rows.push({ seq: rows.length + 1, time, kind: EVENT.carry, place: lineage, data: JSON.stringify(data) })
  }
  for (const [lineage, data] of Object.entries(replaced)) {
    step(flow, { kind: 'replace', lineage, data, time })
    rows.push({ seq: rows.length + 1, time, kind: EVENT.replace, place: lineage, data: JSON.stringify(data) })
  }
  begin(flow)
  for (const [kind, place = '', data = null] of acts as readonly (readonly [Act[0], string?, Json?])[]) {
    time += 10
    if (kind === 'stop') note(kind, place, null, { kind, time })
    else if (kind === 'ok' || kind === 'called') note(kind, place, data, { kind, place, data, time })
    else if (kind === 'timer') {
      const timer = outstanding(flow).find(
        (command) => command.kind === 'timer' && command.purpose === data && (command.run === null ? '' : placeOf(command.run)) === place,
      )
      if (timer?.kind !== 'timer') throw new Error(`no timer ${String(data)} at ${place}`)
      time = Math.max(time, timer.due)
      note(kind, place, data, { kind, place, purpose: String(data), time })
    } else {
      const error: ErrorDocument = { status: 430, errorType: String(data), errorMessage: `${String(data)} at ${place}` }
      note(kind, place, error, { kind, place, data: error, time })
    }
  }
  return { core: CORE, plan, start, rows, expected: foldFile({ plan, start, rows }) }
}

const again = process.argv.includes('--again')
for (const [name, scene] of Object.entries(SCENES)) {
  const file = new URL(`./${name}.core-${CORE}.json`, import.meta.url)
  if (existsSync(file) && !again) continue
  const { plan, diagnostics } = await loadFlow(scene.flow)
  if (plan === undefined) throw new Error(`${name}: ${JSON.stringify(diagnostics)}`)
  writeFileSync(file, `${JSON.stringify(play(plan, scene), null, 1)}\n`)
  console.log(`recorded ${name}`)
}
