import { ApiError, type Client } from '../../client/index.ts'
import type { Diagnostic } from '../../dsl/diagnostics.ts'
import { CommandError, usageError } from '../command-error.ts'
import { confirmed } from '../confirm.ts'
import { isError, type FileDiagnostic } from '../diagnostics.ts'
import { EXIT } from '../exit-codes.ts'
import { flowFilesIn, readFlowFile } from '../flow-files.ts'
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

/**
 * `fnflow deploy`: puts the flows of a folder on a server, after it has shown what that would change; what was shown is what is replaced. Resolves to
 * the exit code; throws CommandError: an invalid definition (2), one that somebody else has changed meanwhile (2), and as every client command.
 */
export async function deploy(path: string, options: DeployOptions): Promise<number> {
  const files = filesOf(path)
  return remotely(options, async (client, signal) => {
    await check(client, files, signal)
    const changes: Change[] = []
    for (const file of files) changes.push(await changeOf(client, file, signal))
    const wanted = changes.filter(({ change }) => change !== 'same')
    if (options.json !== true) await print(changes.map(changeText).join('\n'))
    const done: { readonly flow: string; readonly file: string; readonly change: string; readonly revision?: string }[] = []
    if (options.dryRun === true || wanted.length === 0) done.push(...changes.map(({ flow, file, change }) => ({ flow, file, change })))
    else {
      if (options.yes !== true && options.json !== true && !(await confirmed(`Deploy ${amount(wanted.length)}?`, signal))) {
        say('nothing was deployed')
        return EXIT.ok
      }
      for (const one of changes) {
        const { flow, file, change } = one
        done.push({ flow, file, change, ...(change === 'same' ? {} : { revision: await put(client, one, signal) }) })
      }
    }
    if (options.json === true) await print(JSON.stringify({ flows: done }))
    else say(wanted.length === 0 ? 'nothing to deploy' : `${options.dryRun === true ? 'to deploy:' : 'deployed'} ${amount(wanted.length)}`)
    return EXIT.ok
  })
}

interface NamedFile {
  readonly file: string
  readonly flow: string
  readonly text: string
}

function filesOf(path: string): NamedFile[] {
  const found = isFolder(path) ? flowFilesIn(path, { recursive: true }) : [readFlowFile(path)]
  if (found.length === 0)
    throw usageError(`no flow file in the folder ${path}; flow files are *.yaml, *.yml and *.json with the keys flow and nodes`)
  const byName = new Map<string, string>()
  return found.map(({ file, name, bytes }) => {
    if (name === undefined) throw usageError(`${file}: it has no name; write flow: name at its top`)
    const other = byName.get(name)
    if (other !== undefined) throw usageError(`flow ${name} is in ${other} and in ${file}; only one of them can be deployed`)
    byName.set(name, file)
    return { file, flow: name, text: Buffer.from(bytes).toString() }
  })
}

/** Tells what the server finds wrong. Throws CommandError where a file has errors: then nothing is deployed. */
async function check(client: Client, files: readonly NamedFile[], signal: AbortSignal): Promise<void> {
  const diagnostics: FileDiagnostic[] = []
  for (const { file, text } of files) {
    const answer = await client.call('validateFlow', { body: text, headers: typeOf(file), signal })
    for (const one of answer.diagnostics) diagnostics.push({ ...(one as Diagnostic), file })
  }
  if (diagnostics.length > 0) await tellDiagnostics(diagnostics, new Map(files.map(({ file, text }) => [file, text])))
  if (!diagnostics.some(isError)) return
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
  const sign = { new: '+', changed: '~', same: '=' }[change]
  const style = { new: 'green', changed: 'yellow', same: 'dim' } as const
  const head = onStdout(style[change], visible(`${sign} ${flow}  ${change}  ${file}`))
  if (change !== 'changed') return head
  const after = isJson(file) ? indented(JSON.parse(text)) : text
  return [head, ...lineDiff(before, after).map(lineText)].join('\n')
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

function amount(flows: number): string {
  return `${flows} flow${flows === 1 ? '' : 's'}`
}
