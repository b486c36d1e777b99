import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { LocalEngine } from '../../../engine/internal.ts'
import { createDatabase, createNamespace } from '../../../scripts/services/fresh.ts'
import { startServices, type RunningServices } from '../../../scripts/services/start.ts'
import type { WorkerProcess } from '../../../scripts/conformance/worker-process.ts'
import { readEffects } from './effects.ts'
import { codeOf, KillLab, type KillLabOptions } from './kill-lab.ts'
import { temporalServices } from './services.ts'

// these servers are killed: nobody else may be on them
temporalServices()
const MINUTES = 60_000

let services: RunningServices<'temporal' | 'postgres'>
beforeAll(async () => {
  services = await startServices(['temporal', 'postgres'], { own: true, log: () => undefined })
}, 3 * MINUTES)
afterAll(() => services.stop())

const open: KillLab[] = []
afterEach(async () => {
  for (const lab of open.splice(0)) await lab.close()
})

async function labOf(workers: KillLabOptions['workers'], ...flows: object[]): Promise<KillLab> {
  const { temporal: address, postgres } = services.addresses
  const [namespace, store] = await Promise.all([createNamespace(address), createDatabase(postgres)])
  const lab = await KillLab.open({ address, namespace, store, workers })
  open.push(lab)
  for (const flow of flows) await lab.engine.deploy(flow)
  return lab
}

/** A flow of functions, one behind the other. */
function sequence(flow: string, functions: readonly string[]): object {
  const node = (name: string, at: number): object => ({
    type: 'function',
    function: name,
    params: { n: '$.n', of: '$$.execution.id', step: at, text: '$.text' },
    ...(at + 1 < functions.length ? { next: `s${at + 1}` } : {}),
  })
  return { flow, start: 's0', nodes: Object.fromEntries(functions.map((name, at) => [`s${at}`, node(name, at)])) }
}

/** Resolves when so many executions have got to a step. */
async function whenAt(lab: KillLab, step: number, count: number): Promise<void> {
  const reached = (): number => new Set(readEffects(lab.effects).flatMap((line) => (line.step === step ? [line.execution] : []))).size
  await expect.poll(reached, { timeout: MINUTES, interval: 20 }).toBeGreaterThanOrEqual(count)
}

it('a worker is killed with 64 flows in flight: the other one takes over in seconds', { timeout: 2 * MINUTES }, async () => {
  const FLOWS = 64
  const slow = { atLeast: 200, atMost: 250 }
  const lab = await labOf([slow, slow], sequence('handed-over', ['effect', 'hold', 'effect', 'effect']))
  for (let at = 0; at < FLOWS; at++) lab.start('handed-over', `over-${at}`, { n: at })
  // step 1 ends only now, so all are in flight, in both of the workers
  await whenAt(lab, 1, FLOWS)
  const lives = readEffects(lab.effects).filter(({ step }) => step === 1)
  const [killed, other] = lab.workers as [WorkerProcess, WorkerProcess]
  const hit = lives.filter(({ life }) => life === '0').length
  expect(hit).toBeGreaterThan(0)

  const from = performance.now()
  await killed.stop()
  lab.openGate()
  expect(await lab.ended()).toEqual(Array.from({ length: FLOWS }, (_, at) => ({ output: { n: at + 4 } })))
  const seconds = (performance.now() - from) / 1000
  console.log(`${FLOWS} flows, ${hit} of them in the worker that was killed: all had ended ${seconds.toFixed(1)} s later`)
  expect(seconds).toBeLessThan(30)
  expect(other.lives).toBe(1)
})

it(
  'Temporal is away for 10 s and more: what runs goes on, starts are refused, answers are not lost',
  { timeout: 4 * MINUTES },
  async () => {
    const ask = { type: 'callback', function: 'effect', params: { n: 0, of: '$$.execution.id', step: 0 }, timeout: '1h' }
    const asking = { flow: 'asking', start: 'ask', nodes: { ask } }
    const lab = await labOf([{ silent: true }], asking, sequence('outage', ['effect', 'hold', 'effect']), sequence('refused', ['effect']))
    const { engine, effects } = lab
    // the lab's engine has Temporal's connection for clients, this one that for workers
    const worker = await lab.openEngine({ taskQueue: 'own', worker: true })
    const token = async (id: string): Promise<string> => {
      lab.start('asking', id, {})
      const found = (): string | undefined => readEffects(effects).find(({ kind, execution }) => kind === 'asked' && execution === id)?.id
      await expect.poll(found, { timeout: MINUTES }).toBeDefined()
      return found() as string
    }
    const answer = (of: LocalEngine, which: string, by: string): Promise<string> =>
      of.callback(which, { status: 'succeeded', output: { by } }).then(() => 'taken', codeOf)
    const refusedAfter = async (of: LocalEngine, id: string): Promise<number> => {
      const from = performance.now()
      await expect(of.start('refused', { id, input: { n: 1 } })).rejects.toMatchObject({ code: 'temporal-unavailable' })
      return (performance.now() - from) / 1000
    }
    try {
      for (let at = 0; at < 8; at++) lab.start('outage', `outage-${at}`, { n: at })
      await whenAt(lab, 1, 8)
      const tokens = [await token('asking-0'), await token('asking-1')] as const
      await services.services.temporal.kill()
      // what these functions answer cannot be told to anybody now
      lab.openGate()
      const [seconds, first] = await Promise.all([
        Promise.all([refusedAfter(engine, 'refused-0'), refusedAfter(worker, 'refused-1')]),
        Promise.all([answer(engine, tokens[0], 'first'), answer(worker, tokens[1], 'first')]),
        sleep(10_000),
      ])
      console.log(
        `without Temporal: starts refused after ${seconds.map((some) => some.toFixed(1)).join(' and ')} s, answers ${first.join(' and ')}`,
      )
      expect(Math.max(...seconds)).toBeLessThan(60)
      for (const outcome of first) expect(['taken', 'temporal-unavailable', 'store-failed']).toContain(outcome)
      expect(lab.endedIds).toEqual([])
      await services.services.temporal.restart()

      const second = await Promise.all([answer(engine, tokens[0], 'second'), answer(worker, tokens[1], 'second')])
      expect(second).toEqual(first.map((outcome) => (outcome === 'taken' ? 'callback-already-used' : 'taken')))
      for (const id of ['refused-0', 'refused-1']) {
        expect(await (await engine.start('refused', { id, input: { n: 1 } })).result()).toEqual({ n: 2 })
        expect(await (await worker.start('refused', { id, input: { n: 1 } })).result()).toEqual({ n: 2 })
      }
      expect(await lab.ended()).toEqual([
        ...Array.from({ length: 8 }, (_, at) => ({ output: { n: at + 3 } })),
        ...first.map((outcome) => ({ output: { by: outcome === 'taken' ? 'first' : 'second' } })),
      ])
      const delivered = readEffects(effects).filter(({ kind, execution }) => kind === 'delivered' && execution.startsWith('refused'))
      expect(delivered.map(({ execution }) => execution).sort()).toEqual(['refused-0', 'refused-1'])
    } finally {
      await worker.close()
    }
  },
)

it('flows with large payloads go on behind 5 s without PostgreSQL', { timeout: 3 * MINUTES }, async () => {
  const FLOWS = 16
  const STEPS = ['grow', 'grow', 'grow', 'hold', 'grow', 'grow', 'grow', 'grow', 'grow', 'grow']
  const lab = await labOf([{ atLeast: 100 }, { atLeast: 100, cached: 2 }], sequence('large', STEPS))
  for (let at = 0; at < FLOWS; at++) lab.start('large', `large-${at}`, { n: 0, text: String(at) })
  await whenAt(lab, 3, FLOWS)
  lab.openGate()
  await whenAt(lab, 5, FLOWS)
  await services.services.postgres.kill()
  await sleep(5000)
  await services.services.postgres.restart()
  const grown = STEPS.map((name, n) => (name === 'grow' ? String(n).repeat(20_000) : '')).join('')
  for (const [at, ended] of (await lab.ended()).entries()) {
    const { n, text } = ('output' in ended ? ended.output : ended) as { n?: number; text?: string }
    expect({ n, isRight: text === `${at}${grown}` }, JSON.stringify(ended).slice(0, 500)).toEqual({ n: STEPS.length, isRight: true })
  }
})
