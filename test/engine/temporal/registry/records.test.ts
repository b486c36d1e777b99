import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Json } from '../../../../dsl/json.ts'
import type { EndedRecord } from '../../../../engine/temporal/registry/types.ts'
import { ended, registryLab } from './lab.ts'

const lab = registryLab()
const ALL_LINES = { order: 'written', behind: 0, since: 0, limit: 100_000 } as const

const full: EndedRecord = ended('full', {
  name: 'order-17',
  status: 'failed',
  error: { status: 500, errorType: 'E', errorMessage: 'a\0b \ud800', cause: { status: 433, errorType: 'T', errorMessage: '"' } },
  parent: { execution: 'parent', node: 'child-node' },
  retryOf: 'earlier',
  trigger: { type: 'kafka', name: 'a\0', event: { offset: 1, text: '\udfff' } },
  input: { '\0': '\ud800', __proto__x: [1, 'ü', null] },
  output: 'x',
  journal: [[1, 2, 'ok', 'n#1', { a: '\0' }], null, 'line\nbreak'],
  depth: 4,
})

describe('a record', () => {
  test('comes back whole, and as the API shows it', async () => {
    const registry = await lab.open()
    await registry.saveRecords([full])
    const { journal, ...row } = full
    expect(await registry.recordRow('full')).toEqual({ ...row, hasJournal: true })
    expect(await registry.journal('full')).toEqual(journal)
    const { id, flow, version, hash: revision, mode, name, status, startedAt, endedAt, error, parent, retryOf, input, output } = full
    const shown = {
      id,
      flow,
      version,
      revision,
      mode,
      name,
      status,
      startedAt,
      endedAt,
      error,
      parent,
      retryOf,
      trigger: { type: 'kafka', name: 'a\0' },
    }
    expect(await registry.record('full', false)).toEqual(shown)
    expect(await registry.record('full', true)).toEqual({ ...shown, input, output })
  })

  test('has no members that it was not given', async () => {
    const registry = await lab.open()
    const { output, ...bare } = ended('bare', { status: 'cancelled' })
    expect(output).toBeNull()
    await registry.saveRecords([bare, ended('null')])
    expect(await registry.recordRow('bare')).toEqual({ ...bare, hasJournal: false })
    expect(await registry.record('bare', true)).not.toHaveProperty('output')
    expect(await registry.record('null', true)).toHaveProperty('output', null)
    expect(await registry.journal('bare')).toBeUndefined()
  })

  test('that nobody wrote is not there', async () => {
    const registry = await lab.open()
    for (const id of ['none', 'no\0ne', '']) {
      expect(await registry.record(id, true)).toBeUndefined()
      expect(await registry.recordRow(id)).toBeUndefined()
      expect(await registry.journal(id)).toBeUndefined()
    }
    await registry.saveJournal('none', [])
    expect(await registry.hasRecord([])).toEqual(new Set())
  })

  test('of which another end comes later is that of the later end, whichever is written first', async () => {
    const one = await lab.open()
    const early = ended('later', { output: 1, endedAt: 2_000_000_000_000 })
    const late = ended('later', { output: 2, endedAt: 2_000_000_000_001 })
    await one.saveRecords([early])
    await one.saveRecords([late, early])
    await one.saveRecords([early])
    expect(await one.record('later', true)).toMatchObject({ output: 2, endedAt: 2_000_000_000_001 })
  })

  test('stays as it was written first, within one call, in the next, and in two at once', async () => {
    const [one, other] = [await lab.open({ scope: 'first' }), await lab.open({ scope: 'first' })]
    await one.saveRecords([ended('a', { output: 1 }), ended('a', { output: 2 })])
    await other.saveRecords([ended('a', { output: 3, journal: [] }), ended('b', { output: 1 })])
    expect(await other.record('a', true)).toMatchObject({ output: 1 })
    expect(await other.record('b', true)).toMatchObject({ output: 1 })
    const ids = Array.from({ length: 150 }, (_, at) => `many${at}`)
    await Promise.all([
      one.saveRecords(ids.map((id) => ended(id))),
      other.saveRecords(ids.toReversed().map((id) => ended(id))),
      one.saveRecords(ids.map((id) => ended(id))),
    ])
    expect(await one.hasRecord([...ids, 'none'])).toEqual(new Set(ids))
  })

  test('of many at once keeps its own values', async () => {
    const registry = await lab.open()
    const records = Array.from({ length: 200 }, (_, at) =>
      ended(`e${at}`, {
        startedAt: at,
        input: { at, filler: 'f'.repeat(at * 40) },
        ...(at % 3 === 0 ? { parent: { execution: `p${at}`, node: 'n' } } : {}),
        ...(at % 2 === 0 ? { journal: [[at]] } : {}),
      }),
    )
    await registry.saveRecords(records)
    for (const record of records) {
      const { journal, ...row } = record
      expect(await registry.recordRow(record.id)).toEqual({ ...row, hasJournal: journal !== undefined })
    }
  })

  test('that is refused does not keep back the others', async () => {
    const registry = await lab.open()
    const records = [ended('a'), ended('b\0'), ended('c'), ended('d', { depth: 2 ** 40 })]
    await expect(registry.saveRecords(records)).rejects.toMatchObject({ code: 'store-failed', passing: false })
    expect(await registry.hasRecord(['a', 'c', 'd'])).toEqual(new Set(['a', 'c']))
    await registry.saveRecords([])
  })

  test('tells how its execution ended, and of lanes it is told which are there', async () => {
    const registry = await lab.open()
    await registry.saveRecords([ended('a', { endedAt: 7 }), ended('b', { status: 'timedOut', endedAt: 8 })])
    expect(await registry.recordedEnds(['b', 'none', 'a'])).toEqual(
      new Map([
        ['a', { status: 'succeeded', endedAt: 7 }],
        ['b', { status: 'timedOut', endedAt: 8 }],
      ]),
    )
    expect(await registry.recordedEnds([])).toEqual(new Map())
    await registry.saveLane('a~each[0]#1/$range#1', [])
    expect(await registry.hasLane(['a~each[0]#1/$range#1', 'a~each[9]#1/$range#1', 'b~x'])).toEqual(new Set(['a~each[0]#1/$range#1']))
    expect(await registry.hasLane([])).toEqual(new Set())
  })

  test('may be large: values of 6 MiB, and a journal of 70 MiB', { timeout: 120_000 }, async () => {
    const [registry, other] = [await lab.open({ scope: 'large' }), await lab.open({ scope: 'large' })]
    const text = randomBytes(3 * 1024 * 1024).toString('hex')
    const events = Array.from({ length: 70 }, (_, at) => [at, 1, 'n#1', text.slice(at * 7, at * 7 + 1024 * 1024)])
    await registry.saveRecords([
      ended('one', { input: text, output: { text } }),
      ended('two', { input: text }),
      ended('three', { input: text, journal: events }),
      ended('small'),
    ])
    expect((await other.recordRow('one'))?.output).toEqual({ text })
    expect((await other.recordRow('two'))?.input).toBe(text)
    expect(await other.journal('three')).toEqual(events)
    expect(await other.hasRecord(['small'])).toEqual(new Set(['small']))
  })

  test('of any JSON value comes back as it was', async () => {
    const [registry, reader] = [await lab.open({ scope: 'any' }), await lab.open({ scope: 'any' })]
    const strange = fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)), maxLength: 20 })
    const json = fc.letrec<{ value: Json }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.constant(null),
        fc.boolean(),
        fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n)),
        strange,
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(strange, tie('value'), { maxKeys: 4 }) as fc.Arbitrary<Json>,
      ),
    })).value
    const values = fc.sample(json, 300)
    await registry.saveRecords(values.map((value, at) => ended(`e${at}`, { input: value, output: value, journal: [value, [value]] })))
    for (const [at, value] of values.entries()) {
      const expected = JSON.parse(JSON.stringify(value)) as Json
      expect(await reader.recordRow(`e${at}`)).toMatchObject({ input: expected, output: expected })
      expect(await reader.journal(`e${at}`)).toEqual([expected, [expected]])
    }
  })

  test('that is damaged says so, and lists show the others', async () => {
    const registry = await lab.open()
    await registry.saveRecords([ended('broken', { input: 'x', error: { status: 1, errorType: 'E', errorMessage: 'm' } }), ended('whole')])
    await lab.sql("UPDATE fnflow.executions SET input = '\\x7801ff', error = '{' WHERE id = 'broken'")
    await expect(registry.record('broken', true)).rejects.toMatchObject({
      code: 'store-unusable',
      message: expect.stringContaining('execution broken is damaged'),
    })
    expect((await registry.list({ limit: 10 })).map(({ id, error }) => [id, error?.errorType])).toEqual([
      ['whole', undefined],
      ['broken', 'Unreadable'],
    ])
  })
})

test('a journal comes later where a record has none, and does not change', async () => {
  const registry = await lab.open()
  await registry.saveRecords([ended('a', { journal: null }), ended('b', { journal: [] })])
  await registry.saveJournal('a', [['x']])
  await registry.saveJournal('a', [['y']])
  await registry.saveJournal('b', [['y']])
  expect(await registry.journal('a')).toEqual([['x']])
  expect(await registry.journal('b')).toEqual([])
  expect(await registry.recordRow('a')).toMatchObject({ hasJournal: true })
})

test('journals of lanes are kept by the ids of the lanes, before there is a record', async () => {
  const registry = await lab.open()
  const events = [[1, 'n#1', { a: '\0' }], [2]]
  await registry.saveLane('e~each[0]#1/$range#1', events)
  await registry.saveLane('e~each[0]#1/$range#1', [])
  await registry.saveLane('e~other', [])
  expect(await registry.lane('e~each[0]#1/$range#1')).toEqual(events)
  expect(await registry.lane('e~other')).toEqual([])
  expect(await registry.lane('e')).toBeUndefined()
  expect(await registry.journal('e')).toBeUndefined()
})

describe('retries of one execution', () => {
  test('of many claims one gets it, and all learn which', async () => {
    const registries = await Promise.all(Array.from({ length: 3 }, () => lab.open({ scope: 'retries' })))
    const ids = Array.from({ length: 12 }, (_, at) => `r${at}`)
    const claims = await Promise.all(ids.map((id, at) => registries[at % 3]!.claimRetry('e', id)))
    const winners = ids.filter((_, at) => claims[at] === undefined)
    expect(winners).toHaveLength(1)
    expect(new Set(claims)).toEqual(new Set([undefined, winners[0]]))
    // again, as after an answer that was lost
    expect(await registries[0]!.claimRetry('e', winners[0]!)).toBeUndefined()
    expect(await registries[0]!.claimRetry('f', 'x')).toBeUndefined()
  })

  test('one takes the place of the one it has seen', async () => {
    const registries = await Promise.all(Array.from({ length: 3 }, () => lab.open({ scope: 'replace' })))
    expect(await registries[0]!.claimRetry('e', 'r0')).toBeUndefined()
    const ids = Array.from({ length: 12 }, (_, at) => `n${at}`)
    const replaced = await Promise.all(ids.map((id, at) => registries[at % 3]!.replaceRetry('e', 'r0', id)))
    expect(replaced.filter(Boolean)).toHaveLength(1)
    const winner = ids[replaced.indexOf(true)]!
    expect(await registries[1]!.claimRetry('e', 'late')).toBe(winner)
    expect(await registries[1]!.replaceRetry('e', 'r0', winner)).toBe(true)
    expect(await registries[1]!.replaceRetry('e', 'r0', 'late')).toBe(false)
    expect(await registries[1]!.replaceRetry('nothing', 'a', 'b')).toBe(false)
  })
})

describe('logs', () => {
  test('come in the order of writing, as they were', async () => {
    const registry = await lab.open()
    const texts = ['plain', 'a\0b', '\ud800', '', 'ü😀', '{"a":"}', 'x'.repeat(100_000)]
    await registry.appendLogs(texts.map((text, at) => ({ execution: 'e', time: 100 - at, request: `r${at}`, level: 'info', text })))
    await registry.appendLogs([
      { execution: 'f', time: 1, request: 'r', level: 'warn', text: 'other' },
      { execution: 'e', node: 'each[1]/n', attempt: 3, time: 2, request: 'r', level: 'error', text: 'last' },
    ])
    await registry.appendLogs([])
    const all = await registry.logs('e', ALL_LINES)
    const seqs = all.map(({ seq }) => seq)
    const last = { time: 2, requestId: 'r', level: 'error', text: 'last', node: 'each[1]/n', attempt: 3 }
    expect(all.map(({ seq: _seq, ...line }) => line)).toEqual([
      ...texts.map((text, at) => ({ time: 100 - at, requestId: `r${at}`, level: 'info', text })),
      last,
    ])
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b))
    // by time, behind one of them
    const behind = { time: 94, seq: seqs[6]! }
    expect((await registry.logs('e', { order: 'time', behind, limit: 2 })).map(({ text }) => text)).toEqual([texts[5], texts[4]])
    expect((await registry.logs('e', { order: 'time', limit: 1 }))[0]).toMatchObject(last)
    // as written, behind one of them and of an age
    expect((await registry.logs('e', { order: 'written', behind: seqs[4]!, since: 95, limit: 9 })).map(({ text }) => text)).toEqual([
      texts[5],
    ])
    expect(await registry.logs('none', ALL_LINES)).toEqual([])
  })

  test('many lines at once keep their order', async () => {
    const registry = await lab.open()
    const texts = Array.from({ length: 5_000 }, (_, at) => `line ${at}`)
    await registry.appendLogs(texts.map((text) => ({ execution: 'e', time: 1, request: 'r', level: 'info', text })))
    expect((await registry.logs('e', ALL_LINES)).map(({ text }) => text)).toEqual(texts)
  })
})
