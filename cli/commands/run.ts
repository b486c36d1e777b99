import type { ErrorDocument } from '../../dsl/errors.ts'
import type { Json } from '../../dsl/json.ts'
import type { FlowMode } from '../../dsl/plan.ts'
import type { Engine, EngineOptions, Execution } from '../../engine/api.ts'
import { callbackHandler, checkCallbacks, parseCallbacks } from '../callbacks.ts'
import { CommandError, usageError } from '../command-error.ts'
import { EXIT } from '../exit-codes.ts'
import { readInput } from '../input.ts'
import { watchInterrupts, type Interrupts } from '../interrupt.ts'
import { onStderr, print, say } from '../output.ts'
import { createProgress, type Progress } from '../progress.ts'
import { finishLeft, isAborted, leftExecutions } from '../recovery.ts'
import { makeTemporaryStore, removeTemporaryStore, sweepTemporaryStores } from '../temporary-store.ts'
import { visible, visibleJson } from '../visible.ts'
import { CHANNELS, loadWorkspace, warn, type Workspace } from '../workspace.ts'

export interface RunOptions {
  readonly input?: string
  readonly functions?: string
  readonly engine?: string
  readonly store?: string
  readonly flows?: string
  readonly callback?: readonly string[]
  readonly trace?: boolean
  readonly json?: boolean
}

/**
 * `fnflow run`: runs a flow here and now. Resolves to the exit code; the output is on stdout.
 * Throws CommandError for what keeps the flow from running, and for its failure.
 */
export async function run(flowFile: string, options: RunOptions): Promise<number> {
  const mode = modeOf(options.engine)
  const answers = parseCallbacks(options.callback ?? [])
  const input = await readInput(options.input)
  const workspace = await loadWorkspace({ flow: flowFile, functions: options.functions, flows: options.flows, mode })
  const { plan } = workspace.main
  try {
    checkCallbacks(answers, [plan, ...workspace.others.map((other) => other.plan)])
  } catch (error) {
    // what lies in a store may have other nodes
    if (options.store === undefined || !(error instanceof CommandError)) throw error
    warn(`${error.message}; it can only answer what was left in the store`)
  }

  const temporary = options.store === undefined && plan.mode === 'standard' ? makeTemporaryStore() : undefined
  const removeTemporary = (): void => {
    if (temporary !== undefined) removeTemporaryStore(temporary)
  }
  const interrupts = watchInterrupts(removeTemporary)
  const session = new Session(interrupts)
  let error: ErrorDocument | undefined
  let output: Json = null
  try {
    const tell = (text: string): void => session.tell(text)
    const engine = await openEngine(workspace, options.store ?? temporary, {
      onCallback: callbackHandler(answers, () => session.engine, tell, options.store !== undefined),
      onLog: ({ text, node, requestId }) =>
        tell(onStderr('dim', `${node === undefined ? '' : `[${node}${requestId === '' ? '' : ` ${requestId}`}] `}${visible(text)}`)),
    })
    session.engine = engine
    if (options.store !== undefined) await finishLeft(engine, await leftExecutions(engine), tell, interrupts.signal)
    await deployAll(engine, workspace)
    if (interrupts.interrupted) return interruptedBeforeStart()
    output = await session.execute(plan.flow, plan.mode, input, options.trace === true)
  } catch (thrown) {
    if (isAborted(thrown) && interrupts.interrupted) return interruptedBeforeStart()
    error = await documentOf(thrown)
  } finally {
    session.progress?.end()
    await session.engine?.close()
    interrupts.release()
    removeTemporary()
    if (temporary !== undefined) await sweepTemporaryStores()
  }
  if (error !== undefined) throw new CommandError(error, interrupts.interrupted ? EXIT.interrupted : EXIT.failed)
  if (!process.stdout.isTTY) await print(JSON.stringify(output))
  else await print(visibleJson(options.json === true ? JSON.stringify(output) : JSON.stringify(output, null, 2)))
  return EXIT.ok
}

function interruptedBeforeStart(): never {
  throw new CommandError(
    {
      status: 499,
      errorType: 'Cancelled',
      errorMessage: 'interrupted; what was left in the store stays there and goes on with the next run',
    },
    EXIT.interrupted,
  )
}

/** The mode that `--engine` asks for. */
function modeOf(engine: string | undefined): FlowMode | undefined {
  if (engine === undefined) return undefined
  if (engine === 'express') return 'express'
  if (engine === 'embedded') return 'standard'
  if (engine === 'temporal') throw usageError('--engine temporal is not there yet; embedded and express are')
  throw usageError(`--engine ${engine}: it is embedded or express`)
}

async function openEngine(
  workspace: Workspace,
  store: string | undefined,
  listeners: Pick<EngineOptions, 'onCallback' | 'onLog'>,
): Promise<Engine> {
  const { createEngine } = await import('../../engine/create-engine.ts')
  return createEngine({ functions: workspace.functions, channels: CHANNELS, ...(store === undefined ? {} : { store }), ...listeners })
}

async function deployAll(engine: Engine, { main, others }: Workspace): Promise<void> {
  for (const { definition } of others) await engine.deploy(definition)
  await engine.deploy(main.definition)
}

/** The engine's refusals become error documents; what the store refuses keeps its own exit code. */
async function documentOf(thrown: unknown): Promise<ErrorDocument> {
  const { EngineError, ExecutionFailed } = await import('../../engine/errors.ts')
  if (thrown instanceof ExecutionFailed) return thrown.error
  if (thrown instanceof EngineError) {
    const document = { status: thrown.status, errorType: thrown.code, errorMessage: thrown.message }
    throw new CommandError(document, thrown.status === 503 ? EXIT.unreachable : EXIT.usage)
  }
  throw thrown
}

/** One execution, followed to its end. */
class Session {
  engine: Engine | undefined
  progress: Progress | undefined
  private readonly interrupts: Interrupts

  constructor(interrupts: Interrupts) {
    this.interrupts = interrupts
  }

  tell(text: string): void {
    if (this.progress === undefined) say(text)
    else this.progress.line(text)
  }

  async execute(flow: string, mode: FlowMode, input: Json, trace: boolean): Promise<Json> {
    const engine = this.engine as Engine
    const progress = (this.progress = await createProgress(`${flow} (${mode})`))
    const execution = await engine.start(flow, { input, ...(mode === 'express' ? { onNode: (node) => progress.node(node) } : {}) })
    const stop = (): void => {
      this.tell('interrupted; stopping the execution (again: end at once)')
      void stopExecution(execution)
    }
    this.interrupts.signal.addEventListener('abort', stop, { once: true })
    if (this.interrupts.interrupted) stop()
    const followed = mode === 'standard' ? follow(engine, execution.id, progress) : Promise.resolve()
    const counting = mode === 'standard' && progress.live ? countLoops(engine, execution.id, progress) : undefined
    try {
      return await execution.result()
    } finally {
      counting?.stop()
      this.interrupts.signal.removeEventListener('abort', stop)
      await followed
      progress.end()
      this.progress = undefined
      if (trace) {
        const { printTrace } = await import('../trace.ts')
        await printTrace(progress.records.values(), mode === 'standard' ? engine : undefined, execution.id)
      }
    }
  }
}

async function stopExecution(execution: Execution): Promise<void> {
  // it may have ended in between
  await execution.stop().catch(() => undefined)
}

/** Milliseconds between two looks at the counts of loops. */
const COUNT_MS = 500

/** Events tell when a loop begins and ends; how far it has come is looked up now and then. */
function countLoops(engine: Engine, id: string, progress: Progress): { stop(): void } {
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const look = async (): Promise<void> => {
    const before = performance.now()
    const loops = [...progress.records.values()].filter(({ type, status }) => type === 'loop' && status === 'running')
    if (loops.length > 0) {
      for (const node of await engine.nodes(id)) {
        // it may have ended in between, which was told by an event
        if (node.type === 'loop' && node.status === 'running' && progress.records.get(node.place)?.status === 'running') progress.node(node)
      }
    }
    // records hold inputs and outputs: large ones are looked up less often
    next(Math.max(COUNT_MS, 20 * (performance.now() - before)))
  }
  const next = (ms: number): void => {
    // what goes wrong here is told by the result, too
    if (!stopped) timer = setTimeout(() => void look().catch(() => undefined), ms)
  }
  next(COUNT_MS)
  return {
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}

/** Shows the nodes of a durable execution until its end. What goes wrong here is told by its result, too. */
async function follow(engine: Engine, id: string, progress: Progress): Promise<void> {
  try {
    for await (const event of engine.events(id)) if (event.type === 'node') progress.node(event.node)
  } catch {
    return
  }
}
