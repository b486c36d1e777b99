import { ApiError, type Client } from '../../client/index.ts'
import type { Diagnostic } from '../../dsl/diagnostics.ts'
import { CommandError, usageError } from '../command-error.ts'
import { confirmed } from '../confirm.ts'
import {
  changeOfFunction,
  packFunctions,
  putFunction,
  type FunctionChange,
  type LeftFunction,
  type NamedFunction,
} from '../deploy-functions.ts'
import { isError, type FileDiagnostic } from '../diagnostics.ts'
import { EXIT } from '../exit-codes.ts'
import { flowFilesIn, functionFilesIn, isFunctionsFile, readFlowFile } from '../flow-files.ts'
import { lineDiff, type DiffLine } from '../line-diff.ts'
import { onStdout, print, say } from '../output.ts'
import { isFolder } from '../paths.ts'
import { remotely, type RemoteFlags } from '../remote.ts'
import { visible } from '../visible.ts'
import { tellDiagnostics } from '../workspace.ts'

export interface DeployOptions extends RemoteFlags {
  readonly dryRun?: boolean
  readonly yes?: boolean
}

/** A flow of a file, beside what the server has. */
interface Change {
  readonly flow: string
  readonly file: string
  readonly text: string
  readonly change: 'new' | 'changed' | 'same'
  /** Of what the server has. */
  readonly etag: string | undefined
  readonly before: string
}

const JSON_TYPE = 'application/json'
const YAML_TYPE = 'application/yaml'

/** What was done, or would be. */
interface Done {
  readonly flows: { readonly flow: string; readonly file: string; readonly change: string; readonly revision?: string }[]
  readonly functions: { readonly function: string; readonly file: string; readonly change: string; readonly codeHash?: string }[]
}

/**
 * `fnflow deploy`: puts the flows of a folder on a server, and the functions of its functions.yaml with their code, after it has shown what that would
 * change; what was shown is what is replaced. Resolves to the exit code; throws CommandError: an invalid definition (2), one that somebody else has
 * changed meanwhile (2), and as every client command.
 */
export async function deploy(path: string, options: DeployOptions): Promise<number> {
  const { flows, functionFiles } = filesOf(path)
  return remotely(options, async (client, signal) => {
    const { packed, left } = await check(client, flows, functionFiles, signal)
    const functions: FunctionChange[] = []
    const notes: LeftFunction[] = [...left]
    for (const one of packed) {
      const change = await changeOfFunction(client, one, signal)
      if ('why' in change) notes.push(change)
      else functions.push(change)
    }
    const changes: Change[] = []
    for (const file of flows) changes.push(await changeOf(client, file, signal))
    const wanted = [changes, functions].map(
      (all: readonly { readonly change: string }[]) => all.filter(({ change }) => change !== 'same').length,
    )
    const what = amount(wanted as [number, number])
    const isNothing = wanted.every((count) => count === 0)
    if (options.json !== true) await print([...notes.map(noteText), ...functions.map(functionText), ...changes.map(changeText)].join('\n'))
    let done: Done
    if (options.dryRun === true || isNothing) {
      done = {
        flows: changes.map(({ flow, file, change }) => ({ flow, file, change })),
        functions: functions.map(({ name, file, change }) => ({ function: name, file, change })),
      }
    } else {
      if (options.yes !== true && options.json !== true && !(await confirmed(`Deploy ${what}?`, signal))) {
        say('nothing was deployed')
        return EXIT.ok
      }
      done = await putAll(client, changes, functions, signal)
    }
    if (options.json === true) await print(JSON.stringify(functionFiles.length === 0 ? { flows: done.flows } : done))
    else say(isNothing ? 'nothing to deploy' : `${options.dryRun === true ? 'to deploy:' : 'deployed'} ${what}`)
    return EXIT.ok
  })
}

/** Functions first: flows call them. */
async function putAll(
  client: Client,
  changes: readonly Change[],
  functions: readonly FunctionChange[],
  signal: AbortSignal,
): Promise<Done> {
  const done: Done = { flows: [], functions: [] }
  for (const one of functions) {
    const { name, file, change } = one
    done.functions.push({
      function: name,
      file,
      change,
      ...(change === 'same' ? {} : { codeHash: await putFunction(client, one, signal) }),
    })
  }
  for (const one of changes) {
    const { flow, file, change } = one
    done.flows.push({ flow, file, change, ...(change === 'same' ? {} : { revision: await put(client, one, signal) }) })
  }
  return done
}

interface NamedFile {
  readonly file: string
  readonly flow: string
  readonly text: string
}

function filesOf(path: string): { readonly flows: NamedFile[]; readonly functionFiles: string[] } {
  if (isFunctionsFile(path) && !isFolder(path)) return { flows: [], functionFiles: [path] }
  const found = isFolder(path) ? flowFilesIn(path, { recursive: true }) : [readFlowFile(path)]
  const functionFiles = isFolder(path) ? functionFilesIn(path) : []
  if (found.length + functionFiles.length === 0)
    throw usageError(`no flow file in the folder ${path}; flow files are *.yaml, *.yml and *.json with the keys flow and nodes`)
  const byName = new Map<string, string>()
  const flows = found.map(({ file, name, bytes }) => {
    if (name === undefined) throw usageError(`${file}: it has no name; write flow: name at its top`)
    const other = byName.get(name)
    if (other !== undefined) throw usageError(`flow ${name} is in ${other} and in ${file}; only one of them can be deployed`)
    byName.set(name, file)
    return { file, flow: name, text: Buffer.from(bytes).toString() }
  })
  return { flows, functionFiles }
}

/** Tells what is wrong. Throws CommandError where a file has errors: then nothing is deployed. */
async function check(
  client: Client,
  flows: readonly NamedFile[],
  functionFiles: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly packed: readonly NamedFunction[]; readonly left: readonly LeftFunction[] }> {
  const diagnostics: FileDiagnostic[] = []
  const functions = await packFunctions(functionFiles, diagnostics)
  for (const { file, text } of flows) {
    const answer = await client.call('validateFlow', { body: text, headers: typeOf(file), signal })
    for (const one of answer.diagnostics as readonly Diagnostic[]) {
      // those will be there
      const isComing = functions.packed.some(({ name }) => one.rule === 'unknown-function' && one.message.includes(`"${name}:`))
      if (!isComing) diagnostics.push({ ...one, file })
    }
  }
  if (diagnostics.length > 0) await tellDiagnostics(diagnostics, new Map(flows.map(({ file, text }) => [file, text])))
  if (!diagnostics.some(isError)) return functions
  const count = diagnostics.filter(isError).length
  const errorMessage = `nothing was deployed: ${count} error${count === 1 ? '' : 's'} in the definitions`
  throw new CommandError({ status: 422, errorType: 'flow-invalid', errorMessage, diagnostics }, EXIT.usage)
}

async function changeOf(client: Client, { file, flow, text }: NamedFile, signal: AbortSignal): Promise<Change> {
  const accept = isJson(file) ? JSON_TYPE : YAML_TYPE
  try {
    const { body, headers } = await client.request('getFlow', { path: { name: flow }, headers: { accept }, signal })
    const before = isJson(file) ? indented(body) : String(body)
    const after = isJson(file) ? indented(JSON.parse(text)) : text
    return { flow, file, text, change: before === after ? 'same' : 'changed', etag: headers.get('etag') ?? undefined, before }
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 'flow-not-found')) throw error
    return { flow, file, text, change: 'new', etag: undefined, before: '' }
  }
}

/** Resolves to the revision. */
async function put(client: Client, { flow, file, text, etag }: Change, signal: AbortSignal): Promise<string> {
  const condition = etag === undefined ? { 'if-none-match': '*' } : { 'if-match': etag }
  try {
    const answer = await client.call('putFlow', { path: { name: flow }, body: text, headers: { ...typeOf(file), ...condition }, signal })
    return answer.revision
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 'precondition-failed')) throw error
    const errorMessage = `flow ${flow} was changed by somebody else meanwhile; deploy again to see how`
    throw new CommandError({ status: 412, errorType: error.code, errorMessage }, EXIT.usage)
  }
}

function changeText({ flow, file, text, change, before }: Change): string {
  return withLines(flow, file, change, () => lineDiff(before, isJson(file) ? indented(JSON.parse(text)) : text))
}

function functionText({ name, file, change, before, after }: FunctionChange): string {
  return withLines(`function ${name}`, file, change, () => lineDiff(before, after))
}

function noteText({ name, file, why }: LeftFunction): string {
  return onStdout('dim', visible(`! function ${name}  not deployed  ${file}: ${why}`))
}

function withLines(what: string, file: string, change: Change['change'], lines: () => readonly DiffLine[]): string {
  const sign = { new: '+', changed: '~', same: '=' }[change]
  const style = { new: 'green', changed: 'yellow', same: 'dim' } as const
  const head = onStdout(style[change], visible(`${sign} ${what}  ${change}  ${file}`))
  return change === 'changed' ? [head, ...lines().map(lineText)].join('\n') : head
}

function lineText({ sign, text }: DiffLine): string {
  const line = visible(`  ${sign} ${text}`).trimEnd()
  return sign === '+' ? onStdout('green', line) : sign === '-' ? onStdout('red', line) : onStdout('dim', line)
}

function indented(value: unknown): string {
  return JSON.stringify(value, null, 2)
}

function isJson(file: string): boolean {
  return file.endsWith('.json')
}

function typeOf(file: string): { readonly 'content-type': string } {
  return { 'content-type': isJson(file) ? JSON_TYPE : YAML_TYPE }
}

function amount([flows, functions]: readonly [number, number]): string {
  const parts = [functions === 0 ? '' : countOf(functions, 'function'), flows === 0 && functions > 0 ? '' : countOf(flows, 'flow')]
  return parts.filter((part) => part !== '').join(' and ')
}

function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
