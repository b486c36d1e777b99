import { expect } from 'vitest'
import { rejection } from '../calls.ts'
import type { Json } from '../../../engine/index.ts'
import type { Bench } from './bench.ts'

const MIB = 1024 * 1024
const LIMIT = 6 * MIB
/** A text whose JSON has so many bytes. */
const text = (bytes: number): string => 'x'.repeat(bytes - 2)

export function payloads(bench: Bench): void {
  bench.it('6 MiB in, through and out; one byte more is refused', async (l) => {
    await l.deploy({
      flow: l.name('e'),
      start: 'one',
      nodes: { one: l.fn('f', { next: 'two' }), two: { type: 'pass', next: 'three' }, three: l.fn('f') },
    })
    l.on('f', (event: Json) => event)
    const most = text(LIMIT)
    const execution = await l.start('e', { input: most })
    expect((await execution.result()) === most).toBe(true)
    const record = await execution.describe()
    expect([record.input === most, record.output === most]).toEqual([true, true])
    const nodes = await l.records(execution.id)
    expect(Object.values(nodes).map(({ place, input, output }) => [place, input === most, output === most])).toEqual([
      ['one', true, true],
      ['two', true, true],
      ['three', true, true],
    ])
    const refused = { name: 'EngineError', code: 'payload-too-large', status: 413 }
    expect(await rejection(l.start('e', { input: text(LIMIT + 1) }))).toMatchObject(refused)
    expect(await rejection(l.start('e', { input: 'ü'.repeat(3 * MIB) }))).toMatchObject(refused)
    expect(await rejection(l.start('e', { trigger: { type: 'x', event: text(LIMIT + 1) } }))).toMatchObject(refused)
  })

  bench.it('bodies and results over 6 MiB fail their node, and callbacks and children have the same limits', async (l) => {
    const failing = (node: object): object => ({
      start: 'n',
      nodes: {
        n: { ...node, onError: 'x' },
        x: { type: 'error', catch: [{ next: 'c' }] },
        c: { type: 'pass', params: { status: '$.status', type: '$.errorType', cause: '$.cause' } },
      },
    })
    const twice = { params: { a: '$', b: '$' } }
    await l.deploy(
      { flow: l.name('body'), ...failing(l.fn('echo', twice)) },
      { flow: l.name('result'), ...failing(l.fn('f')) },
      { flow: l.name('child'), ...failing({ type: 'subflow', flow: l.name('body'), ...twice }) },
      { flow: l.name('ask'), start: 'a', nodes: { a: l.ask('g') } },
    )
    l.on('f', (n: number) => text(n))
    l.on('g', () => null)
    const half = text(LIMIT / 2)
    expect(await l.engine.run(l.name('body'), { input: half })).toEqual({ status: 406, type: 'PayloadTooLarge' })
    expect(await l.engine.run(l.name('result'), { input: LIMIT + 1 })).toEqual({ status: 407, type: 'PayloadTooLarge' })
    expect(((await l.engine.run(l.name('result'), { input: LIMIT })) as string).length).toBe(LIMIT - 2)
    expect(await l.engine.run(l.name('child'), { input: half })).toEqual({ status: 406, type: 'PayloadTooLarge' })
    expect(l.calls.of('echo')).toHaveLength(0)
    const execution = await l.start('ask')
    const { token } = await l.waiting()
    expect(await rejection(l.engine.callback(token, { status: 'succeeded', output: text(LIMIT + 1) }))).toMatchObject({
      code: 'payload-too-large',
    })
    await l.engine.callback(token, { status: 'succeeded', output: text(LIMIT) })
    expect(((await execution.result()) as string).length).toBe(LIMIT - 2)
  })

  bench.alone('data comes back as it went in, over a restart: 5 MiB, every kind of text, __proto__ and lone surrogates', async (l) => {
    const nasty = JSON.parse(
      '{"__proto__":{"polluted":1},"constructor":{"prototype":2},"":0,"\\u0000":"\\u0000","é😀":"\\ud800 \\udfff\\ud83d","n":[1e300,-0.1,5e-324]}',
    ) as object
    const input = { nasty, big: 'ü'.repeat(2.4 * MIB), mega: 'x'.repeat(MIB / 2) }
    await l.deploy({
      flow: l.name('data'),
      start: 'e',
      nodes: { e: l.fn('f', { params: { all: '$' }, next: 'w' }), w: { type: 'wait', seconds: 0.3, output: '$.all' } },
    })
    l.on('f', (event: Json) => event)
    const id = l.name('d')
    await l.start('data', { id, input: input as never })
    await l.restart()
    const output = (await l.engine.result(id)) as typeof input
    expect(JSON.stringify(output) === JSON.stringify(input)).toBe(true)
    expect(Object.keys(output.nasty)).toEqual(Object.keys(nasty))
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
    const [record] = await l.engine.nodes(id)
    expect(JSON.stringify(record!.output) === JSON.stringify({ all: input })).toBe(true)
    expect((await l.engine.describe(id)).input).toEqual(input)
  })

  bench.it('depth: 512 levels are taken, in and out; a result that is deeper fails its node', async (l) => {
    const nested = (levels: number): Json => {
      let value: Json = []
      for (let at = 1; at < levels; at++) value = [value]
      return value
    }
    await l.deploy({ flow: l.name('e'), start: 'f', nodes: { f: l.fn('f') } })
    l.on('f', (event: Json) => event)
    expect(JSON.stringify(await l.engine.run(l.name('e'), { input: nested(512) }))).toBe(JSON.stringify(nested(512)))
    expect(await rejection(l.start('e', { input: nested(513) }))).toMatchObject({ code: 'payload-too-deep', status: 400 })
    l.on('f', () => nested(513))
    expect(await rejection(l.engine.run(l.name('e')))).toMatchObject({ error: { status: 407, errorType: 'PayloadTooDeep' } })
  })
}
