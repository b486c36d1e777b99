import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newDatabase, newNamespace, temporalServices } from '../engine/temporal/services.ts'
import { CASES, FOLDER, killServers, Lab } from './idempotency-lab.ts'
import { firstLine, fnflow, folderWith, type Running } from './support.ts'

const { address } = temporalServices()
const folder = folderWith({ ...FOLDER, 'fnflow.yaml': 'engine: temporal\n' })
let env: NodeJS.ProcessEnv = {}
let worker: Running | undefined
beforeAll(async () => {
  const [store, namespace] = await Promise.all([newDatabase(), newNamespace()])
  env = { FNFLOW_STORE: store, FNFLOW_TEMPORAL_ADDRESS: address, FNFLOW_TEMPORAL_NAMESPACE: namespace }
  worker = fnflow(['worker'], { cwd: folder, env })
  await firstLine(worker)
})
afterAll(async () => {
  killServers()
  worker?.child.kill('SIGKILL')
  await worker
})

describe.each(['after claim', 'before answer', 'after answer'])('one of two servers that dies %s of a request with a key', (moment) => {
  it('leaves it to the other, which answers it, and its effect is there once', async () => {
    const [dying, other] = [new Lab(folder, [], env), new Lab(folder, [], env)]
    await Promise.all([dying.start(), other.start()])
    const begun: (Awaited<ReturnType<(typeof CASES)[number]['prepare']>> & { readonly name: string })[] = []
    for (const { name, prepare } of CASES) {
      const key = `${name}-${moment.replace(' ', '-')}`
      const request = await prepare(other, key)
      dying.dieAt(moment)
      await expect(dying.post(request.path, request.body, key), key).rejects.toThrow()
      expect(await dying.died(), key).toBe(true)
      await dying.start()
      begun.push({ ...request, name: key })
    }
    // leases end together
    const repeat = async ({ path, body, effects, name }: (typeof begun)[number]): Promise<void> => {
      const [here, there] = await Promise.all([dying.post(path, body, name), other.post(path, body, name)])
      expect(Math.trunc(here.status / 100), `${name}: ${JSON.stringify(here.body)}`).toBe(2)
      expect(there, name).toEqual(here)
      await expect.poll(effects, { timeout: 20_000, message: name }).toBe(1)
    }
    await Promise.all(begun.map(repeat))
    for (const { effects, name } of begun) expect(await effects(), name).toBe(1)
    dying.kill()
    other.kill()
  }, 180_000)
})
