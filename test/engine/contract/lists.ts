import { expect } from 'vitest'
import { until } from '../calls.ts'
import type { Bench } from './bench.ts'

export function lists(bench: Bench): void {
  bench.alone('lists: newest first, by flow, state and parent, in pages that inserts do not shift', async (l) => {
    const { engine } = l
    const [mini, sad, long] = [l.name('mini'), l.name('sad'), l.name('long')]
    l.calls.failing.add('a')
    await l.deploy(
      { flow: mini, start: 'm', nodes: { m: l.fn('echo') } },
      { flow: sad, start: 'm', nodes: { m: l.fn('a') } },
      { flow: long, start: 'm', nodes: { m: { type: 'wait', seconds: 600 } } },
      {
        flow: l.name('calls'),
        start: 'm',
        nodes: {
          m: { type: 'parallel', branches: ['one', 'two'] },
          one: { type: 'subflow', flow: mini },
          two: { type: 'subflow', flow: long },
        },
      },
    )
    const id = (name: string): string => l.name(name)
    await l.start('long', { id: id('rec') })
    for (let at = 0; at < 7; at++) await l.start('mini', { id: id(`mini${at}`) })
    for (let at = 0; at < 3; at++) await l.start('sad', { id: id(`sad${at}`) })
    await l.start('calls', { id: id('parent'), trigger: { type: 'cron', name: 'a/b' } })
    await until(async () => (await engine.list({ status: 'running' })).items.length === 3, 'the rest has ended')
    const ids = async (options: object): Promise<string[]> => (await engine.list(options)).items.map((record) => record.id)
    const sads = ['sad2', 'sad1', 'sad0'].map(id)
    await l.shows(async () => {
      expect(await ids({ flow: sad })).toEqual(sads)
      expect(await ids({ flow: sad, status: 'succeeded' })).toEqual([])
      expect(await ids({ flow: [sad, long], status: ['failed', 'running'] })).toEqual([expect.any(String), ...sads, id('rec')])
      expect(await ids({ flow: [sad, long, sad, l.name('nobody')], limit: 3 })).toEqual([expect.any(String), id('sad2'), id('sad1')])
      expect(await ids({ flow: [sad, mini], status: 'succeeded' })).toHaveLength(8)
      expect(await ids({ flow: [mini, long], parent: id('parent') })).toHaveLength(2)
      expect(await ids({ flow: [mini, sad], parent: id('parent'), status: ['succeeded', 'failed'] })).toHaveLength(1)
      expect(await ids({ flow: [] })).toEqual([])
      expect(await ids({ flow: mini, status: ['succeeded'], limit: 3 })).toHaveLength(3)
      expect((await ids({ status: ['failed', 'running'] })).slice(1)).toEqual([id('parent'), ...sads, id('rec')])
      expect(await ids({ flow: 'nothing' })).toEqual([])
      expect(await ids({ parent: 'nobody' })).toEqual([])
      const { items } = await engine.list({ parent: id('parent') })
      expect(items.map(({ flow, parent }) => [flow, parent?.execution]).sort()).toEqual([
        [long, id('parent')],
        [mini, id('parent')],
      ])
      expect(await ids({ parent: id('parent'), flow: mini, status: 'succeeded' })).toHaveLength(1)
      expect(items[0]).not.toHaveProperty('input')
      const [child] = (await engine.list({ parent: id('parent'), flow: mini })).items
      expect(child).toMatchObject({ status: 'succeeded', parent: { execution: id('parent'), node: 'm[0]/one' } })
      const [running] = (await engine.list({ parent: id('parent'), flow: long })).items
      if (l.subject.listsWithNodes) expect(running!.parent).toEqual({ execution: id('parent'), node: 'm[1]/two' })
      const [parent] = (await engine.list({ flow: l.name('calls') })).items
      expect(parent).toMatchObject({ id: id('parent'), version: 'latest', mode: 'standard', trigger: { type: 'cron', name: 'a/b' } })
      for (const record of (await engine.list({ status: 'failed' })).items) {
        const { input, ...rest } = await engine.describe(record.id)
        expect(rest).toEqual(record)
        expect(input).toEqual({})
      }
    })

    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await engine.list({ limit: 4, ...(cursor === undefined ? {} : { cursor }) })
      expect(page.items.length).toBeLessThanOrEqual(4)
      seen.push(...page.items.map((record) => record.id))
      await l.start('mini')
      cursor = page.nextCursor
    } while (cursor !== undefined)
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen).toEqual(expect.arrayContaining(['rec', 'mini0', 'mini6', 'sad0', 'parent'].map(id)))
    // 12 of this test, two children
    expect(seen).toHaveLength(14)
  })

  bench.alone('many that start at one moment: each is on one page, in order of start', async (l) => {
    await l.deploy(
      { flow: l.name('mini'), start: 'm', nodes: { m: l.fn('echo') } },
      { flow: l.name('hold'), start: 'h', nodes: { h: l.fn('held') } },
    )
    const started = await Promise.all(
      Array.from({ length: 60 }, (_, at) => l.start(at % 3 === 0 ? 'hold' : 'mini', { id: l.name(`x${at}`) })),
    )
    await l.shows(async () => expect((await l.engine.list({ limit: 200 })).items).toHaveLength(60))
    const pagesOf = async (options: object): Promise<{ id: string; startedAt: number }[][]> => {
      const pages: { id: string; startedAt: number }[][] = []
      let cursor: string | undefined
      do {
        const page = await l.engine.list({ ...options, limit: 7, ...(cursor === undefined ? {} : { cursor }) })
        pages.push(page.items as { id: string; startedAt: number }[])
        cursor = page.nextCursor
      } while (cursor !== undefined)
      return pages
    }
    const ended = started.filter(({ flow }) => flow === l.name('mini'))
    await Promise.all(ended.map((execution) => execution.result()))
    for (const [options, expected] of [
      [{}, started],
      [{ status: 'running' }, started.filter((execution) => !ended.includes(execution))],
      [{ status: ['succeeded', 'failed'] }, ended],
      [{ flow: l.name('mini') }, ended],
    ] as const)
      await l.shows(async () => {
        const pages = await pagesOf(options)
        const all = pages.flat()
        expect(all.map(({ id }) => id).sort()).toEqual(expected.map(({ id }) => id).sort())
        for (const page of pages.slice(0, -1)) expect(page).toHaveLength(7)
        const times = all.map(({ startedAt }) => startedAt)
        expect(times).toEqual([...times].sort((one, other) => other - one))
      })
    expect((await l.engine.list()).items).toHaveLength(50)
    expect((await l.engine.list({ limit: 1 })).items).toHaveLength(1)
  })
}
