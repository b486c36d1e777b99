import { describe, expect, test, vi } from 'vitest'
import { deployFlow, registryLab, storedFlow } from './lab.ts'

const lab = registryLab()

describe('plans', () => {
  test('come back as they were, large ones and strange ones too', async () => {
    const [one, other] = [await lab.open(), await lab.open()]
    const texts = {
      small: '{"flow":"a"}',
      large: JSON.stringify({ text: 'long '.repeat(400_000) }),
      strange: JSON.stringify({ text: '\0 \ud800 ü 😀' }),
      bare: '"x"',
    }
    for (const [hash, text] of Object.entries(texts)) await one.savePlan(hash, text)
    for (const [hash, text] of Object.entries(texts)) {
      expect(await one.plan(hash)).toBe(text)
      expect(await other.plan(hash)).toBe(text)
    }
    expect(await other.plan('none')).toBeUndefined()
    expect(await other.plan('no\0ne')).toBeUndefined()
  })

  test('never change', async () => {
    const [one, other] = [await lab.open(), await lab.open()]
    await Promise.all([one.savePlan('fixed', '1'), other.savePlan('fixed', '1')])
    await one.savePlan('fixed', '2')
    await deployFlow(other, { name: 'f', hash: 'fixed', mode: 'standard', planText: '3' })
    expect(await (await lab.open()).plan('fixed')).toBe('1')
  })
})

describe('flows', () => {
  test('a deployment is what the next start on any server takes, its plan with it', async () => {
    const [one, other] = [await lab.open({ scope: 'shared' }), await lab.open({ scope: 'shared' })]
    expect(await storedFlow(other, 'f')).toBeUndefined()
    for (let at = 0; at < 5; at++) {
      await deployFlow(one, { name: 'f', hash: `v${at}`, mode: at % 2 === 0 ? 'standard' : 'express', planText: `${at}` })
      expect(await storedFlow(other, 'f')).toEqual({
        name: 'f',
        hash: `v${at}`,
        version: 'latest',
        mode: at % 2 === 0 ? 'standard' : 'express',
      })
      expect(await other.plan(`v${at}`)).toBe(`${at}`)
    }
    await deployFlow(other, { name: 'a', hash: 'v0', mode: 'standard', planText: '0' })
    expect((await one.catalogue.list({ limit: 10 })).items.map(({ flow, hash }) => [flow, hash])).toEqual([
      ['a', 'v0'],
      ['f', 'v4'],
    ])
  })

  test('of flows that take the same requests one is stored, however many servers store them at once', async () => {
    const registries = await Promise.all(Array.from({ length: 4 }, () => lab.open({ scope: 'paths' })))
    for (let round = 0; round < 5; round++) {
      const deploy = (registry: (typeof registries)[number], at: number) => {
        // every other one takes all methods of the path
        const trigger = { type: 'http', name: 't', path: `/p${round}/{id}`, method: at % 2 === 0 ? 'POST' : 'ANY' }
        const planText = JSON.stringify({ flow: `r${round}f${at}`, triggers: [trigger] })
        return deployFlow(registry, { name: `r${round}f${at}`, hash: `r${round}f${at}`, mode: 'standard', planText })
      }
      const outcomes = await Promise.allSettled(registries.map(deploy))
      const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []))
      expect(refused).toEqual(Array.from({ length: 3 }, () => expect.objectContaining({ code: 'path-taken' })))
      const winner = outcomes.findIndex(({ status }) => status === 'fulfilled')
      // its own stays its own
      await deploy(registries[(winner + 1) % 4]!, winner)
    }
    const { items } = await registries[0]!.catalogue.list({ limit: 50 })
    expect(items).toHaveLength(5)
    // in another scope there are other flows
    const trigger = { type: 'http', name: 't', path: '/p0/{id}', method: 'POST' }
    const planText = JSON.stringify({ flow: 'f', triggers: [trigger] })
    await deployFlow(await lab.open(), { name: 'f', hash: 'elsewhere', mode: 'standard', planText })
  })

  test('many deployments of one flow at once leave one whole', async () => {
    const registries = await Promise.all(Array.from({ length: 5 }, () => lab.open({ scope: 'race' })))
    await Promise.all(
      registries.map((registry, at) => deployFlow(registry, { name: 'f', hash: `race${at}`, mode: 'standard', planText: `"${at}"` })),
    )
    const flow = await storedFlow(registries[0]!, 'f')
    expect(await registries[1]!.plan(flow!.hash)).toBe(JSON.stringify(flow!.hash.slice(-1)))
  })
})

describe('routes of functions', () => {
  test('are those that the workers wrote last', async () => {
    const registry = await lab.open()
    expect(await registry.functions()).toEqual(new Map())
    await registry.saveFunctions([])
    await registry.saveFunctions([
      { ref: 'default/a', queue: 'q', worker: 'w1', timeoutMs: 5000 },
      { ref: 'default/b', queue: 'q', worker: 'w1' },
      // twice in one list: the last counts
      { ref: 'default/b', queue: 'q.pool', worker: 'w1' },
    ])
    expect(await registry.functions()).toEqual(
      new Map([
        ['default/a', { queue: 'q', timeoutMs: 5000 }],
        ['default/b', { queue: 'q.pool' }],
      ]),
    )
    await registry.saveFunctions([{ ref: 'default/a', queue: 'q.gpu.t4', worker: 'w2' }])
    expect((await registry.functions()).get('default/a')).toEqual({ queue: 'q.gpu.t4' })
  })

  test('of another process are seen within two seconds', async () => {
    const [one, other] = [await lab.open({ scope: 'routes' }), await lab.open({ scope: 'routes' })]
    expect((await other.functions()).size).toBe(0)
    await one.saveFunctions([{ ref: 'default/a', queue: 'q', worker: 'w' }])
    await vi.waitFor(async () => expect((await other.functions()).size).toBe(1), { timeout: 20_000, interval: 100 })
  })

  test('workers that start together do not lock each other out', async () => {
    const registries = await Promise.all(Array.from({ length: 5 }, () => lab.open({ scope: 'together' })))
    const refs = Array.from({ length: 200 }, (_, at) => `default/f${at}`)
    await Promise.all(
      registries.map((registry, at) => {
        const own = at % 2 === 0 ? refs : refs.toReversed()
        return registry.saveFunctions(own.map((ref) => ({ ref, queue: `q${at}`, worker: `w${at}` })))
      }),
    )
    expect((await registries[0]!.functions()).size).toBe(200)
  })
})
