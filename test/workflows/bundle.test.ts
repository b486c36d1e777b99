import { readFileSync, statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { WORKFLOW_BUNDLE } from '../../engine/temporal/paths.ts'
import { shortId, laneId } from '../../workflows/protocol/ids.ts'
import { BATCH_ITERATIONS, inlineLimit, LOOP_ACTIVITIES, NARROW_LOOP_ACTIVITIES } from '../../workflows/protocol/limits.ts'
import { chooseRanges } from '../../workflows/protocol/ranges.ts'
import type { PlanLoopNode } from '../../dsl/plan.ts'

describe('the workflow bundle', () => {
  const code = readFileSync(WORKFLOW_BUNDLE, 'utf8')

  it('is small: each worker compiles it, and each sandbox holds it', () => {
    expect(statSync(WORKFLOW_BUNDLE).size).toBeLessThan(600_000)
  })

  it('has the core, and neither zod nor the YAML library', () => {
    expect(code).toContain('the execution was stopped')
    for (const library of ['ZodType', '$ZodObject', 'parseDocument', 'yaml-source']) expect(code.includes(library), library).toBe(false)
  })
})

describe('loops are dealt out', () => {
  const loop = (more: Partial<PlanLoopNode> = {}, body: object = {}): PlanLoopNode =>
    ({
      type: 'loop',
      id: 'l',
      concurrency: 0,
      intervalMs: 0,
      nodes: { f: { type: 'function', id: 'f', function: 'default/f:latest', invoke: 'sync', ...body } },
      ...more,
    }) as unknown as PlanLoopNode
  const none = { short: [], queues: {} }

  it('only where one history could not hold them', () => {
    expect(chooseRanges(loop(), LOOP_ACTIVITIES, none)).toBeNull()
    expect(chooseRanges(loop(), LOOP_ACTIVITIES + 1, none)).toMatchObject({ kind: 'lane' })
    expect(chooseRanges(loop({ concurrency: 2 }), NARROW_LOOP_ACTIVITIES, none)).toBeNull()
    expect(chooseRanges(loop({ concurrency: 2 }), NARROW_LOOP_ACTIVITIES + 1, none)).toMatchObject({
      kind: 'lane',
      width: 1,
      concurrency: 2,
    })
    const waits = { w: { type: 'wait', id: 'w' } } as unknown as PlanLoopNode['nodes']
    expect(chooseRanges(loop({ nodes: waits }), 1_000_000, none)).toBeNull()
  })

  it('in batches where the body is one short function and nothing else', () => {
    const count = BATCH_ITERATIONS + 1
    expect(chooseRanges(loop(), count, { short: ['default/f'], queues: {} })).toMatchObject({ kind: 'batch' })
    expect(chooseRanges(loop({}, { timeoutMs: 10_000 }), count, none)).toMatchObject({ kind: 'batch' })
    expect(chooseRanges(loop({}, { timeoutMs: 10_000 }), BATCH_ITERATIONS, none)).toBeNull()
    for (const body of [
      { timeoutMs: 10_001 },
      { timeoutMs: 1, onError: 'x' },
      { timeoutMs: 1, output: '$.a' },
      { timeoutMs: 1, invoke: 'async' },
    ])
      expect(chooseRanges(loop({}, body), count, none), JSON.stringify(body)).toBeNull()
    expect(chooseRanges(loop({ intervalMs: 1 }, { timeoutMs: 1 }), count, none)).toBeNull()
  })

  it('with no more at one time than the loop allows', () => {
    for (const concurrency of [1, 2, 9, 10, 24, 25, 50, 99, 100]) {
      for (const body of [{}, { timeoutMs: 1 }]) {
        const choice = chooseRanges(loop({ concurrency }, body), 100_000, none)
        expect(choice).not.toBeNull()
        expect((choice?.width ?? 0) * (choice?.concurrency ?? 0)).toBeLessThanOrEqual(concurrency)
        expect(choice?.concurrency).toBeGreaterThan(0)
      }
    }
  })
})

it('ids fit the columns of every server, and long places stay apart', () => {
  const places = Array.from({ length: 1000 }, (_, at) => `${'container[0]#1/'.repeat(30)}node${at % 2 === 0 ? 'a' : 'b'}#${at}`)
  const ids = places.map((place) => shortId(place))
  expect(Math.max(...ids.map((id) => Buffer.byteLength(id)))).toBeLessThan(250)
  expect(new Set(ids).size).toBe(places.length)
  expect(shortId('each[17]#2/fetch#1')).toBe('each[17]#2/fetch#1')
  expect(laneId('x'.repeat(128), places[0] as string).length).toBeLessThan(250)
})

it('the more a run has put into its history, the less stays there', () => {
  const limits = [0, 1_000_000, 1_100_000, 2_000_000, 2_200_000, 1e9].map(inlineLimit)
  expect(limits).toEqual([...limits].sort((a, b) => b - a))
  expect(limits.at(-1)).toBe(512)
})
