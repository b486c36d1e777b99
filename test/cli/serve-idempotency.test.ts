import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { CASES, FOLDER, killServers, Lab, type Answer } from './idempotency-lab.ts'
import { folderWith } from './support.ts'

afterAll(killServers)

/** Where the request is still to be made, or is answered already, one route is as another. */
const SOME = CASES.slice(0, 3)

describe.each([
  ['before effect', SOME],
  ['after effect', CASES],
  ['before answer', CASES],
  ['after answer', SOME],
] as const)('a server that dies %s of a request with a key', (moment, cases) => {
  it('has its effect once, and answers when it is back', async () => {
    const lab = new Lab(folderWith(FOLDER), ['--store', 'store'])
    await lab.start()
    for (const { name, prepare } of cases) {
      const { path, body, effects } = await prepare(lab, name)
      lab.dieAt(moment)
      await expect(lab.post(path, body, name), name).rejects.toThrow()
      expect(await lab.died(), name).toBe(true)
      await lab.start()
      expect(await effects(), name).toBe(moment === 'before effect' ? 0 : 1)
      const answer = await lab.post(path, body, name)
      expect(Math.trunc(answer.status / 100), `${name}: ${JSON.stringify(answer.body)}`).toBe(2)
      expect(await lab.post(path, body, name), name).toEqual(answer)
      expect(await effects(), name).toBe(1)
    }
    lab.kill()
  }, 180_000)
})

it('a server that is killed at any moment starts nothing twice', async () => {
  const lab = new Lab(folderWith(FOLDER), ['--store', 'store'])
  await lab.start()
  const answers = new Map<string, Answer>()
  for (let round = 0; round < 10; round++) {
    const keys = Array.from({ length: 5 }, (_, at) => `${round}-${at}`)
    const post = (key: string): Promise<void> =>
      lab.post('/v1/flows/asks/executions', { input: key }, key).then((answer) => void answers.set(key, answer))
    const sent = keys.map((key) => post(key).catch(() => undefined))
    await sleep(Math.random() * 12)
    lab.kill()
    await Promise.all(sent)
    await lab.died()
    await lab.start()
    for (const key of keys) {
      const again = await lab.post('/v1/flows/asks/executions', { input: key }, key)
      expect(again.status).toBe(202)
      expect(again.location).toBe(`/v1/executions/${again.body.id}`)
      // whoever had an answer has the same again
      expect(again).toEqual(answers.get(key) ?? again)
      answers.set(key, again)
    }
  }
  const { items } = await lab.get('/v1/executions?flow=asks&limit=200')
  expect(items).toHaveLength(50)
  expect(new Set([...answers.values()].map(({ body }) => body.id)).size).toBe(50)
  lab.kill()
}, 180_000)
