import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EmbeddedDurable } from '../../../engine/embedded/embedded-durable.ts'
import { LocalEngine } from '../../../engine/internal.ts'
import { rejection, until } from '../calls.ts'

const FLOWS = ['a', 'b', 'c', 'd', 'e']

describe('a message of a topic, when the process dies', () => {
  let store: string
  let engine: LocalEngine

  const open = async (channels = {}): Promise<void> => {
    engine = await LocalEngine.open({ store, channels, functions: { echo: (event: unknown) => event } })
  }
  const executions = async (): Promise<string[]> => {
    const { items } = await engine.list({ limit: 200 })
    return items.map(({ flow }) => flow).sort()
  }
  /** Whoever writes next dies at once: before its transaction is safe, or behind it and before anybody is told. */
  const dieAt = async (moment: 'before' | 'behind', act: () => Promise<unknown>): Promise<void> => {
    const { host } = (await engine.durableHost()) as EmbeddedDurable
    // what else is to be written is written before
    await engine.triggers.list()
    const commit = host.store.commit.bind(host.store)
    await new Promise<void>((resolve) => {
      host.store.commit = () => {
        if (moment === 'behind') commit()
        resolve(engine.abandon())
        throw new Error('dead')
      }
      // nobody gets an answer
      act().catch(() => undefined)
    })
  }

  beforeEach(async () => {
    store = await mkdtemp(join(tmpdir(), 'fnflow-topics-'))
    await open()
    for (const flow of FLOWS) {
      const triggers = [{ type: 'topic', name: 't', topic: 'news' }]
      await engine.deploy({ flow, triggers, start: 'n', nodes: { n: { type: 'wait', seconds: 3600 } } })
    }
  })
  afterEach(async () => {
    await engine.close().catch(() => undefined)
    await rm(store, { recursive: true, force: true })
  })

  it('has started nothing, if that was before the commit', async () => {
    await dieAt('before', () => engine.triggers.publish('news', { message: 1 }, { id: 'm1' }))
    await open()
    expect(await executions()).toEqual([])
    expect(await engine.triggers.publish('news', { message: 1 }, { id: 'm1' })).toEqual({ messageId: 'm1', executions: 5 })
    expect(await executions()).toEqual(FLOWS)
  })

  it('has started all of them, if that was behind the commit, and starts nothing when it comes again', async () => {
    await dieAt('behind', () => engine.triggers.publish('news', { message: 1 }, { id: 'm1' }))
    await open()
    expect(await executions()).toEqual(FLOWS)
    expect(await engine.triggers.publish('news', { message: 1 }, { id: 'm1' })).toEqual({ messageId: 'm1', executions: 5 })
    expect(await executions()).toEqual(FLOWS)
    const { counts, inFlight } = await engine.triggers.get('a', 't')
    // what the process before has started is counted as running
    expect([counts.deduplicated, inFlight]).toEqual([1, 1])
  })

  it('counts what it has started in processes before, and lets it go when it ends', async () => {
    await engine.deploy({
      flow: 'one',
      triggers: [{ type: 'topic', name: 't', topic: 'one', maxInFlight: 1 }],
      start: 'n',
      nodes: { n: { type: 'wait', seconds: 3600 } },
    })
    await engine.triggers.publish('one', { message: 1 })
    await engine.close()
    await open()
    expect(await rejection(engine.triggers.publish('one', { message: 2 }))).toMatchObject({ code: 'too-many-executions' })
    const [running] = (await engine.list({ flow: 'one' })).items
    await engine.stop(running!.id)
    await until(async () => (await engine.triggers.get('one', 't')).inFlight === 0, 'room')
    expect((await engine.triggers.publish('one', { message: 3 })).executions).toBe(1)
  })

  it('keeps what was counted and whether it is enabled', async () => {
    await engine.triggers.publish('news', { message: 1 })
    await engine.triggers.disable('b', 't')
    const before = await engine.triggers.get('a', 't')
    await engine.close()
    await open()
    expect(await engine.triggers.get('a', 't')).toEqual(before)
    expect(before).toMatchObject({ counts: { started: 1 }, lastEventAt: expect.any(Number) })
    expect((await engine.triggers.publish('news', { message: 2 })).executions).toBe(4)
  })

  it('goes to the dead letters where a flow cannot be started by it, and starts the others', async () => {
    const lines: string[] = []
    await engine.close()
    engine = await LocalEngine.open({ store, channels: { dead: { kind: 'log' } }, onLog: ({ text }) => lines.push(text) })
    const trigger = { type: 'topic', name: 't', topic: 'news' }
    const nodes = { n: { type: 'wait', seconds: 3600 } }
    await engine.deploy({
      flow: 'x',
      triggers: [{ ...trigger, deadLetter: 'dead', filter: "$.record[0].smn.message > 'text'" }],
      start: 'n',
      nodes,
    })
    await engine.deploy({ flow: 'y', triggers: [{ ...trigger, version: 'gone' }], start: 'n', nodes })
    expect((await engine.triggers.publish('news', { message: 7 }, { id: 'm7' })).executions).toBe(5)
    expect(await executions()).toEqual(FLOWS)
    const dead = lines.find((line) => line.includes('fnflow.dead-letter')) ?? ''
    expect(JSON.parse(dead.slice(dead.indexOf('{')))).toMatchObject({
      type: 'fnflow.dead-letter',
      source: '/flows/x',
      data: {
        flow: 'x',
        trigger: { type: 'topic', name: 't' },
        place: 'news/m7',
        reason: expect.any(String),
        data_base64: expect.any(String),
      },
    })
    expect((await engine.triggers.get('x', 't')).counts.deadLettered).toBe(1)
    expect((await engine.triggers.get('y', 't')).counts.skipped).toBe(1)
    expect(lines.some((line) => line.includes('trigger y/t') && line.includes('skipped'))).toBe(true)
  })
})
