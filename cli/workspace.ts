import { existsSync, readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { CheckOptions } from '../dsl/check.ts'
import type { LoadedFlow } from '../dsl/load.ts'
import type { FlowMode, PlanNode } from '../dsl/plan.ts'
import type { FunctionSpec } from '../engine/functions-file.ts'
import { CommandError, usageError } from './command-error.ts'
import { diagnosticLine, diagnosticsWithFrames, isError, type FileDiagnostic } from './diagnostics.ts'
import { EXIT } from './exit-codes.ts'
import { flowFilesIn, functionsFileBeside, loadInMode, readFlowFile, type FlowFile } from './flow-files.ts'
import { isTerminal, onStderr, say } from './output.ts'
import { cannotRead, isFolder } from './paths.ts'
import { visible } from './visible.ts'

/** The functions that a command takes without being told. */
export const FUNCTIONS_FILE = 'functions.yaml'

/** Event channels that the command line gives every flow; `log` writes events to stderr. */
export const CHANNELS = { log: { kind: 'log' } } as const

/** The functions of a functions.yaml. Throws CommandError (exit code 2) with all diagnostics. */
export async function readFunctions(file: string): Promise<Record<string, FunctionSpec>> {
  const { loadFunctions, FunctionsFileError } = await import('../engine/functions-file.ts')
  try {
    return await loadFunctions(file)
  } catch (error) {
    if (!(error instanceof FunctionsFileError)) throw cannotRead(file, 'functions file', error)
    const diagnostics = error.diagnostics.map((d): FileDiagnostic => ({ ...d, file }) as FileDiagnostic)
    await tellDiagnostics(diagnostics, new Map())
    throw new CommandError(
      { status: 400, errorType: 'FunctionsFileInvalid', errorMessage: error.message, diagnostics },
      EXIT.usage,
      diagnostics.length > 0,
    )
  }
}

/** The functions of `given`, or of the functions.yaml beside the flow; none if there is none. */
export async function functionsFor(flowFile: string, given: string | undefined): Promise<Record<string, FunctionSpec>> {
  const file = given ?? functionsFileBeside(flowFile)
  if (!existsSync(file)) {
    if (given === undefined) return {}
    throw cannotRead(file, 'functions file', { code: 'ENOENT' })
  }
  return readFunctions(file)
}

/** Those of the files that are named; else of the functions.yaml of this folder, if there is one. Throws CommandError (exit code 2). */
export async function functionsHere(named: string | readonly string[] | undefined): Promise<Record<string, FunctionSpec>> {
  if (named === undefined && !existsSync(FUNCTIONS_FILE)) return {}
  const all: Record<string, FunctionSpec> = {}
  for (const file of [named ?? FUNCTIONS_FILE].flat()) {
    if (!existsSync(file)) throw cannotRead(file, 'functions file', { code: 'ENOENT' })
    for (const [name, spec] of Object.entries(await readFunctions(file))) {
      if (Object.hasOwn(all, name)) throw usageError(`${file}: another functions file has a function ${name}, too; rename one`)
      all[name] = spec
    }
  }
  return all
}

/** A line of a function's log, on stderr. */
export function tellLog({ text, execution, node }: { readonly text: string; readonly execution?: string; readonly node?: string }): void {
  const from = [execution, node].filter(Boolean).join(' ')
  say(onStderr('dim', `${from === '' ? '' : `[${from}] `}${visible(text)}`))
}

/** What a check knows around a flow: functions, flows by name, channels. */
export function registryOf(
  functions: Record<string, FunctionSpec>,
  flows: Iterable<string | undefined>,
): NonNullable<CheckOptions['registry']> {
  const names = new Set(Object.values(functions).map(({ app, name }) => `${app}/${name}`))
  const flowNames = new Set(flows)
  const withoutQualifier = (ref: string): string => ref.replace(/:.*$/s, '')
  return {
    hasFunction: (ref) => names.has(ref.includes('/') ? withoutQualifier(ref) : `default/${withoutQualifier(ref)}`),
    hasFlow: (name) => flowNames.has(withoutQualifier(name)),
    hasChannel: (name) => Object.hasOwn(CHANNELS, name),
  }
}

/** What `run` needs: the flow, and the others that may be called. */
export interface Workspace {
  readonly main: LoadedFlow & Required<Pick<LoadedFlow, 'plan' | 'definition'>>
  readonly others: readonly (LoadedFlow & Required<Pick<LoadedFlow, 'plan' | 'definition'>>)[]
  readonly functions: Record<string, FunctionSpec>
}

/**
 * Loads a flow, its functions, and the flows around it; warnings go to stderr.
 * Throws CommandError (exit code 2): missing files, and definitions that are invalid and needed, after printing all their diagnostics.
 */
export async function loadWorkspace(options: {
  readonly flow: string
  readonly functions: string | undefined
  readonly flows: string | undefined
  readonly mode: FlowMode | undefined
}): Promise<Workspace> {
  if (isFolder(options.flow)) throw namesFolder(options.flow)
  const mainFile = readFlowFile(options.flow)
  const folder = options.flows ?? dirname(options.flow)
  if (!isFolder(folder)) throw usageError(`no folder ${folder}; --flows names the folder with the flows that are called as subflows`)
  const otherFiles = flowFilesIn(folder, { except: options.flow })
  const functions = await functionsFor(options.flow, options.functions)
  const registry = registryOf(
    functions,
    [mainFile, ...otherFiles].map(({ name }) => name),
  )

  const main = await loadInMode(mainFile.bytes, options.mode, { registry })
  await tellDiagnostics(
    main.diagnostics.map((d) => ({ ...d, file: mainFile.file })),
    new Map([[mainFile.file, Buffer.from(mainFile.bytes).toString()]]),
  )
  if (!isValid(main)) throw invalid(mainFile, main)

  const taken = new Map([[main.plan.flow, mainFile.file]])
  const others: Workspace['others'][number][] = []
  const broken = new Map<string, { file: FlowFile; loaded: LoadedFlow }>()
  for (const file of otherFiles) {
    const loaded = await loadInMode(file.bytes, undefined, { registry })
    const name = loaded.plan?.flow ?? file.name ?? file.file
    if (!isValid(loaded)) {
      if (!taken.has(name)) broken.set(name, { file, loaded })
    } else if (taken.has(name)) {
      warn(`${file.file} is left out: ${taken.get(name)} is a flow named ${name}, too`)
    } else {
      taken.set(name, file.file)
      others.push(loaded)
    }
  }
  const needed = calledFrom(main.plan.nodes, new Map(others.map(({ plan }) => [plan.flow, plan.nodes])))
  for (const [name, { file, loaded }] of broken) {
    const diagnostics = loaded.diagnostics.map((d): FileDiagnostic => ({ ...d, file: file.file }))
    if (needed.has(name)) {
      await tellDiagnostics(diagnostics, new Map([[file.file, Buffer.from(file.bytes).toString()]]))
      throw invalid(file, loaded)
    }
    const first = diagnostics.find(isError)
    if (first !== undefined) warn(`${diagnosticLine(first)} (the flow is left out)`)
  }
  return { main, others, functions }
}

/** Prints diagnostics on stderr, on a terminal with their lines of the source. */
export async function tellDiagnostics(diagnostics: readonly FileDiagnostic[], sources: ReadonlyMap<string, string>): Promise<void> {
  if (diagnostics.length === 0) return
  if (isTerminal(process.stderr)) say(await diagnosticsWithFrames(diagnostics, sources, onStderr))
  else say(diagnostics.map(diagnosticLine).join('\n'))
}

/** Says what does not keep a command from running. */
export function warn(message: string, tell = say): void {
  tell(`${onStderr('yellow', 'warning:')} ${visible(message)}`)
}

function isValid(loaded: LoadedFlow): loaded is Workspace['main'] {
  return loaded.plan !== undefined && !loaded.diagnostics.some(isError)
}

function invalid({ file, name }: FlowFile, { diagnostics }: LoadedFlow): CommandError {
  const errors = diagnostics.filter(isError).length
  return new CommandError(
    {
      status: 422,
      errorType: 'FlowInvalid',
      errorMessage: `flow ${name ?? ''}${name === undefined ? '' : ' '}in ${file} is invalid: ${errors} error${errors === 1 ? '' : 's'}`,
      diagnostics: diagnostics.map((d) => ({ ...d, file })),
    },
    EXIT.usage,
  )
}

/** The names of the flows that may be called, directly or by others. */
function calledFrom(
  nodes: Readonly<Record<string, PlanNode>>,
  flows: ReadonlyMap<string, Readonly<Record<string, PlanNode>>>,
): Set<string> {
  const called = new Set<string>()
  const queue = [nodes]
  for (let at = 0; at < queue.length; at++) {
    for (const node of Object.values(queue[at] ?? {})) {
      if (node.type !== 'subflow') continue
      const name = node.flow.replace(/:.*$/s, '')
      if (called.has(name)) continue
      called.add(name)
      const child = flows.get(name)
      if (child !== undefined) queue.push(child)
    }
  }
  return called
}

function namesFolder(folder: string): CommandError {
  const files = readdirSync(folder).filter((name) => /^flow.*\.(?:ya?ml|json)$/.test(name))
  return usageError(
    `${folder} is a folder; name a flow file in it${files[0] === undefined ? '' : `, such as ${folder.replace(/\/$/, '')}/${files[0]}`}`,
  )
}
