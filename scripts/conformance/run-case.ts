import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isJsonObject } from '../../dsl/json.ts'
import type { Diagnostic } from '../../dsl/diagnostics.ts'
import type { Json } from '../../dsl/json.ts'
import type { FlowMode } from '../../dsl/plan.ts'
import type { CallbackInfo, Engine, NodeRecord } from '../../engine/api.ts'
import type { ErrorDocument } from '../../dsl/errors.ts'
import type { ModuleHandler } from '../../executors/contract.ts'
import type { Built } from './built.ts'
import type { Answer, ConformanceCase, Expectation } from './case.ts'
import { show } from './compare.ts'
import { expandInput, joinText } from './expand.ts'
import { differences } from './outcome.ts'
import type { Outcome } from './outcome.ts'
import type { TemporalLabs } from './temporal.ts'

export type EngineKind = 'express' | 'embedded' | 'temporal'

export interface RunOptions {
  readonly engine: EngineKind
  readonly rebuild: boolean
  /** Absent for definitions given as text: they run as they are. */
  readonly mode: FlowMode | undefined
  readonly functions: Readonly<Record<string, ModuleHandler>>
  /** Of the engine `temporal`. */
  readonly labs?: TemporalLabs
}

/** `skipped`: a definition given as text whose mode is not the engine's. */
export type CaseResult = { readonly verdict: 'passed' | 'skipped' } | { readonly verdict: 'failed'; readonly reason: string }

/** A case that ends in this many seconds where it names no bound of its own. */
const DEFAULT_BOUND_SECONDS = 180

/** Runs one case on an engine of its own, so that flows of the same name and stores do not meet. Never rejects. */
export async function runCase(built: Built, test: ConformanceCase, options: RunOptions): Promise<CaseResult> {
  const folder = options.engine === 'embedded' ? await mkdtemp(join(tmpdir(), 'fnflow-conformance-')) : undefined
  const answering = new Answering(test.callback)
  let engine: Engine | undefined
  try {
    const common = {
      functions: options.functions,
      channels: { log: { kind: 'log' as const } },
      onCallback: (info: CallbackInfo) => answering.take(info),
    }
    if (options.engine === 'temporal') engine = await (options.labs as TemporalLabs).engine(options.functions, common)
    else {
      const make = options.rebuild ? built.createRebuildingEngine : built.createEngine
      engine = await make({ ...common, engine: options.engine, ...(folder === undefined ? {} : { store: folder }) })
    }
    answering.engine = engine
    const outcome = await play(engine, test, options)
    if (outcome === 'other mode') return { verdict: 'skipped' }
    const found = differences(test.expect, outcome, { look: built.look, checkMaxSeconds: !isInterrupted(options) })
    if (found.length === 0) return { verdict: 'passed' }
    return { verdict: 'failed', reason: [...found, ...answering.problems].join('; ') }
  } catch (error) {
    return { verdict: 'failed', reason: `the runner could not finish the case: ${text(error)}` }
  } finally {
    if (engine) await Promise.race([engine.close().catch(() => {}), delay(10_000, undefined, { ref: false })])
    if (folder !== undefined) await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => {})
  }
}

async function play(engine: Engine, test: ConformanceCase, options: RunOptions): Promise<Outcome | 'other mode'> {
  const started = performance.now()
  const seconds = (from = started): number => (performance.now() - from) / 1000

  let first: string | undefined
  const refused: Diagnostic[] = []
  for (const source of sourcesOf(test, options.mode)) {
    try {
      const { flow, plan } = await engine.deploy(source)
      if (first === undefined && options.mode === undefined && options.engine === 'express' && plan.mode !== 'express') return 'other mode'
      first ??= flow
    } catch (error) {
      const diagnostics = diagnosticsOf(error)
      if (diagnostics) refused.push(...diagnostics.filter(({ severity }) => severity === 'error'))
      else if (options.mode === undefined && (error as { code?: unknown }).code === 'not-durable') return 'other mode'
      else return { kind: 'broken', reason: text(error), seconds: seconds() }
    }
  }
  if (refused.length > 0) return { kind: 'invalid', diagnostics: refused, seconds: seconds() }

  const input = expandInput(test.input === undefined ? {} : test.input)
  const begun = performance.now()
  let execution
  try {
    execution = await engine.start(first!, { input })
  } catch (error) {
    const code = (error as { code?: unknown }).code
    if (options.mode === undefined && code === 'not-durable') return 'other mode'
    const kind = code === 'payload-too-large' || code === 'payload-too-deep' || code === 'bad-input' ? 'refused' : 'broken'
    return { kind, reason: text(error), seconds: seconds(begun) }
  }

  const bound = boundSeconds(test.expect, isInterrupted(options))
  const abort = new AbortController()
  const end = await Promise.race([
    execution.result({ signal: abort.signal }).then(
      (output) => ({ status: 'succeeded', output }),
      (error: unknown) => failureOf(error),
    ),
    delay(bound * 1000, 'running' as const, { signal: abort.signal, ref: true }).catch(() => 'running' as const),
  ])
  const took = seconds(begun)
  abort.abort()
  if (end === 'running') return { kind: 'running', seconds: took }
  if (end instanceof Error) return { kind: 'broken', reason: text(end), seconds: took }
  const nodes =
    options.engine !== 'express' && options.mode !== 'express' ? await records(engine, execution.id, nodeNames(test.expect)) : undefined
  return { kind: 'ended', ...end, ...(nodes ? { nodes } : {}), seconds: took }
}

function sourcesOf(test: ConformanceCase, mode: FlowMode | undefined): (string | Uint8Array | object)[] {
  if (test.text !== undefined) return [joinText(test.text)]
  if (test.base64 !== undefined) return [new Uint8Array(Buffer.from(test.base64, 'base64'))]
  const flows: readonly Json[] = test.flows ?? [test.flow!]
  return flows.map((flow) => (isJsonObject(flow) ? { ...flow, mode } : JSON.stringify(flow)))
}

/** How an execution failed, or the error itself where it is none that says so. */
function failureOf(error: unknown): { status: string; error: Json } | Error {
  const failed = error as { error?: ErrorDocument; executionStatus?: string }
  if (typeof failed.executionStatus === 'string' && failed.error)
    return { status: failed.executionStatus, error: failed.error as unknown as Json }
  return error instanceof Error ? error : new Error(String(error))
}

function diagnosticsOf(error: unknown): readonly Diagnostic[] | undefined {
  const { code, diagnostics } = error as { code?: unknown; diagnostics?: unknown }
  return code === 'flow-invalid' && Array.isArray(diagnostics) ? diagnostics : undefined
}

/** It is interrupted again and again: how long it takes says nothing. */
function isInterrupted({ rebuild, labs }: RunOptions): boolean {
  return rebuild || (labs !== undefined && labs.kills !== null)
}

/** Waits longer than the case allows only where that is not held against it. */
function boundSeconds(expect: Expectation, isInterrupted: boolean): number {
  const all = [expect, ...(expect.oneOf ?? [])]
  const most = Math.max(...all.map(({ maxSeconds }) => maxSeconds ?? Infinity))
  const least = Math.max(...all.map(({ minSeconds }) => minSeconds ?? 0))
  if (isInterrupted || most === Infinity) return Math.max(DEFAULT_BOUND_SECONDS, 2 * least + 60, most === Infinity ? 0 : 4 * most)
  return most + 2
}

const nodeNames = (expect: Expectation): string[] => [expect, ...(expect.oneOf ?? [])].flatMap(({ nodes }) => Object.keys(nodes ?? {}))

/** The records of the nodes that a case names, inside loops too. */
async function records(engine: Engine, execution: string, names: readonly string[]): Promise<Map<string, NodeRecord>> {
  const found = new Map<string, NodeRecord>()
  if (names.length === 0) return found
  const add = (list: readonly NodeRecord[]): void => {
    for (const record of list) {
      found.set(record.place, record)
      if (!found.has(record.id)) found.set(record.id, record)
    }
  }
  const outer = await engine.nodes(execution)
  add(outer)
  for (const record of outer) {
    if (record.type === 'loop' && names.some((name) => !found.has(name))) add(await engine.nodes(execution, { iterations: record.place }))
  }
  return found
}

/** Answers callbacks, children's too, as the case says. */
class Answering {
  engine: Engine | undefined
  readonly problems: string[] = []
  readonly #answer: Answer | undefined

  constructor(answer: Answer | undefined) {
    this.#answer = answer
  }

  take({ token, node }: CallbackInfo): void {
    const answer = this.#answer
    if (answer === undefined || answer === 'never') return
    // Not within the engine's own turn: an answer comes from outside.
    setImmediate(() => {
      const result =
        'succeed' in answer ? { status: 'succeeded' as const, output: answer.succeed } : { status: 'failed' as const, error: answer.fail }
      this.engine?.callback(token, result).catch((error: unknown) => {
        // An engine that was rebuilt asks again for what was answered already.
        if ((error as { code?: unknown }).code !== 'callback-already-used')
          this.problems.push(`the callback of ${node} was not taken: ${text(error)}`)
      })
    })
  }
}

const text = (error: unknown): string => (error instanceof Error ? `${error.name}: ${error.message}` : show(error))
