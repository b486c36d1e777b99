import type { ErrorDocument } from '../../dsl/errors.ts'
import type { Json } from '../../dsl/json.ts'
import type { FlowMode } from '../../dsl/plan.ts'
import type { Engine, EngineOptions } from '../../engine/api.ts'
import { callbackHandler, checkCallbacks, parseCallbacks } from '../callbacks.ts'
import { refuseClusterFlags, type ClusterFlags } from '../cluster.ts'
import { ClusterWatch } from '../cluster-watch.ts'
import { CommandError } from '../command-error.ts'
import { documentOf } from '../engine-errors.ts'
import { EXIT } from '../exit-codes.ts'
import { functionsFileBeside } from '../flow-files.ts'
import { readInput } from '../input.ts'
import { watchInterrupts } from '../interrupt.ts'
import { onStderr, print } from '../output.ts'
import { finishLeft, isAborted } from '../recovery.ts'
import { localPlace, temporalPlace, type RunPlace } from '../run-place.ts'
import { Session, StopNotTaken } from '../session.ts'
import { visible, visibleJson } from '../visible.ts'
import { tellWarnings } from '../warnings.ts'
import { CHANNELS, loadWorkspace, warn, type Workspace } from '../workspace.ts'

export interface RunOptions extends ClusterFlags {
  readonly input?: string
  readonly functions?: string
  readonly engine?: 'embedded' | 'express' | 'temporal'
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
  const mode = modeOf(options)
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

  const place =
    options.engine === 'temporal'
      ? await temporalPlace(options, options.functions ?? functionsFileBeside(flowFile), workspace.functions)
      : localPlace(options.store, plan.mode === 'standard')
  const interrupts = watchInterrupts(() => place.remove())
  const session = new Session(interrupts)
  let error: ErrorDocument | undefined
  let output: Json = null
  let watch: ClusterWatch | undefined
  try {
    const tell = (text: string): void => session.tell(text)
    const onCallback = callbackHandler(answers, () => session.engine, tell, place.keeps)
    if (place.cluster !== undefined) tellWarnings(tell, (message) => session.giveUp(workerStopped(message)))
    const engine = (session.engine = await openEngine(workspace, place, {
      onCallback,
      onLog: ({ text, node, requestId }) =>
        tell(onStderr('dim', `${node === undefined ? '' : `[${node}${requestId === '' ? '' : ` ${requestId}`}] `}${visible(text)}`)),
    }))
    if (place.cluster !== undefined) watch = new ClusterWatch(engine, { tell, callback: onCallback })
    const left = await place.left(engine)
    for (const { id, flow } of left) watch?.add(id, flow, true)
    await finishLeft(engine, left, place.where, tell, AbortSignal.any([interrupts.signal, session.signal]))
    await deployAll(engine, workspace)
    if (interrupts.interrupted) return interruptedBeforeStart(place)
    output = await session.execute({
      flow: plan.flow,
      mode: plan.mode,
      input,
      trace: options.trace === true,
      ...(place.id === undefined ? {} : { id: place.id }),
      ...(watch === undefined ? {} : { watch, onCallback }),
    })
  } catch (caught) {
    const thrown: unknown = isAborted(caught) && session.signal.aborted ? session.signal.reason : caught
    if (isAborted(thrown) && interrupts.interrupted) return interruptedBeforeStart(place)
    if (thrown instanceof StopNotTaken) error = { status: 499, errorType: 'Cancelled', errorMessage: thrown.message }
    else error = await documentOf(thrown)
  } finally {
    watch?.stop()
    session.progress?.end()
    await session.engine?.close()
    interrupts.release()
    place.remove()
    await place.sweep()
  }
  if (error !== undefined) throw new CommandError(error, interrupts.interrupted ? EXIT.interrupted : EXIT.failed)
  if (!process.stdout.isTTY) await print(JSON.stringify(output))
  else await print(visibleJson(options.json === true ? JSON.stringify(output) : JSON.stringify(output, null, 2)))
  return EXIT.ok
}

function interruptedBeforeStart({ where }: RunPlace): never {
  const errorMessage = `interrupted; what was left ${where} stays there and goes on with the next run`
  throw new CommandError({ status: 499, errorType: 'Cancelled', errorMessage }, EXIT.interrupted)
}

function workerStopped(message: string): CommandError {
  const errorMessage = `${message}; the execution is safe with Temporal, and goes on when the command is run again`
  return new CommandError({ status: 503, errorType: 'temporal-unavailable', errorMessage }, EXIT.unreachable)
}

/** The mode that `--engine` asks for. Throws CommandError (exit code 2) for options of another engine. */
function modeOf(options: RunOptions): FlowMode | undefined {
  const { engine } = options
  if (engine === 'temporal') return 'standard'
  refuseClusterFlags(options)
  if (engine === undefined) return undefined
  return engine === 'express' ? 'express' : 'standard'
}

async function openEngine(
  workspace: Workspace,
  { options }: RunPlace,
  listeners: Pick<EngineOptions, 'onCallback' | 'onLog'>,
): Promise<Engine> {
  const { createEngine } = await import('../../engine/create-engine.ts')
  return createEngine({ functions: workspace.functions, channels: CHANNELS, triggers: false, ...options, ...listeners })
}

async function deployAll(engine: Engine, { main, others }: Workspace): Promise<void> {
  for (const { definition } of others) await engine.deploy(definition)
  await engine.deploy(main.definition)
}
