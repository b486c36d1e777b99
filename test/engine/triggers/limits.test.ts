import { afterEach, expect, it } from 'vitest'
import { LocalEngine } from '../../../engine/internal.ts'
import { rejection } from '../calls.ts'

const FULL = { code: 'too-many-executions' }
const WAIT = { type: 'wait', seconds: 3600 }
let engine: LocalEngine

const open = async (limits: { executions?: number; startsPerSecond?: number }): Promise<void> => {
  engine = await LocalEngine.open({ limits })
}
const deploy = (flow: string, trigger: object = {}, more: object = {}) =>
  engine.deploy({ flow, triggers: [{ type: 'topic', name: 't', topic: 'news', ...trigger }], start: 'n', nodes: { n: WAIT }, ...more })
const flows = async (): Promise<string[]> => (await engine.list()).items.map(({ flow }) => flow).sort()
const publish = (id?: string) => engine.triggers.publish('news', { message: 1 }, id === undefined ? {} : { id })

afterEach(() => engine.close())

it('a message that would pass limits.executions starts none of its flows', async () => {
  await open({ executions: 4 })
  for (const flow of ['a', 'b', 'c']) await deploy(flow)
  expect(await publish()).toMatchObject({ executions: 3 })
  expect(await rejection(publish())).toMatchObject(FULL)
  expect(await flows()).toEqual(['a', 'b', 'c'])
  // the place that was reserved is there again
  expect((await engine.triggers.get('a', 't')).inFlight).toBe(1)
  await engine.start('a')
  expect(await rejection(engine.start('a'))).toMatchObject(FULL)
})

it('messages of one moment are let in whole or not at all', async () => {
  await open({ executions: 5 })
  for (const flow of ['a', 'b']) await deploy(flow)
  const outcomes = await Promise.allSettled(Array.from({ length: 4 }, () => publish()))
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
  expect(await flows()).toEqual(['a', 'a', 'b', 'b'])
  await engine.start('a')
})

it('a message that has come before finds its executions at every limit', async () => {
  await open({ executions: 2 })
  await deploy('a', { maxInFlight: 1 })
  await deploy('b')
  await publish('m1')
  expect(await publish('m1')).toEqual({ messageId: 'm1', executions: 2 })
  expect(await rejection(publish('m2'))).toMatchObject(FULL)
  expect(await flows()).toEqual(['a', 'b'])
  expect((await engine.triggers.get('a', 't')).counts).toMatchObject({ started: 1, deduplicated: 1 })
  // and where a part of it is there: there is room for b again
  await engine.stop((await engine.list({ flow: 'b' })).items[0]!.id)
  await engine.delete((await engine.list({ flow: 'b' })).items[0]!.id)
  expect(await publish('m1')).toEqual({ messageId: 'm1', executions: 2 })
  expect(await flows()).toEqual(['a', 'b'])
})

it('express and standard flows are counted each for themselves', async () => {
  await open({ executions: 1 })
  await deploy('a')
  await deploy('b', {}, { mode: 'express', nodes: { n: { type: 'wait', seconds: 60 } } })
  expect(await publish()).toMatchObject({ executions: 2 })
  await engine.stop((await engine.list({ flow: 'a' })).items[0]!.id)
  expect(await rejection(publish())).toMatchObject(FULL)
  expect(await flows()).toEqual(['a'])
})

it('what is refused as a whole is counted nowhere, and goes to no dead letters', async () => {
  const lines: string[] = []
  engine = await LocalEngine.open({
    limits: { executions: 1 },
    channels: { dead: { kind: 'log' } },
    onLog: ({ text }) => lines.push(text),
  })
  await deploy('a', { deadLetter: 'dead', filter: "$.record[0].smn.message > 'text'" })
  await deploy('b', { filter: '$.record[0].smn.message == 2' })
  for (const flow of ['c', 'd']) await deploy(flow)
  expect(await rejection(publish())).toMatchObject(FULL)
  for (const flow of ['a', 'b', 'c']) expect(Object.values((await engine.triggers.get(flow, 't')).counts)).toEqual([0, 0, 0, 0, 0, 0, 0])
  expect(lines).toEqual([])
})
