/**
 * Records the histories beside this file on a real server: `node test/histories/record.ts [--again] [name…]`, behind `npm run build`. Run by
 * hand, for scenes that are new. A history that was recorded is evidence of what a released interpreter did: it is not recorded again
 * (`--again`) unless it was never released.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import { CORE_VERSION } from '../../dsl/core/machine.ts'
import type { Plan } from '../../dsl/plan.ts'
import type { CallbackInfo } from '../../engine/api.ts'
import { createTemporalLab } from '../../engine/internal.ts'
import type { ModuleHandler } from '../../executors/contract.ts'
import { startServices } from '../../scripts/services/start.ts'
import { foldEvents, type HistoryFile } from './history-file.ts'
import { SCENES, type HistoryScene } from './scenes.ts'

const handlers = (await import(new URL('../conformance/functions.mjs', import.meta.url).href)) as Record<string, ModuleHandler>
const SDK = '1.24.0'
const LARGE = 200_000
const args = process.argv.slice(2)
const again = args.includes('--again')
const wanted = args.filter((arg) => !arg.startsWith('--'))

const fileOf = (name: string): URL => new URL(`./${name}.core-${CORE_VERSION}.json`, import.meta.url)
const isThere = (name: string): boolean => existsSync(fileOf(name)) || existsSync(new URL(`${fileOf(name).href}.gz`))
const names = Object.keys(SCENES).filter((name) => (wanted.length > 0 ? wanted.includes(name) : again || !isThere(name)))

for (const continued of [false, true]) {
  const some = names.filter((name) => (SCENES[name]?.continued === true) === continued)
  if (some.length > 0) await record(some, continued)
}
process.exit(0)

async function record(some: readonly string[], continued: boolean): Promise<void> {
  const dynamicConfig = continued ? { 'limit.historyCount.suggestContinueAsNew': 30 } : {}
  const services = await startServices(['temporal', 'postgres'], { own: true, options: { temporal: { dynamicConfig } } })
  const lab = await createTemporalLab({
    engine: 'temporal',
    store: services.addresses.postgres,
    functions: handlers,
    channels: { log: { kind: 'log' } },
    temporal: { address: services.addresses.temporal },
  })
  const { cluster } = lab.host
  const { serverVersion } = await cluster.client.workflowService.getSystemInfo({})
  for (const name of some) {
    const scene = SCENES[name] as HistoryScene
    const workflowIds = await play(lab, name, scene)
    for (const [at, workflowId] of workflowIds.entries()) {
      const history = await cluster.client.workflow.getHandle(workflowId).fetchHistory()
      const services_ = lab.host.reader.services
      const expected = await foldEvents(history.events ?? [], services_)
      const plans = await plansOf(history.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [])
      const json = historyToJSON(history)
      const file: HistoryFile = {
        name: at === 0 ? name : `${name}-lane`,
        core: CORE_VERSION,
        sdk: SDK,
        server: serverVersion ?? '',
        workflowId,
        plans,
        payloads: await payloadsOf(json),
        history: JSON.parse(json) as HistoryFile['history'],
        expected,
      }
      write(file)
    }
  }

  async function plansOf(
    payloads: readonly { readonly metadata?: unknown; readonly data?: Uint8Array | null }[],
  ): Promise<Record<string, Plan>> {
    const hash = Buffer.from(payloads[1]?.data ?? []).toString()
    return { [hash]: JSON.parse(await cluster.planText(hash)) as Plan }
  }

  /** What the history refers to. */
  async function payloadsOf(json: string): Promise<Record<string, string>> {
    const found: Record<string, string> = {}
    const texts = [...json.matchAll(/"data":\s*"([A-Za-z0-9+/=]+)"/g)].map(([, data]) => Buffer.from(data as string, 'base64').toString())
    for (const text of texts) {
      const match = /^\{"owner":"([^"]*)","sha256":"([0-9a-f]+)","bytes":\d+\}$/.exec(text)
      if (match === null) continue
      const [, owner, hash] = match as unknown as [string, string, string]
      found[hash] = Buffer.from(await cluster.registry.payloads.get(owner, hash)).toString('base64')
    }
    return found
  }

  await lab.close()
  await services.stop()
}

/** Runs a scene; returns the ids of the workflows to record. */
async function play(lab: Awaited<ReturnType<typeof createTemporalLab>>, name: string, scene: HistoryScene): Promise<string[]> {
  const { answer, stop, running, others = [], flow, input = {}, lane } = scene
  const engine = await lab.engine(name, {
    functions: handlers,
    channels: { log: { kind: 'log' } },
    onCallback: ({ token }: CallbackInfo) => {
      if (answer !== undefined) setTimeout(() => void engine.callback(token, answer).catch(console.error), 1000)
    },
  })
  for (const other of others) await engine.deploy(other)
  const { flow: started } = await engine.deploy(flow)
  const execution = await engine.start(started, { input })
  if (stop === true || running === true) await sleep(1500)
  if (stop === true) await execution.stop()
  if (running !== true) await execution.result().catch(() => undefined)
  const lanes: string[] = []
  if (lane !== undefined) {
    const query = `WorkflowType = '$lane'`
    for await (const { workflowId } of lab.host.cluster.client.workflow.list({ query }))
      if (workflowId.startsWith(execution.id)) lanes.push(workflowId)
    lanes.sort()
  }
  return [execution.id, ...(lane === undefined ? [] : [lanes.at(-1) as string])]
}

function write(file: HistoryFile): void {
  const text = `${JSON.stringify(file, null, 1)}\n`
  const target = fileOf(file.name)
  const packed = new URL(`${target.href}.gz`)
  for (const old of [target, packed]) rmSync(old, { force: true })
  if (text.length > LARGE) writeFileSync(packed, gzipSync(text, { level: 9 }))
  else writeFileSync(target, text)
  console.log(`recorded ${file.name}: ${file.history.events.length} events, ${file.expected.status}`)
}
