/** What others do in the same namespace and database: other scopes of ours, other workflows, signals of anybody's. */
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { CallbackInfo, Engine } from '../../../engine/api.ts'
import { createEngine } from '../../../engine/create-engine.ts'
import { SIGNAL_CALLBACK } from '../../../workflows/protocol/shapes.ts'
import { rejection, until } from '../calls.ts'
import { newDatabase, newNamespace, temporalServices } from './services.ts'

const { address } = temporalServices()
const callbacks: CallbackInfo[] = []
let ours: Engine
let others: Engine
let connection: Connection
let client: Client

beforeAll(async () => {
  const [namespace, store] = await Promise.all([newNamespace(), newDatabase()])
  connection = await Connection.connect({ address })
  client = new Client({ connection, namespace })
  const open = (scope: string): Promise<Engine> =>
    createEngine({
      engine: 'temporal',
      store,
      temporal: { address, namespace, taskQueue: scope, scope },
      functions: { ask: () => null },
      onCallback: (info) => callbacks.push(info),
    })
  ours = await open('ours')
  others = await open('others')
})

afterAll(async () => {
  await ours?.close()
  await others?.close()
  await connection?.close()
})

const ASKING = { flow: 'asking', start: 'ask', nodes: { ask: { type: 'callback', function: 'ask' } } }

it('signals that are no answers change nothing, however they look', async () => {
  await ours.deploy(ASKING)
  const { id } = await ours.start('asking')
  await until(() => callbacks.length > 0, 'the callback')
  const handle = client.workflow.getHandle(id)
  await handle.signal(SIGNAL_CALLBACK)
  for (const bad of [null, 7, 'ask#1', [], {}, { place: 'ask#1' }, { place: 7, ok: true }, { place: 'elsewhere#1', ok: true, value: 1 }])
    await handle.signal(SIGNAL_CALLBACK, bad)
  await handle.signal('another', 1)
  expect(await ours.nodes(id)).toMatchObject([{ id: 'ask', status: 'waiting' }])
  await ours.callback(callbacks[0]!.token, { status: 'succeeded', output: 'yes' })
  expect(await ours.result(id)).toBe('yes')
  expect(await ours.nodes(id)).toMatchObject([{ id: 'ask', status: 'succeeded', output: 'yes' }])
})

it('an execution of another scope, and a workflow that is none of ours, are not there', async () => {
  await others.deploy(ASKING)
  const theirs = await others.start('asking')
  const foreign = await client.workflow.start('somebodys', { taskQueue: 'nobodys', workflowId: 'foreign' })
  for (const id of [theirs.id, foreign.workflowId]) {
    const calls = [
      () => ours.result(id),
      () => ours.describe(id),
      () => ours.nodes(id),
      () => ours.logs(id),
      () => ours.stop(id),
      () => ours.retry(id),
      () => ours.rerun(id),
      () => ours.events(id)[Symbol.asyncIterator]().next(),
    ]
    for (const call of calls) expect(await rejection(call()), `${call.toString()} ${id}`).toMatchObject({ code: 'execution-not-found' })
  }
  expect((await ours.list()).items.map(({ id }) => id)).not.toContain(theirs.id)
  await theirs.stop()
  expect(await rejection(theirs.result())).toMatchObject({ executionStatus: 'cancelled' })
  expect(await rejection(ours.result(theirs.id))).toMatchObject({ code: 'execution-not-found' })
  await foreign.terminate()
  expect(await rejection(ours.result(foreign.workflowId))).toMatchObject({ code: 'execution-not-found' })
})
