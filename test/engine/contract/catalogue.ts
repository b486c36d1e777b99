import { expect } from 'vitest'
import { rejection } from '../calls.ts'
import type { Bench } from './bench.ts'

/** Texts of all kinds: the engine gives them back as they came. */
const TEXTS = {
  'with comments': (flow: string) => `# first\nflow: ${flow} # its name\nstart: p\nnodes:\n  p: { type: pass } # last`,
  'with a byte order mark': (flow: string) => `\uFEFFflow: ${flow}\nstart: p\nnodes: { p: { type: pass } }\n`,
  'with CRLF': (flow: string) => `flow: ${flow}\r\nstart: p\r\nnodes:\r\n  p:\r\n    type: pass\r\n`,
  'as JSON, spread out': (flow: string) => `\n{ "nodes": { "p": { "type": "pass" } },\t"flow": "${flow}", "start": "p" }\n`,
} as const

export function catalogue(bench: Bench): void {
  const pass = (flow: string, n: unknown): object => ({ flow, start: 'p', nodes: { p: { type: 'pass', params: { n } } } })

  for (const [what, textOf] of Object.entries(TEXTS))
    bench.it(`a text ${what} comes back as it was written`, async (l) => {
      const flow = l.name('text')
      const text = textOf(flow)
      const put = await l.engine.catalogue.put(text)
      const got = await l.engine.catalogue.get(flow)
      expect(got).toMatchObject({
        flow,
        version: 'latest',
        text,
        format: what.includes('JSON') ? 'json' : 'yaml',
        etag: put.etag,
        hash: put.hash,
      })
      expect(JSON.parse(got.json)).toEqual({ flow, start: 'p', nodes: { p: { type: 'pass' } } })
      // the same text again is the same thing
      expect(await l.engine.catalogue.put(new TextEncoder().encode(text))).toMatchObject({ etag: put.etag, created: false })
      expect((await l.engine.catalogue.put(`${text} `)).etag).not.toBe(put.etag)
    })

  bench.it('odd values come back: U+0000, half a pair, __proto__, and what is large', async (l) => {
    const flow = l.name('odd')
    const value = JSON.parse(`{"a":"\\u0000\\ud800","__proto__":{"b":1},"constructor":"${'long '.repeat(100_000)}"}`) as object
    const text = JSON.stringify({ flow, start: 'p', nodes: { p: { type: 'pass', params: { v: { literal: value } } } } })
    for (const source of [text, text.replaceAll('\\ud800', '\ud800'), JSON.parse(text) as object]) {
      await l.engine.catalogue.put(source)
      expect((await l.engine.catalogue.get(flow)).text).toBe(text)
      expect(JSON.stringify(await l.engine.run(flow))).toBe(JSON.stringify({ v: value }))
    }
  })

  bench.it('of many that create one flow at the same time one does', async (l) => {
    const flow = l.name('raced')
    const all = await Promise.allSettled(Array.from({ length: 10 }, (_, n) => l.engine.catalogue.put(pass(flow, n), { ifNoneMatch: '*' })))
    const won = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    expect(won).toMatchObject([{ created: true }])
    expect((await l.engine.catalogue.get(flow)).etag).toBe(won[0]!.etag)
    for (const one of all) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'precondition-failed', status: 412 })
  })

  bench.it('who replaces what another has replaced is told', async (l) => {
    const flow = l.name('edited')
    const { catalogue: its } = l.engine
    expect(await rejection(its.put(pass(flow, 0), { ifMatch: '*' }))).toMatchObject({ code: 'precondition-failed' })
    const { etag } = await its.put(pass(flow, 0))
    const both = await Promise.allSettled([1, 2].map((n) => its.put(pass(flow, n), { ifMatch: ['other', etag] })))
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(await rejection(its.remove(flow, { ifMatch: [etag] }))).toMatchObject({ code: 'precondition-failed' })
    expect(await rejection(its.put(pass(flow, 0), { name: 'other' }))).toMatchObject({ code: 'name-mismatch' })
    const refuse = (): never => {
      throw new RangeError('not you')
    }
    expect(await rejection(its.put(pass(flow, 5), { permit: refuse }))).toMatchObject({ message: 'not you' })
    expect([1, 2]).toContain(((await l.engine.run(flow)) as { n: number }).n)
  })

  bench.it('a request that is made again finds what it made', async (l) => {
    const flow = l.name('again')
    const { catalogue: its } = l.engine
    const put = (id: string): Promise<object> => its.put(pass(flow, 1), { ifNoneMatch: '*', id })
    const made = await put('one')
    expect(await put('one')).toEqual(made)
    expect(await rejection(put('two'))).toMatchObject({ code: 'precondition-failed' })
    const published = await its.publish(flow, { id: 'three', description: 'd' })
    expect(await its.publish(flow, { id: 'three', description: 'd' })).toEqual(published)
    expect(await its.publish(flow, { id: 'four' })).toMatchObject({ version: '2' })
    await its.put(pass(flow, 2))
    expect(await rejection(put('one'))).toMatchObject({ code: 'precondition-failed' })
  })

  bench.it('versions never change, are numbered, and found by name and alias', async (l) => {
    const flow = l.name('versioned')
    const { catalogue: its } = l.engine
    await l.engine.deploy(pass(flow, 1))
    expect(await its.publish(flow, { description: 'the \0 first' })).toMatchObject({ flow, version: '1', description: 'the \0 first' })
    await l.engine.deploy(pass(flow, 2))
    expect(await its.publish(flow, { version: 'v2' })).toMatchObject({ version: 'v2' })
    expect(await its.publish(flow, { version: '2' })).toMatchObject({ version: '2' })
    expect(await its.publish(flow)).toMatchObject({ version: '3' })
    await l.engine.deploy(pass(flow, 3))
    expect((await its.versions(flow)).items.map(({ version }) => version)).toEqual(['3', '2', 'v2', '1'])
    const { items, nextCursor } = await its.versions(flow, { limit: 3 })
    expect([items.length, (await its.versions(flow, { cursor: nextCursor! })).items]).toMatchObject([3, [{ version: '1' }]])
    expect(JSON.parse((await its.version(flow, '1')).json)).toEqual(pass(flow, 1))
    for (const taken of ['v2', '1']) expect(await rejection(its.publish(flow, { version: taken }))).toMatchObject({ code: 'conflict' })

    expect(await its.setAlias(flow, 'prod', { version: '1' })).toMatchObject({ alias: 'prod', created: true })
    expect(await its.setAlias(flow, 'prod', { version: 'v2' })).toMatchObject({
      versions: [{ version: 'v2', weight: 100 }],
      created: false,
    })
    expect(await rejection(its.publish(flow, { version: 'prod' }))).toMatchObject({ code: 'conflict' })
    expect(await rejection(its.setAlias(flow, 'v2', { version: '1' }))).toMatchObject({ code: 'conflict' })
    expect(await rejection(its.setAlias(flow, 'p', { version: '9' }))).toMatchObject({ code: 'version-not-found' })
    for (const bad of ['latest', '$LATEST', '7', '', '..', 'a/b', 'x'.repeat(64)])
      expect(await rejection(its.setAlias(flow, bad, { version: '1' })), bad).toMatchObject({ code: 'bad-option' })
    for (const [ref, n] of [
      [flow, 3],
      [`${flow}:latest`, 3],
      [`${flow}:1`, 1],
      [`${flow}:prod`, 2],
    ] as const)
      expect(await l.engine.run(ref), ref).toEqual({ n })
    const execution = await l.engine.start(`${flow}:prod`)
    expect(await execution.describe()).toMatchObject({ flow, version: 'v2' })
    for (const missing of ['4', 'p', 'toString'])
      expect(await rejection(l.engine.start(`${flow}:${missing}`))).toMatchObject({ code: 'version-not-found', status: 404 })
    expect(await rejection(l.engine.start('nobody:1'))).toMatchObject({ code: 'flow-not-found' })
    await its.removeAlias(flow, 'prod')
    expect(await rejection(its.removeAlias(flow, 'prod'))).toMatchObject({ code: 'alias-not-found' })
    expect(await its.aliases(flow)).toEqual([])
  })

  bench.it('a weighted alias is decided by the id of the execution', async (l) => {
    const flow = l.name('weighted')
    const { catalogue: its } = l.engine
    for (const n of [1, 2]) {
      await l.engine.deploy(pass(flow, n))
      await its.publish(flow)
    }
    const versions = [
      { version: '1', weight: 30 },
      { version: '2', weight: 70 },
    ]
    expect(await its.setAlias(flow, 'canary', { versions })).toMatchObject({ versions })
    expect(await its.get(flow, { version: 'canary' })).toMatchObject({ version: '2' })
    expect(await l.engine.flow(`${flow}:canary`)).toMatchObject({ version: '2' })
    const ids = Array.from({ length: 12 }, (_, at) => `${flow}-${at}`)
    const chosen = async (): Promise<unknown[]> => Promise.all(ids.map((id) => l.engine.run(`${flow}:canary`, { id })))
    const first = await chosen()
    expect(await chosen()).toEqual(first)
    for (const wrong of [60, 100.5, -1])
      expect(await rejection(its.setAlias(flow, 'c', { versions: [versions[0]!, { version: '2', weight: wrong }] }))).toMatchObject({
        code: 'bad-option',
      })
    for (const [weight, n] of [
      [0, 2],
      [100, 1],
    ] as const) {
      const pair = [
        { version: '1', weight },
        { version: '2', weight: 100 - weight },
      ]
      await its.setAlias(flow, 'canary', { versions: pair })
      for (let at = 0; at < 3; at++) expect(await l.engine.run(`${flow}:canary`)).toEqual({ n })
      // one that exists is that one
      expect(await chosen()).toEqual(first)
    }
  })

  bench.it('a subflow is looked up when it starts; unknown versions are a warning', async (l) => {
    const [child, parent] = [l.name('child'), l.name('parent')]
    const calls = {
      flow: parent,
      start: 'h',
      nodes: { h: l.fn('held', { next: 's' }), s: { type: 'subflow', flow: `${child}:prod` } },
    }
    await l.engine.deploy(pass(child, 1))
    const { warnings } = await l.engine.deploy(calls)
    expect(warnings).toMatchObject([
      { rule: 'unknown-flow', severity: 'warning', message: expect.stringContaining('version or alias "prod"') as unknown },
    ])
    await l.engine.catalogue.publish(child)
    await l.engine.catalogue.setAlias(child, 'prod', { version: '1' })
    expect((await l.engine.deploy(calls)).warnings).toEqual([])
    const execution = await l.engine.start(parent)
    const call = await l.calls.called('held')
    await l.engine.deploy(pass(child, 2))
    await l.engine.catalogue.publish(child)
    await l.engine.catalogue.setAlias(child, 'prod', { version: '2' })
    call.resolve(null)
    expect(await execution.result()).toEqual({ n: 2 })
    const { items } = await l.engine.list({ parent: execution.id })
    expect(items).toMatchObject([{ flow: child, version: '2' }])
    l.calls.release()
    await l.engine.catalogue.remove(child)
    expect(await rejection(l.engine.run(parent))).toMatchObject({ error: { errorType: 'FlowNotFound' } })
  })

  bench.it('what runs keeps its flow from being deleted, unless by force', async (l) => {
    const flow = l.name('deleted')
    const { catalogue: its } = l.engine
    const held = { flow, start: 'h', nodes: { h: l.fn('held') } }
    await l.engine.deploy(held)
    await its.publish(flow)
    await its.setAlias(flow, 'prod', { version: '1' })
    const running = [await l.engine.start(flow), await l.engine.start(`${flow}:prod`)]
    expect(await rejection(its.remove(flow))).toMatchObject({ code: 'flow-running', status: 409 })
    expect(await its.aliases(flow)).toHaveLength(1)
    await its.remove(flow, { force: true })
    for (const execution of running) {
      expect(await rejection(execution.result())).toMatchObject({ executionStatus: 'cancelled' })
      expect(await l.engine.describe(execution.id)).toMatchObject({ flow, status: 'cancelled' })
    }
    for (const refused of [
      () => its.get(flow),
      () => its.versions(flow),
      () => its.aliases(flow),
      () => its.remove(flow),
      () => its.publish(flow),
      () => l.engine.start(flow),
      () => l.engine.start(`${flow}:1`),
    ])
      expect(await rejection(refused())).toMatchObject({ code: 'flow-not-found' })
    // an id that exists is that execution
    expect((await l.engine.start(flow, { id: running[0]!.id })).id).toBe(running[0]!.id)
    await l.engine.deploy(pass(flow, 1))
    expect((await its.versions(flow)).items).toEqual([])
    expect(await its.publish(flow)).toMatchObject({ version: '1' })
    expect(await l.engine.run(flow)).toEqual({ n: 1 })
    await its.remove(flow)
    expect(await rejection(its.get(flow))).toMatchObject({ code: 'flow-not-found' })
  })

  bench.alone('flows are listed newest first, texts and versions outlive a crash', async (l) => {
    const names = ['c', 'a', 'b'].map((name) => l.name(name))
    const { catalogue: its } = l.engine
    for (const name of names) await its.put(pass(name, 1))
    await its.put(pass(names[0]!, 2))
    await its.publish(names[0]!)
    await its.setAlias(names[0]!, 'prod', { version: '1' })
    const newest = names.toReversed()
    const all = async (): Promise<string[]> => (await l.engine.catalogue.list({ among: names })).items.map(({ flow }) => flow)
    expect(await all()).toEqual(newest)
    await l.interrupt()
    expect(await all()).toEqual(newest)
    const again = l.engine.catalogue
    const { items, nextCursor } = await again.list({ among: names, limit: 2 })
    await again.put(pass(l.name('d'), 1))
    expect(items.map(({ flow }) => flow)).toEqual(newest.slice(0, 2))
    expect((await again.list({ among: names, cursor: nextCursor! })).items).toMatchObject([{ flow: names[0] }])
    expect(JSON.parse((await again.get(names[0]!, { version: 'prod' })).text)).toEqual(pass(names[0]!, 2))
    expect(await l.engine.run(`${names[0]}:prod`)).toEqual({ n: 2 })
    expect(await again.publish(names[0]!)).toMatchObject({ version: '2' })
    expect(await rejection(again.list({ cursor: '!' }))).toMatchObject({ code: 'bad-option' })
  })
}
