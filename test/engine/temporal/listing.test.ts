import { afterAll, expect, it } from 'vitest'
import { LocalEngine } from '../../../engine/internal.ts'
import { until } from '../calls.ts'
import { newDatabase, newNamespace, temporalServices } from './services.ts'

const { address } = temporalServices()
let engine: LocalEngine | undefined
afterAll(() => engine?.close())

it('an execution that was listed is listed while it ends, and behind that', { timeout: 120_000 }, async () => {
  const [namespace, store] = await Promise.all([newNamespace(), newDatabase()])
  const opened = await LocalEngine.open({ engine: 'temporal', store, temporal: { address, namespace, taskQueue: 'listing', worker: {} } })
  engine = opened
  await opened.deploy({ flow: 'f', start: 'n', nodes: { n: { type: 'wait', seconds: 1 } } })
  const ids = await Promise.all(Array.from({ length: 60 }, async () => (await opened.start('f', {})).id))
  const listed = async (): Promise<Set<string>> => new Set((await opened.list({ flow: 'f', limit: 200 })).items.map(({ id }) => id))
  await until(async () => (await listed()).size === ids.length, 'all of them')
  let hasEnded = false
  // a list that is wrong is what the test tells
  const ends = Promise.all(ids.map((id) => opened.result(id))).then(() => (hasEnded = true))
  ends.catch(() => undefined)
  for (let more = 10; more > 0; more -= hasEnded ? 1 : 0) expect([...(await listed())].toSorted()).toEqual(ids.toSorted())
  await ends
})
