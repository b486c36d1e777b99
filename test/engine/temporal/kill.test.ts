import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { createDatabase } from '../../../scripts/services/fresh.ts'
import { startServices } from '../../../scripts/services/start.ts'
import type { WorkerProcess } from '../../../scripts/conformance/worker-process.ts'
import { ALL_FLOWS, flowOf, type MixedFlow } from '../embedded/mixed-flows.ts'
import { deliveredInVain, idsOf, readEffects, redelivered, takenAnswers } from './effects.ts'
import { KillLab, type KillLabOptions } from './kill-lab.ts'
import { newDatabase, newNamespace, temporalServices } from './services.ts'

const { address } = temporalServices()
const MINUTES = 60_000
/** Until the sweeper has written what nobody else has: it looks every 5 s at what ended 5 s ago. */
const SWEPT_MS = 60_000

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

async function mixedLab(place: Pick<KillLabOptions, 'address' | 'namespace' | 'store'>): Promise<KillLab> {
  // one that keeps its workflows, and one that has to replay most of them for each task
  const lab = await KillLab.open({ ...place, workers: [{}, { cached: 2 }] })
  open.push(lab)
  for (const definition of ALL_FLOWS) await lab.engine.deploy(definition)
  return lab
}

/** What is certain at the end, whatever was killed on the way. The lab has run these flows, in this order. */
async function expectAllRight(lab: KillLab, flows: readonly MixedFlow[]): Promise<void> {
  const { engine, host } = lab
  const { registry } = host.cluster
  expect(await lab.ended(), lab.lastWords).toEqual(flows.map(({ output }) => ({ output })))
  expect(lab.refused).toEqual([])

  const sum = (of: (flow: MixedFlow) => number): number => flows.reduce((total, flow) => total + of(flow), 0)
  const parents = flows.filter(({ definition }) => definition.flow === 'mixed-parent').length
  const childCount = parents + sum(({ detached = 0 }) => detached)
  const children: string[] = []
  for (let cursor: string | undefined; children.length === 0 || cursor !== undefined;) {
    const page = await engine.list({ flow: 'mixed-child', limit: 200, ...(cursor === undefined ? {} : { cursor }) })
    for (const { id } of page.items) {
      expect(Object.keys((await engine.result(id)) as object)).toEqual(['n'])
      children.push(id)
    }
    cursor = page.nextCursor
  }
  expect(new Set(children).size).toBe(childCount)

  // whatever was delivered again was so under its old id: ids count each invocation and each event once
  const lines = readEffects(lab.effects)
  expect(idsOf(lines, 'delivered', 'process').size).toBe(sum(({ invocations }) => invocations))
  expect(idsOf(lines, 'published').size).toBe(sum(({ events = 0 }) => events))
  expect(deliveredInVain(lines)).toEqual([])
  const lastBorn = lines.findLastIndex(({ kind }) => kind === 'born')
  expect(
    [...takenAnswers(lines).values()].filter((at) => at < lastBorn).length,
    'answers that a later life could have asked for again',
  ).toBeGreaterThan(flows.length / 2)

  const all = [...lab.ids, ...children]
  await expect.poll(() => lab.unrecorded(all), { timeout: SWEPT_MS, interval: 500 }).toEqual([])
  expect((await registry.list({ limit: 2 * all.length })).map(({ id }) => id).sort()).toEqual([...all].sort())
  await Promise.all(all.map((id) => expectRecordAndNodes(lab, id)))
  console.log(
    `${flows.length} executions and ${children.length} children; ${lab.kills} workers killed; ${redelivered(lines)} deliveries made again`,
  )
}

async function expectRecordAndNodes({ engine, host }: KillLab, id: string): Promise<void> {
  const { registry, client } = host.cluster
  const record = await registry.record(id, true)
  expect({ id, status: record?.status, output: record?.output }).toEqual({
    id,
    status: await host.reader.state(id),
    output: await client.workflow.getHandle(id).result(),
  })
  const nodes = await engine.nodes(id)
  expect(nodes.length, id).toBeGreaterThan(0)
  for (const { place, status } of nodes) expect(['succeeded', 'caught'], `${id}: ${place}`).toContain(status)
}

function mixedFlows(count: number): MixedFlow[] {
  return Array.from({ length: count }, (_, at) => flowOf(at))
}

/** Starts executions up to a number. */
function startUpTo(lab: KillLab, from: number, to: number): number {
  for (let at = from; at < to; at++) {
    const { definition, input } = flowOf(at)
    lab.start(definition.flow, `mixed-${at}`, input as never)
  }
  return to
}

const COUNT = 200
const ROUNDS = 9

it(`${COUNT} mixed flows all end, none twice, though workers are killed again and again`, { timeout: 4 * MINUTES }, async () => {
  const lab = await mixedLab({ address, namespace: await newNamespace(), store: await newDatabase() })
  let started = 0
  // every round starts more, with waits of seconds in them, so that each kill hits work
  for (let round = 0; round < ROUNDS; round++) {
    const before = started
    started = startUpTo(lab, started, Math.round((COUNT * (round + 1)) / ROUNDS))
    // a kill costs seconds: without this all would end behind the last one
    await lab.whenEnded(Math.round(before * 0.6))
    if (round % 3 === 2) {
      // right after an end, whose record is likely not written then
      await lab.whenEnded(Math.min(lab.endedIds.length + 1, started))
      await lab.killWorkers()
      continue
    }
    const worker = lab.workers[round % 2] as WorkerProcess
    await worker.ready
    await sleep(Math.random() * 1000)
    await worker.kill()
    if (round % 3 === 1) continue
    // while it connects, or replays what it finds
    await sleep(200 + Math.random() * 2000)
    await worker.kill()
  }
  expect(lab.kills).toBeGreaterThanOrEqual(10)
  await expectAllRight(lab, mixedFlows(COUNT))
})

const OUTAGE_COUNT = 200

/** Its first step waits for the lab's gate. */
const HELD: MixedFlow = {
  definition: {
    flow: 'held',
    start: 'a',
    nodes: {
      a: { type: 'function', function: 'hold', params: { n: '$.n', of: '$$.execution.id', step: 0 }, next: 'b' },
      b: { type: 'function', function: 'effect', params: { n: '$.n', of: '$$.execution.id', step: 1 } },
    },
  },
  input: { n: 1 },
  invocations: 2,
  output: { n: 3 },
}

it(`${OUTAGE_COUNT} mixed flows all end, none twice, though Temporal and PostgreSQL are killed`, { timeout: 4 * MINUTES }, async () => {
  const services = await startServices(['temporal', 'postgres'], { own: true, log: () => undefined })
  open.push({ close: () => services.stop() })
  const { temporal, postgres } = services.services
  const store = await createDatabase(postgres.address)
  const lab = await mixedLab({ address: temporal.address, namespace: 'default', store })
  await lab.engine.deploy(HELD.definition)

  let started = 0
  for (const until of [40, 70]) {
    started = startUpTo(lab, started, until)
    await lab.whenEnded(started / 2)
    await temporal.kill()
    // these are made again until somebody takes them
    started = startUpTo(lab, started, started + 10)
    await sleep(500 + Math.random() * 1500)
    await temporal.restart()
  }
  await lab.workers[0]?.kill()

  // what ends while PostgreSQL is away has no record when its worker dies
  lab.start('held', 'held', HELD.input as never)
  await expect.poll(() => readEffects(lab.effects).some(({ execution }) => execution === 'held'), { timeout: MINUTES }).toBe(true)
  started = startUpTo(lab, started, OUTAGE_COUNT)
  await postgres.kill()
  lab.openGate()
  await lab.whenEnded('held')
  await lab.killWorkers()
  await postgres.restart()
  expect(await lab.unrecorded(['held'])).toEqual(['held'])

  await expectAllRight(lab, [...mixedFlows(80), HELD, ...mixedFlows(OUTAGE_COUNT).slice(80)])
})
