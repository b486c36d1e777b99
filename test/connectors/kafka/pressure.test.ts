import { describe, it } from 'vitest'
import { pause, until } from '../../engine/calls.ts'
import { needServices } from '../../services/need.ts'
import { TestHost } from '../host.ts'
import { Lab, sourceOf, triggerOf } from './lab.ts'
import { count, numbersOf } from './numbers.ts'

const { kafka } = needServices('kafka')
const lab = new Lab(kafka)
const connection = { brokers: [kafka] }

describe.concurrent('a source', () => {
  it('without room takes nothing, and keeps its partitions for longer than a session', { timeout: 60_000 }, async ({ expect }) => {
    const topic = await lab.topic(2)
    await lab.numbers(topic, 1, 20, 0)
    await lab.numbers(topic, 1, 20, 1)
    const host = new TestHost(7)
    const trigger = triggerOf({ topics: [topic], maxInFlight: 7 })
    // a machine that is busy is not held up for so long, and what is not told of for longer is out of the group
    const sessionMs = 6000
    const { source, end } = sourceOf({ ...connection, sessionTimeout: sessionMs / 1000 }, trigger, host)
    await source.start()
    await until(() => host.events.length === 7, 'the first')
    await until(() => host.states.at(-1)?.state === 'paused', 'the pause')
    const members = async () => {
      const [group] = (await (await lab.admin()).describeGroups([trigger.groupId])).groups
      return { state: group!.state, ids: group!.members.map(({ memberId }) => memberId) }
    }
    const before = await members()
    expect(before).toEqual({ state: 'Stable', ids: [expect.any(String)] })
    await pause(2 * sessionMs + 1000)
    expect(host.events.length).toBe(7)
    expect(source.lag).toBe(33)
    // the same member all the time
    expect(await members()).toEqual(before)
    expect(host.states.filter(({ state }) => state === 'reconnecting')).toEqual([])
    // what comes meanwhile is seen, though it is not taken
    host.end(7)
    await until(() => host.events.length === 14, 'the next')
    for (let left = 26; left > 0; left -= 7) host.end(7)
    await until(() => host.events.length === 40, 'all')
    expect(numbersOf(host)).toEqual({ 0: count(1, 20), 1: count(1, 20) })
    expect(host.states.at(-1)).toEqual({ state: 'running', error: undefined })
    await end()
  })

  it('delivers again what could not be handled, before what comes behind it', async ({ expect }) => {
    const topic = await lab.topic()
    await lab.numbers(topic, 1, 10)
    const host = new TestHost()
    let refusals = 3
    host.fate = ({ event }) => {
      if ((event as any).records[0].messages[0].n === 4 && refusals-- > 0) throw new Error('too many')
      return 'started'
    }
    const trigger = triggerOf({ topics: [topic] })
    const { source, end } = sourceOf(connection, trigger, host)
    await source.start()
    await until(() => host.events.length === 10, 'all')
    expect(numbersOf(host)).toEqual({ 0: count(1, 10) })
    await end()
  })

  it('that is stopped while it waits commits what it has, and nothing else', async ({ expect }) => {
    const topic = await lab.topic()
    await lab.numbers(topic, 1, 10)
    const host = new TestHost(4)
    const trigger = triggerOf({ topics: [topic], maxInFlight: 4 })
    const first = sourceOf(connection, trigger, host)
    await first.source.start()
    await until(() => host.events.length === 4, 'the first')
    await first.source.pause()
    expect(await lab.committed(trigger.groupId, topic)).toEqual({ 0: 4 })
    host.end(100)
    await pause(100)
    expect(host.events.length).toBe(4)
    await first.source.start()
    await until(() => host.events.length === 10, 'the rest')
    await first.end()
    expect(await lab.committed(trigger.groupId, topic)).toEqual({ 0: 10 })
  })

  it('shares its partitions with others, who take over what one leaves', async ({ expect }) => {
    const topic = await lab.topic(4)
    const host = new TestHost()
    const trigger = triggerOf({ topics: [topic] })
    const write = async (from: number, to: number): Promise<void> => {
      for (const partition of [0, 1, 2, 3]) await lab.numbers(topic, from, to, partition)
    }
    // a store that both share
    const one = sourceOf(connection, trigger, host)
    const other = sourceOf(connection, trigger, host)
    await one.source.start()
    await write(1, 200)
    await other.source.start()
    await write(201, 400)
    await lab.members(trigger.groupId, 2)
    await write(401, 600)
    await one.end()
    await write(601, 800)
    await until(() => host.events.length >= 3200, 'all')
    await other.end()
    const all = numbersOf(host)
    for (const partition of [0, 1, 2, 3]) expect(all[partition]!.sort((a, b) => a - b)).toEqual(count(1, 800))
    expect(await lab.committed(trigger.groupId, topic)).toEqual({ 0: 800, 1: 800, 2: 800, 3: 800 })
  })

  it('of another store goes on where the first has left off: nothing is lost, and a graceful leave doubles nothing', async ({ expect }) => {
    const topic = await lab.topic(2)
    const trigger = triggerOf({ topics: [topic], maxInFlight: 10 })
    const [hostA, hostB] = [new TestHost(), new TestHost()]
    const a = sourceOf(connection, trigger, hostA)
    const b = sourceOf(connection, trigger, hostB)
    await a.source.start()
    for (let from = 1; from < 1000; from += 100) {
      for (const partition of [0, 1]) await lab.numbers(topic, from, from + 99, partition)
      if (from === 301) {
        await b.source.start()
        await lab.members(trigger.groupId, 2)
      }
      if (from === 601) await a.end()
    }
    await until(() => hostA.events.length + hostB.events.length >= 2000, 'all')
    await b.end()
    expect(hostB.events.length).toBeGreaterThan(800)
    const both = [numbersOf(hostA), numbersOf(hostB)]
    for (const partition of [0, 1]) expect(both.flatMap((one) => one[partition] ?? []).sort((x, y) => x - y)).toEqual(count(1, 1000))
  })
})
