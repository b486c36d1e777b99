import { afterEach, describe, expect, it } from 'vitest'
import type { Engine } from '../../../engine/api.ts'
import { createEngine } from '../../../engine/index.ts'
import { until } from '../../engine/calls.ts'
import { needServices } from '../../services/need.ts'
import { TestHost } from '../host.ts'
import { Groups } from '../../../connectors/kafka/groups.ts'
import { Lab, sourceOf, triggerOf, unique } from './lab.ts'
import { numbersOf } from './numbers.ts'

const { kafka } = needServices('kafka')
const lab = new Lab(kafka)

describe('two triggers of one group', () => {
  let engine: Engine | undefined
  afterEach(() => engine?.close())

  it('are told of when the second one is deployed, and records go to the first alone, until it is disabled', async () => {
    const [topic, other, groupId] = [await lab.topic(2), await lab.topic(), unique('group')]
    engine = await createEngine({
      connections: { main: { kind: 'kafka', brokers: [kafka] }, again: { kind: 'kafka', brokers: [kafka], clientId: 'again' } },
      onLog: () => undefined,
    })
    const flow = (name: string, trigger: object) => ({
      flow: name,
      triggers: [{ type: 'kafka', name: 'in', connection: 'main', topics: [topic], groupId, from: 'earliest', ...trigger }],
      start: 'a',
      nodes: { a: { type: 'pass' } },
    })
    expect((await engine.deploy(flow('one', {}))).warnings).toEqual([])
    const { triggers } = engine
    await until(async () => (await triggers.get('one', 'in')).state === 'running', 'the first')
    // another name for the same broker, and another topic
    const { warnings } = await engine.deploy(flow('a-second', { connection: 'again', topics: [topic, other] }))
    expect(warnings).toMatchObject([{ rule: 'group-taken', severity: 'warning', path: ['triggers', 0, 'groupId'] }])
    expect(warnings[0]!.message).toContain(`a trigger of another flow reads as group "${groupId}"; give each a groupId of its own`)
    await until(async () => (await triggers.get('a-second', 'in')).state === 'failed', 'the second to say so')
    const { error } = await triggers.get('a-second', 'in')
    expect(error!.message).toContain(`another trigger of this engine reads as group ${groupId}`)
    expect(error!.message).not.toContain('one/in')
    for (const partition of [0, 1]) await lab.numbers(topic, 1, 20, partition)
    await until(async () => (await triggers.get('one', 'in')).counts.started === 40, 'all records')
    expect((await triggers.get('a-second', 'in')).counts.started).toBe(0)
    await triggers.disable('one', 'in')
    await until(async () => (await triggers.get('a-second', 'in')).state === 'running', 'the second one')
    await until(async () => (await triggers.get('a-second', 'in')).counts.started === 40, 'all records again')
    // the one that was enabled first has the group again
    await triggers.enable('one', 'in')
    await until(async () => (await triggers.get('a-second', 'in')).state === 'failed', 'the second to be idle')
    await until(async () => (await triggers.get('one', 'in')).state === 'running', 'the first again')
    // with a group of its own
    await engine.deploy(flow('a-second', { groupId: unique('own') }))
    await until(async () => (await triggers.get('a-second', 'in')).state === 'running', 'both')
    expect((await triggers.get('one', 'in')).state).toBe('running')
  })

  it('have the same one first on every server, whoever begins', async () => {
    const topic = await lab.topic()
    const groups = new Groups()
    const [older, younger] = [new TestHost(), new TestHost()]
    older.firstEnabledAt -= 60_000
    const trigger = triggerOf({ topics: [topic] })
    const second = sourceOf({ brokers: [kafka] }, { ...trigger, name: 'second' }, younger, groups)
    await second.source.start()
    await until(() => younger.states.at(-1)?.state === 'running', 'the younger one')
    const first = sourceOf({ brokers: [kafka] }, trigger, older, groups)
    await first.source.start()
    await until(() => older.states.at(-1)?.state === 'running' && younger.states.at(-1)?.state === 'failed', 'the older one')
    await lab.numbers(topic, 1, 5)
    await until(() => older.events.length === 5, 'the records')
    expect(numbersOf(younger)).toEqual({})
    await first.end()
    await until(() => younger.states.at(-1)?.state === 'running', 'the younger one again')
    await second.end()
  })
})
