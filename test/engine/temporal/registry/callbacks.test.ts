import { expect, test } from 'vitest'
import { registryLab, ended, endConnections } from './lab.ts'

const lab = registryLab()
const later = (): number => Date.now() + 600_000

test('an answer is taken once, kept as it was, and delivered until that is said', async () => {
  const registry = await lab.open()
  const expiresAt = later()
  await registry.bindCallback({ hash: 't', execution: 'e', place: 'each[17]#2/ask#1', expiresAt })
  expect(await registry.callback('t')).toEqual({ hash: 't', execution: 'e', place: 'each[17]#2/ask#1', state: 'open', expiresAt })
  const value = { text: '\0 \ud800 ü', list: [1, null, { deep: 'x'.repeat(10_000) }] }
  expect(await registry.answerCallback('t', { ok: true, value })).toBe('taken')
  expect(await registry.answerCallback('t', { ok: false, value: null })).toBe('already')
  expect(await registry.callback('t')).toMatchObject({ state: 'answered', answer: { ok: true, value } })
  expect(await registry.undeliveredAnswers(0, 10)).toEqual([
    { hash: 't', execution: 'e', place: 'each[17]#2/ask#1', answer: { ok: true, value } },
  ])
  expect(await registry.undeliveredAnswers(60_000, 10)).toEqual([])
  await registry.markDelivered('t')
  await registry.markDelivered('t')
  expect(await registry.undeliveredAnswers(0, 10)).toEqual([])
  expect(await registry.callback('t')).toMatchObject({ state: 'answered' })
})

test('of twenty answers at once, from several processes, one is taken', async () => {
  const registries = await Promise.all(Array.from({ length: 4 }, () => lab.open({ scope: 'race' })))
  for (let round = 0; round < 5; round++) {
    const hash = `race-${round}`
    await registries[0]!.bindCallback({ hash, execution: 'e', place: `n${round}#1`, expiresAt: later() })
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, at) => registries[at % 4]!.answerCallback(hash, { ok: true, value: at })),
    )
    expect(outcomes.toSorted()).toEqual([...Array.from({ length: 19 }, () => 'already'), 'taken'])
    expect(await registries[1]!.callback(hash)).toMatchObject({ answer: { value: outcomes.indexOf('taken') } })
  }
})

test('a token that nobody made is unknown', async () => {
  const registry = await lab.open()
  expect(await registry.callback('none')).toBeUndefined()
  expect(await registry.answerCallback('none', { ok: true, value: 1 })).toBe('unknown')
  await registry.retireCallback('none')
  await registry.markDelivered('none')
})

test('every delivery of an attempt binds the same token; the answer stays', async () => {
  const registry = await lab.open()
  const binding = { hash: 't', execution: 'e', place: 'n#1', expiresAt: later() }
  await Promise.all([registry.bindCallback(binding), registry.bindCallback(binding)])
  await registry.answerCallback('t', { ok: true, value: 1 })
  await registry.bindCallback({ ...binding, expiresAt: 1 })
  await registry.retireCallback('t')
  expect(await registry.callback('t')).toMatchObject({ state: 'answered', expiresAt: binding.expiresAt, answer: { value: 1 } })
})

test('the next attempt ends the tokens of those before it, in whatever order they are bound, and no others', async () => {
  const registry = await lab.open()
  const bind = (hash: string, place: string, execution = 'e'): Promise<void> =>
    registry.bindCallback({ hash, execution, place, expiresAt: later() })
  await bind('first', 'n#1')
  await bind('other node', 'm#1')
  await bind('other run', 'n[0]#1/n#1')
  await bind('other execution', 'n#1', 'f')
  await bind('tenth', 'n#10')
  // delivered late
  await bind('second', 'n#2')
  const states = await Promise.all(
    ['first', 'second', 'tenth', 'other node', 'other run', 'other execution'].map(async (hash) => (await registry.callback(hash))?.state),
  )
  expect(states).toEqual(['gone', 'gone', 'open', 'open', 'open', 'open'])
  expect(await registry.answerCallback('first', { ok: true, value: 1 })).toBe('gone')
  expect(await registry.answerCallback('second', { ok: true, value: 1 })).toBe('gone')
  expect(await registry.answerCallback('tenth', { ok: true, value: 1 })).toBe('taken')
})

test('two attempts bound at once: only the newer can be answered', async () => {
  const registries = await Promise.all([lab.open({ scope: 'bind' }), lab.open({ scope: 'bind' })])
  for (let round = 0; round < 20; round++) {
    const bind = (attempt: number): Promise<void> =>
      registries[attempt - 1]!.bindCallback({
        hash: `${round}.${attempt}`,
        execution: 'e',
        place: `n${round}#${attempt}`,
        expiresAt: later(),
      })
    await Promise.all([bind(1), bind(2)])
    expect(await registries[0]!.answerCallback(`${round}.1`, { ok: true, value: 1 })).toBe('gone')
    expect(await registries[0]!.answerCallback(`${round}.2`, { ok: true, value: 1 })).toBe('taken')
  }
})

test('what is retired, has expired, or is of an execution that has ended, is gone', async () => {
  const registry = await lab.open()
  await registry.bindCallback({ hash: 'retired', execution: 'a', place: 'n#1', expiresAt: later() })
  await registry.retireCallback('retired')
  await registry.bindCallback({ hash: 'expired', execution: 'b', place: 'n#1', expiresAt: Date.now() - 1 })
  await registry.bindCallback({ hash: 'ended', execution: 'c', place: 'n#1', expiresAt: later() })
  await registry.saveRecords([ended('c')])
  for (const hash of ['retired', 'expired', 'ended']) {
    expect(await registry.answerCallback(hash, { ok: true, value: 1 })).toBe('gone')
    expect((await registry.callback(hash))?.answer).toBeUndefined()
  }
  expect(await registry.undeliveredAnswers(0, 10)).toEqual([])
})

test('the oldest undelivered answers come first', async () => {
  const registry = await lab.open()
  for (const hash of ['a', 'b', 'c']) {
    await registry.bindCallback({ hash, execution: hash, place: 'n#1', expiresAt: later() })
    await registry.answerCallback(hash, { ok: false, value: { status: 500 } })
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect((await registry.undeliveredAnswers(0, 2)).map(({ hash }) => hash)).toEqual(['a', 'b'])
})

test('an answer whose connection breaks is taken once and says so', async () => {
  const registry = await lab.open()
  for (let round = 0; round < 10; round++) {
    await registry.bindCallback({ hash: `t${round}`, execution: 'e', place: `n${round}#1`, expiresAt: later() })
    const [outcome] = await Promise.all([registry.answerCallback(`t${round}`, { ok: true, value: round }), endConnections(lab)])
    expect(outcome).toBe('taken')
  }
})

test('a place without an attempt is a mistake of the caller', async () => {
  const registry = await lab.open()
  await expect(registry.bindCallback({ hash: 't', execution: 'e', place: 'n', expiresAt: 1 })).rejects.toThrow('a place ends in #attempt')
})
