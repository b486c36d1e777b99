import { expect } from 'vitest'
import type { NodeRecord } from '../../../engine/index.ts'
import { until, rejection } from '../calls.ts'
import type { Bench } from './bench.ts'
import type { Stage } from './stage.ts'

interface Loop {
  readonly items: number
  /** Of the loop. */
  readonly loop: object
  /** Of the function's node. */
  readonly node: object
}

/** Thousands of invocations on a busy machine. */
const HEAVY_MS = 240_000

const indexes = (count: number): number[] => Array.from({ length: count }, (_, at) => at)
const places = (records: readonly NodeRecord[]): string[] => records.map(({ place }) => place)

interface Looping {
  /** The items that the function was called with for an execution. */
  calledFor(execution: string): number[]
  /** What it throws at. */
  readonly broken: Set<number>
}

/** Deploys a loop. */
async function looping(l: Stage, { loop, node }: Loop): Promise<Looping> {
  const called: { readonly i: number; readonly of: string }[] = []
  const broken = new Set<number>()
  l.on('f', ({ i, of }: { i: number; of: string }) => {
    called.push({ i, of })
    if (broken.has(i)) throw new RangeError(`not ${i}`)
    return { i }
  })
  await l.deploy({
    flow: l.name('f'),
    start: 'each',
    nodes: {
      each: {
        type: 'loop',
        items: '$.list',
        nodes: { n: l.fn('f', { params: { i: '$.item', of: '$$.execution.id' }, ...node }) },
        next: 'end',
        ...loop,
      },
      end: { type: 'end' },
    },
  })
  return { broken, calledFor: (execution) => called.flatMap(({ i, of }) => (of === execution ? [i] : [])).sort((a, b) => a - b) }
}

/** The records inside a loop that has ended, when the last of it has come to rest. */
async function atRest(l: Stage, id: string, items: number): Promise<NodeRecord[]> {
  let records: NodeRecord[] = []
  const rests = async (): Promise<boolean> => {
    records = await l.engine.nodes(id, { iterations: 'each', limit: items })
    return records.every(({ status }) => status !== 'running')
  }
  await until(rests, 'all iterations have ended')
  return records
}

/** Loops that an engine may deal out to several workers: lanes of many iterations, batches of short functions. */
export function ranges(bench: Bench): void {
  for (const [how, given] of [
    ['3,000 items', { items: 3000, loop: {}, node: {} }],
    ['500 items of a short function', { items: 500, loop: {}, node: { timeout: 5 } }],
  ] as const) {
    bench.it(
      `a loop of ${how} that one iteration fails, and its retry: only what had not succeeded is called`,
      async (l) => {
        const { items } = given
        const bad = items - 7
        const { calledFor, broken } = await looping(l, given)
        broken.add(bad)
        const id = l.name('f')
        await l.start('f', { id, input: { list: indexes(items) } })
        const error = { status: 430, errorType: 'RangeError', errorMessage: `not ${bad}`, function: `${l.ref('f')}:latest`, attempt: 1 }
        expect(await rejection(l.engine.result(id))).toMatchObject({ error })
        const inside = await atRest(l, id, items)
        const kept = inside.filter(({ status }) => status === 'succeeded').map(({ place }) => Number(/\d+/.exec(place)?.[0]))
        expect(inside.filter(({ status }) => status === 'failed')).toMatchObject([
          { place: `each[${bad}]/n`, id: 'n', type: 'function', attempts: 1, input: { item: bad }, error },
        ])
        const counts = { total: items, succeeded: kept.length, failed: 1, running: 0 }
        expect(await l.records(id)).toMatchObject({ each: { status: 'failed', error, iterations: counts } })

        broken.clear()
        const again = await l.engine.retry(id)
        const { result } = (await again.result()) as { result: unknown[] }
        expect(result).toEqual(indexes(items).map((i) => ({ i })))
        const missing = indexes(items).filter((i) => !kept.includes(i))
        expect(calledFor(again.id)).toEqual(missing)
        expect(await l.records(again.id)).toMatchObject({
          each: { status: 'succeeded', iterations: { total: items, succeeded: items, failed: 0, running: 0 } },
          end: { status: 'succeeded' },
        })
      },
      { timeout: HEAVY_MS },
    )
  }

  for (const [how, given] of [
    ['501 items, nine at a time', { items: 501, loop: { tolerate: 2, concurrency: 9 }, node: {} }],
    ['500 items of a short function', { items: 500, loop: { tolerate: 2 }, node: { timeout: 5 } }],
  ] as const) {
    bench.it(
      `a loop of ${how} with failures that are tolerated: results in their places, records page by page`,
      async (l) => {
        const { items } = given
        const last = items - 1
        const { calledFor, broken } = await looping(l, given)
        broken.add(0).add(last)
        const execution = await l.start('f', { input: { list: indexes(items) } })
        const { result } = (await execution.result()) as { result: unknown[] }
        expect(result.slice(1, -1)).toEqual(
          indexes(items)
            .slice(1, -1)
            .map((i) => ({ i })),
        )
        expect([result[0], result[last]]).toMatchObject([{ error: { errorMessage: 'not 0' } }, { error: { errorMessage: `not ${last}` } }])
        expect(calledFor(execution.id)).toEqual(indexes(items))
        const counts = { total: items, succeeded: items - 2, failed: 2, running: 0 }
        expect(await l.records(execution.id)).toMatchObject({ each: { status: 'succeeded', iterations: counts } })
        const page = (offset: number, limit?: number): Promise<NodeRecord[]> =>
          l.engine.nodes(execution.id, { iterations: 'each', offset, ...(limit === undefined ? {} : { limit }) })
        for (const offset of [0, 195, 495]) {
          const expected = indexes(items).slice(offset, offset + 10)
          expect(places(await page(offset, 10))).toEqual(expected.map((at) => `each[${at}]/n`))
        }
        expect(await page(items - 2, 10)).toMatchObject([
          { place: `each[${items - 2}]/n`, status: 'succeeded', attempts: 1, input: { item: items - 2 }, output: { i: items - 2 } },
          { place: `each[${last}]/n`, status: 'failed', attempts: 1, input: { item: last }, error: { errorMessage: `not ${last}` } },
        ])
        expect(await page(0)).toHaveLength(items)
        expect(await page(items)).toEqual([])
      },
      { timeout: HEAVY_MS },
    )
  }

  bench.it('a large loop that is stopped: what runs is told, what has not begun does not begin', async (l) => {
    await l.deploy({
      flow: l.name('f'),
      start: 'each',
      nodes: { each: { type: 'loop', items: '$', concurrency: 60, nodes: { n: l.fn('held', { params: { i: '$.item' } }) } } },
    })
    const id = l.name('f')
    await l.start('f', { id, input: indexes(3000) })
    await l.calls.called('held', 60)
    await l.engine.stop(id)
    await l.aborted(...l.calls.of('held'))
    expect(l.calls.of('held')).toHaveLength(60)
    expect(await rejection(l.engine.result(id))).toMatchObject({ executionStatus: 'cancelled' })
    const counts = { succeeded: 0, failed: 0, running: 0 }
    expect(await l.records(id)).toMatchObject({ each: { status: 'cancelled', iterations: counts } })
  })

  bench.it('a loop that is stopped before any iteration has ended had as many as it had', async (l) => {
    await l.deploy({ flow: l.name('f'), start: 'each', nodes: { each: { type: 'loop', items: '$', nodes: { n: l.fn('held') } } } })
    const execution = await l.start('f', { input: [1, 2, 3] })
    await l.calls.called('held', 3)
    await execution.stop()
    expect(await l.records(execution.id)).toMatchObject({ each: { status: 'cancelled', iterations: { total: 3, running: 0 } } })
  })
}
