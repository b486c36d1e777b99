import { readFileSync } from 'node:fs'
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js'
import { describe, expect, it } from 'vitest'
import { NODE_KINDS } from '../../dsl/nodes/index.ts'
import { PAYLOAD_CONVERTER, WORKFLOW_BUNDLE } from '../../engine/temporal/paths.ts'
import { workerSdk } from '../../engine/temporal/sdk.ts'
import { codecOf, foldEvents, historyFiles, readHistory, servicesOf, type HistoryFile } from './history-file.ts'
import { SCENES } from './scenes.ts'

const names = historyFiles()
const files = names.map(readHistory)

/** Replays histories with an interpreter; the errors by file. */
async function replay(
  some: readonly HistoryFile[],
  code: { readonly codePath: string } | { readonly code: string },
): Promise<Map<string, string>> {
  const { Worker } = await workerSdk()
  const options = {
    workflowBundle: code,
    sinks: { records: { ended: { fn: () => undefined }, lane: { fn: () => undefined } } },
    dataConverter: { payloadConverterPath: PAYLOAD_CONVERTER, payloadCodecs: [codecOf(some)] },
  }
  const histories = some.map(({ name, history }) => ({ workflowId: name, history: historyFromJSON(history) }))
  const errors = new Map<string, string>()
  for await (const { workflowId, error } of Worker.runReplayHistories(options, histories)) {
    if (error !== undefined) errors.set(workflowId, error.message)
  }
  return errors
}

it('every recorded history is replayed by the interpreter of now, command by command', { timeout: 60_000 }, async () => {
  expect([...(await replay(files, { codePath: WORKFLOW_BUNDLE }))]).toEqual([])
})

it('an interpreter that would decide otherwise is found', { timeout: 60_000 }, async () => {
  const bundle = readFileSync(WORKFLOW_BUNDLE, 'utf8')
  const changed = (from: string, to: string): { readonly code: string } => {
    // not `toContain`, which would print all of it
    expect(bundle.includes(from), from).toBe(true)
    return { code: bundle.replaceAll(from, to) }
  }
  const some = files.filter(({ name }) => ['parallel-all', 'loop-waits', 'subflow-succeeded'].includes(name))
  expect((await replay(some, changed('`invoke`,asked', '`call`,asked'))).has('parallel-all')).toBe(true)
  expect((await replay(some, changed('`resolve`,[request]', '`look`,[request]'))).has('subflow-succeeded')).toBe(true)
  // one timer for each of those that fall due at once
  expect((await replay(some, changed('timers.add(timer)', 'this.port.setTimer(timer.due, timer)'))).has('loop-waits')).toBe(true)
})

describe('a history folds to what the workflow had made of it', () => {
  it.for(names)('%s', async (name) => {
    const file = readHistory(name)
    expect(name).toContain(`.core-${file.core}.json`)
    expect(await foldEvents(historyFromJSON(file.history).events ?? [], servicesOf(file))).toEqual(file.expected)
  })
})

it('every scene is recorded, with every kind of node, and how each ended is what its name says', () => {
  const recorded = new Set(files.map(({ name }) => name))
  expect([...recorded]).toEqual(expect.arrayContaining(Object.keys(SCENES)))
  const kinds = new Set(
    files.flatMap(({ plans }) => Object.values(plans).flatMap(({ nodes }) => Object.values(nodes).map(({ type }) => type))),
  )
  expect([...kinds].sort()).toEqual([...NODE_KINDS].sort())
  for (const { name, expected } of files) {
    if (/-(running|waiting)$/.test(name)) expect(expected.status, name).toBe('running')
    else expect(expected.status, name).not.toBe('running')
  }
  const statuses = new Set(files.map(({ expected }) => expected.status))
  expect([...statuses].sort()).toEqual(['cancelled', 'failed', 'running', 'succeeded', 'timedOut'])
})
