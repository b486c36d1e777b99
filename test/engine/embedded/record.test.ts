import { afterEach, expect, it } from 'vitest'
import { LocalEngine, Store } from '../../../engine/internal.ts'
import { Reader } from '../../../engine/embedded/reader.ts'
import { folderWith } from '../../cli/support.ts'

const REST = { flow: 'rests', start: 'r', nodes: { r: { type: 'wait', seconds: 3600 } } }
const FAILS = { flow: 'fails', start: 'f', nodes: { f: { type: 'function', function: 'fails', next: 'r' }, r: REST.nodes.r } }
const CALLS = { flow: 'calls', start: 'c', nodes: { c: { type: 'subflow', flow: 'rests' } } }

let engine: LocalEngine
afterEach(() => engine.close())

it('what memory says of a running execution is what its row says, and the caller may do what it likes with it', async () => {
  const folder = folderWith()
  let isBroken = true
  const functions = {
    fails: () => {
      if (isBroken) throw new Error('on purpose')
      return {}
    },
  }
  engine = await LocalEngine.open({ store: folder, functions })
  for (const flow of [REST, FAILS, CALLS]) await engine.deploy(flow)
  const plain = await engine.start('rests', { input: { n: [1] } })
  const named = await engine.start('rests', { name: 'mine', input: null, trigger: { type: 'timer', name: 'nightly', event: { tick: 1 } } })
  const failed = await engine.start('fails')
  await expect(failed.result()).rejects.toThrow(/on purpose/)
  isBroken = false
  const retried = await engine.retry(failed.id)
  const parent = await engine.start('calls')
  await expect.poll(async () => (await engine.list({ parent: parent.id })).items.length).toBe(1)
  const [child] = (await engine.list({ parent: parent.id })).items
  const ids = [plain.id, named.id, retried.id, parent.id, child?.id as string]
  const fromMemory = await Promise.all(ids.map((id) => engine.describe(id)))
  expect(fromMemory.map(({ name, retryOf, parent: of }) => [name, retryOf, of?.node])).toEqual([
    [undefined, undefined, undefined],
    ['mine', undefined, undefined],
    [undefined, failed.id, undefined],
    [undefined, undefined, undefined],
    [undefined, undefined, 'c'],
  ])
  ;(fromMemory[0]?.input as { n: number[] }).n.push(2)
  expect((await engine.describe(plain.id)).input).toEqual({ n: [1] })
  await engine.close()

  const store = await Store.open(folder)
  const reader = new Reader(store, undefined as never)
  const fromRows = ids.map((id) => reader.record(id, true))
  store.close()
  expect(fromRows[0]?.input).toEqual({ n: [1] })
  expect(fromMemory.slice(1)).toEqual(fromRows.slice(1))
  expect({ ...fromMemory[0], input: null }).toEqual({ ...fromRows[0], input: null })
})
