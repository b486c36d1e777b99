/** The recorded histories: how they are stored, replayed and folded. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { prepare } from '../../dsl/core/machine.ts'
import type { Json } from '../../dsl/json.ts'
import type { Plan } from '../../dsl/plan.ts'
import { ClaimCheck } from '../../engine/temporal/codec.ts'
import { HistoryFold, type FoldServices, type HistoryEvent } from '../../engine/temporal/history.ts'
import { PayloadReader } from '../../engine/temporal/payloads.ts'
import type { PayloadStore } from '../../engine/temporal/registry/types.ts'
import type { JournalRow } from '../../workflows/protocol/shapes.ts'

export interface HistoryFile {
  readonly name: string
  readonly core: number
  readonly sdk: string
  readonly server: string
  readonly workflowId: string
  /** By hash. */
  readonly plans: Readonly<Record<string, Plan>>
  /** What was too large for the history: base64 by SHA-256. */
  readonly payloads: Readonly<Record<string, string>>
  readonly history: { readonly events: readonly unknown[] }
  readonly expected: { readonly status: string; readonly output: Json; readonly error: Json; readonly journal: readonly JournalRow[] }
}

const folder = new URL('.', import.meta.url)

/** The files of this folder: small ones as they are, large ones packed. */
export function historyFiles(): string[] {
  return readdirSync(folder).filter((name) => /\.core-\d+\.json(\.gz)?$/.test(name))
}

export function readHistory(name: string): HistoryFile {
  const bytes = readFileSync(new URL(name, folder))
  return JSON.parse((name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()) as HistoryFile
}

/** The codec that knows the plans and payloads of some files. */
export function codecOf(files: readonly HistoryFile[]): ClaimCheck {
  const plans = new Map(files.flatMap(({ plans: some }) => Object.entries(some)))
  const payloads = new Map(files.flatMap(({ payloads: some }) => Object.entries(some)))
  const store: PayloadStore = {
    put: async (_owner, data) => createHash('sha256').update(data).digest('hex'),
    get: async (_owner, hash) => Buffer.from(payloads.get(hash) as string, 'base64'),
    deleteOwner: async () => undefined,
  }
  return new ClaimCheck(store, async (hash) => JSON.stringify(plans.get(hash)))
}

/** Folds the events of a history. */
export async function foldEvents(events: readonly HistoryEvent[], services: FoldServices): Promise<HistoryFile['expected']> {
  const fold = new HistoryFold(services)
  for (const event of events) await fold.take(event)
  fold.begin()
  const { flow, journal } = fold.driver
  return JSON.parse(JSON.stringify({ status: flow.status, output: flow.output, error: flow.error, journal })) as HistoryFile['expected']
}

export function servicesOf(file: HistoryFile): FoldServices {
  return { payloads: new PayloadReader(codecOf([file])), prepared: async (hash) => prepare(file.plans[hash] as Plan) }
}
