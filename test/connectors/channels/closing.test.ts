import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createEngine } from '../../../engine/create-engine.ts'
import { Receiver } from '../../engine/http/receiver.ts'

let store: string
const receiver = new Receiver()

beforeEach(async () => {
  store = mkdtempSync(join(tmpdir(), 'fnflow-closing-'))
  await receiver.listen()
})
afterEach(async () => {
  await receiver.close()
  rmSync(store, { recursive: true, force: true })
})

it('an event that was not sent when the engine closed is sent by the next one, and has failed nothing', async () => {
  const open = () =>
    createEngine({
      store,
      channels: { out: { kind: 'http', url: receiver.url } },
      outbound: { allowPrivate: ['127.0.0.1'] },
      onLog: () => undefined,
    })
  // away, for now
  receiver.answer = () => ({ status: 503 })
  const first = await open()
  await first.deploy({ flow: 'teller', start: 'tell', nodes: { tell: { type: 'event', channel: 'out' } } })
  const { id } = await first.start('teller', { input: 1 })
  await expect.poll(() => receiver.received.length).toBeGreaterThan(0)
  await first.close()
  receiver.answer = () => ({ status: 204 })
  const second = await open()
  expect(await second.result(id)).toEqual({ eventId: `${id}/tell#1` })
  expect(receiver.received.at(-1)!.headers['ce-id']).toBe(`${id}/tell#1`)
  await second.close()
})
