/**
 * What every connector holds (triggers.md, 1), on the embedded engine: its harness says how events are made, and what may happen to its broker.
 * Flows have their events' values as input, so that executions can be counted by them.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EngineOptions, ExecutionRecord } from '../../engine/api.ts'
import { LocalEngine } from '../../engine/internal.ts'
import type { EngineSeams } from '../../engine/local-engine.ts'
import type { TriggerRecord } from '../../engine/triggers/api.ts'
import { Receiver } from '../engine/http/receiver.ts'
import { pause, rejection, until } from '../engine/calls.ts'

/** A queue, a partition, a file: whatever one trigger reads. */
export interface Stream {
  /** The trigger's own part of a definition, without its name; what is no JSON is poison. `batch`: values of one event at most; it reads from the first event on. */
  trigger(options?: { readonly batch?: number }): Readonly<Record<string, unknown>>
  /** Sends values `{ n }`, in order; resolves when the broker has them. */
  produce(values: readonly { readonly n: number }[]): Promise<void>
  /** The same of bytes that are no JSON, where events are made of bytes. */
  produceRaw?(bytes: Uint8Array): Promise<void>
  /** JSONPath of the value in an event, and of the list of values in that of a batch. */
  readonly path: { readonly one: string; readonly batch?: string }
  /** An expression that takes all values but one; default: of the path to a value. */
  allBut?(n: number): string
}

export interface Harness {
  readonly kind: string
  /** Where its part of a trigger has no order, executions may come in any. */
  readonly hasOrder: boolean
  /** Default: it has. */
  readonly hasBatches?: boolean
  /** Whether what was read can be read again. */
  readonly canSeek: boolean
  readonly options?: EngineOptions
  readonly seams?: EngineSeams
  /** Whether events are there for a trigger that is enabled later, or is disabled meanwhile; default: they are. */
  readonly keepsEvents?: boolean
  /** The `n` of a value as it is in an input; default: its member. */
  numberOf?(value: unknown): number
  /** Resolves when a trigger that was deployed has taken up its place; default: at once. */
  deployed?(): Promise<void>
  /** Called with each engine that is opened. */
  prepare?(engine: LocalEngine): void
  stream(): Promise<Stream>
  /** Ends the broker and brings it back with all that it had. */
  restart?(): Promise<void>
  /** Cuts the connections to the broker. */
  cut?(): Promise<void>
}

interface Scene {
  readonly stream: Stream
  readonly batch?: number
  readonly more?: object
  /** Nodes; default: the flow ends at once. */
  readonly nodes?: object
}

export function connectorContract(harness: Harness): void {
  const { keepsEvents = true, hasBatches = true, numberOf = (value) => (value as { n: number }).n } = harness
  describe(`a connector of kind ${harness.kind}`, () => {
    let folder: string
    let engine: LocalEngine
    let options: EngineOptions

    const open = async (): Promise<void> => {
      engine = await LocalEngine.open(
        { ...harness.options, ...options, store: join(folder, 'store') },
        { backoff: { firstMs: 50, longestMs: 500 }, ...harness.seams },
      )
      harness.prepare?.(engine)
    }
    const crash = async (): Promise<void> => {
      await engine.abandon()
      await open()
    }
    /** The flow's input is a list of values: of one, where there is no batch. */
    const deploy = async ({ stream, batch, more = {}, nodes }: Scene): Promise<void> => {
      const { one, batch: many } = stream.path
      const input = batch === undefined ? { values: [one] } : { values: many }
      await engine.deploy({
        flow: 'f',
        triggers: [{ ...stream.trigger(batch === undefined ? {} : { batch }), name: 't', input, ...more }],
        start: 'n',
        nodes: nodes ?? { n: { type: 'pass' } },
      })
      await harness.deployed?.()
    }
    const trigger = (): Promise<TriggerRecord> => engine.triggers.get('f', 't')
    const all = async (): Promise<ExecutionRecord[]> => {
      const records: ExecutionRecord[] = []
      for (let cursor: string | undefined; ;) {
        const page = await engine.list({ limit: 200, ...(cursor === undefined ? {} : { cursor }) })
        records.push(...page.items)
        cursor = page.nextCursor
        if (cursor === undefined) return records.reverse()
      }
    }
    /** The values of all executions, in the order of their starts. */
    const started = async (): Promise<number[]> => {
      const inputs = await Promise.all((await all()).map(async ({ id }) => (await engine.describe(id)).input))
      return inputs.flatMap((input) => (input as { values: unknown[] }).values.map(numberOf))
    }
    /** Waits for these values, and a little longer: nothing may come twice. */
    const expectStarted = async (values: readonly number[]): Promise<void> => {
      await until(async () => (await started()).length >= values.length, `${values.length} values`)
      await pause(300)
      const found = await started()
      expect(harness.hasOrder ? found : found.sort((a, b) => a - b)).toEqual(values)
    }
    const produce = (stream: Stream, values: readonly number[]): Promise<void> => stream.produce(values.map((n) => ({ n })))

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'fnflow-connector-'))
      options = {}
      await open()
    })
    afterEach(async () => {
      await engine.close()
      rmSync(folder, { recursive: true, force: true })
    })

    it('starts one execution for each event, what was there before included', async () => {
      const stream = await harness.stream()
      if (keepsEvents) await produce(stream, range(0, 20))
      await deploy({ stream })
      await produce(stream, range(keepsEvents ? 20 : 0, 40))
      await expectStarted(range(0, 40))
      expect(await trigger()).toMatchObject({ state: 'running', enabled: true, counts: { started: 40, deduplicated: 0 } })
      expect((await trigger()).error).toBeUndefined()
    })

    it.each(hasBatches ? [undefined, 7] : [undefined])(
      'starts nothing twice and loses nothing when the engine dies in the middle, batches of %s',
      async (batch) => {
        const stream = await harness.stream()
        const scene = { stream, ...(batch === undefined ? {} : { batch }) }
        await deploy(scene)
        const values = range(0, 300)
        for (let from = 0; from < 300; from += 60) {
          await produce(stream, values.slice(from, from + 60))
          // at work, and not at its end
          await until(async () => (await started()).length > from, `values behind ${from}`)
          await crash()
        }
        await expectStarted(values)
        if (batch !== undefined) expect((await all()).length).toBeLessThan(300)
      },
    )

    it('leaves out what the filter does not take, and what starts nothing, and goes on', async () => {
      const receiver = new Receiver()
      await receiver.listen()
      await engine.close()
      options = { channels: { dead: { kind: 'http', url: receiver.url, mode: 'structured' } }, outbound: { allowPrivate: ['127.0.0.1'] } }
      await open()
      const stream = await harness.stream()
      const filter = stream.allBut?.(3) ?? `${stream.path.one}.n != 3`
      await deploy({ stream, more: { filter, ...(stream.produceRaw === undefined ? {} : { deadLetter: 'dead' }) } })
      await produce(stream, range(0, 5))
      await stream.produceRaw?.(Buffer.from('no JSON {'))
      await produce(stream, range(5, 8))
      await expectStarted([0, 1, 2, 4, 5, 6, 7])
      await until(async () => (await trigger()).counts.filtered === 1, 'the counts')
      expect((await trigger()).counts).toMatchObject({ started: 7, filtered: 1, skipped: 0 })
      if (stream.produceRaw === undefined) return receiver.close()
      await until(async () => (await trigger()).counts.deadLettered === 1, 'a dead letter')
      expect((await trigger()).counts).toMatchObject({ started: 7, filtered: 1, skipped: 0 })
      const { data } = JSON.parse(receiver.received[0]!.body) as { data: { data_base64: string } }
      expect(Buffer.from(data.data_base64, 'base64').toString()).toBe('no JSON {')
      await receiver.close()
    })

    it('has no more executions at a time than maxInFlight, also behind a crash, and goes on when there is room', async () => {
      const stream = await harness.stream()
      await deploy({ stream, more: { maxInFlight: 3 }, nodes: { n: { type: 'wait', seconds: 3600 } } })
      await produce(stream, range(0, 8))
      await until(async () => (await all()).length === 3, 'three of them')
      await pause(300)
      await crash()
      await until(async () => ['running', 'paused'].includes((await trigger()).state), 'the source')
      await pause(300)
      expect((await all()).length).toBe(3)
      expect((await trigger()).inFlight).toBe(3)
      for (let stopped = 0; stopped < 8;) {
        const running = (await all()).filter(({ status }) => status === 'running')
        expect(running.length).toBeLessThanOrEqual(3)
        const [first] = running
        if (first === undefined) await pause(20)
        else await engine.stop(first.id).then(() => (stopped += 1))
      }
      await expectStarted(range(0, 8))
    })

    it('waits while no more executions may be started', async () => {
      await engine.close()
      options = { limits: { executions: 2 } }
      await open()
      const stream = await harness.stream()
      await deploy({ stream, nodes: { n: { type: 'wait', seconds: 3600 } } })
      await produce(stream, range(0, 5))
      await until(async () => (await trigger()).error !== undefined, 'why it waits')
      expect((await trigger()).error?.message).toContain('at most 2')
      for (let stopped = 0; stopped < 5;) {
        const [first] = (await all()).filter(({ status }) => status === 'running')
        if (first === undefined) await pause(20)
        else await engine.stop(first.id).then(() => (stopped += 1))
      }
      await expectStarted(range(0, 5))
      expect((await trigger()).counts.skipped).toBe(0)
    })

    it('keeps its place while it is disabled, and when its definition changes', async () => {
      const stream = await harness.stream()
      await deploy({ stream })
      await produce(stream, range(0, 5))
      await expectStarted(range(0, 5))
      expect((await engine.triggers.disable('f', 't')).state).toBe('disabled')
      await produce(stream, range(5, 10))
      await pause(300)
      expect((await all()).length).toBe(5)
      await engine.triggers.enable('f', 't')
      const before = keepsEvents ? range(0, 10) : range(0, 5)
      await expectStarted(before)
      await deploy({ stream, more: { maxInFlight: 50 } })
      await produce(stream, range(10, 12))
      await expectStarted([...before, 10, 11])
    })

    it('is not held up by the deletion of executions, and does not start them again', async () => {
      const stream = await harness.stream()
      await deploy({ stream })
      await produce(stream, range(0, 5))
      await until(async () => (await all()).filter(({ status }) => status === 'succeeded').length === 5, 'their ends')
      for (const { id } of await all()) await engine.delete(id)
      await crash()
      await produce(stream, range(5, 7))
      await expectStarted(range(5, 7))
    })

    it('goes back where it can', async () => {
      const stream = await harness.stream()
      await deploy({ stream })
      await produce(stream, range(0, 5))
      await expectStarted(range(0, 5))
      if (!harness.canSeek) {
        expect(await rejection(engine.triggers.seek('f', 't', 'earliest'))).toMatchObject({ code: 'bad-input' })
        return
      }
      await engine.triggers.seek('f', 't', 'earliest')
      await expectStarted([...range(0, 5), ...range(0, 5)])
      await engine.triggers.disable('f', 't')
      await produce(stream, range(5, 7))
      await engine.triggers.seek('f', 't', 'latest')
      await engine.triggers.enable('f', 't')
      await produce(stream, range(7, 9))
      await expectStarted([...range(0, 5), ...range(0, 5), 7, 8])
    })

    it('outlives its broker, and connections that are cut', async (context) => {
      if (harness.restart === undefined && harness.cut === undefined) context.skip('it has no broker that could be restarted')
      const stream = await harness.stream()
      await deploy({ stream })
      await produce(stream, range(0, 10))
      await until(async () => (await started()).length > 0, 'the first')
      await harness.cut?.()
      await produce(stream, range(10, 20))
      await harness.restart?.()
      await produce(stream, range(20, 30))
      await harness.cut?.()
      await until(async () => (await started()).length >= 30, 'all')
      await expectStarted(range(0, 30))
    })
  })
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, at) => from + at)
}
