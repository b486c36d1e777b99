/** The functions of functions.yaml on their way to a server: packed, compared with what it has, and put. */
import { ApiError, type Client } from '../client/index.ts'
import type { PackedFile, PackedFunction } from '../engine/function-uploads/pack.ts'
import { CommandError, usageError } from './command-error.ts'
import type { FileDiagnostic } from './diagnostics.ts'
import { EXIT } from './exit-codes.ts'

/** A function of a file, packed. */
export interface NamedFunction extends PackedFunction {
  readonly file: string
}

/** A function that the server is not given, and why. */
export interface LeftFunction {
  readonly name: string
  readonly file: string
  readonly why: string
}

export interface FunctionChange extends NamedFunction {
  readonly change: 'new' | 'changed' | 'same'
  /** What the server shows, and what it will show. */
  readonly before: string
  readonly after: string
  /** ETag of what the server has. */
  readonly found: string | undefined
}

const MODULE = 'runtime module runs in the server’s own process; the server’s functions.yaml has to name it'

/**
 * Reads and packs the functions of functions.yaml files. What is wrong with them is added to `diagnostics`. Throws CommandError (exit code 2) where two
 * have one name.
 */
export async function packFunctions(
  files: readonly string[],
  diagnostics: FileDiagnostic[],
): Promise<{ readonly packed: readonly NamedFunction[]; readonly left: readonly LeftFunction[] }> {
  const packed: NamedFunction[] = []
  const left: LeftFunction[] = []
  const fileOf = new Map<string, string>()
  for (const file of files) {
    const found = await packFile(file)
    for (const one of found.diagnostics) diagnostics.push({ ...one, file })
    packed.push(...found.packed.map((one) => ({ ...one, file })))
    left.push(...found.modules.map((name) => ({ name, file, why: MODULE })))
    for (const name of [...found.packed.map((one) => one.name), ...found.modules]) {
      const other = fileOf.get(name)
      if (other !== undefined) throw usageError(`function ${name} is in ${other} and in ${file}; only one of them can be deployed`)
      fileOf.set(name, file)
    }
  }
  return { packed, left }
}

/** What putting a function would change; or why it is not put: the server has it of itself. */
export async function changeOfFunction(client: Client, one: NamedFunction, signal: AbortSignal): Promise<FunctionChange | LeftFunction> {
  const { name, file, etag } = one
  const after = textOf(one.shown)
  try {
    const { body, headers } = await client.request('getFunction', { path: pathOf(name), signal })
    if (body.codeHash === undefined) return { name, file, why: 'the server has it from a functions.yaml of its own' }
    const found = headers.get('etag') ?? undefined
    return { ...one, found, before: textOf(body), after, change: found === `"${etag}"` ? 'same' : 'changed' }
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 'function-not-found')) throw error
    return { ...one, found: undefined, before: '', after, change: 'new' }
  }
}

/** Resolves to the hash of the code. Throws CommandError (exit code 2) where somebody else has changed it meanwhile. */
export async function putFunction(client: Client, { name, definition, code, found }: FunctionChange, signal: AbortSignal): Promise<string> {
  const condition = found === undefined ? { 'if-none-match': '*' } : { 'if-match': found }
  const body = { ...definition, code: Buffer.from(code).toString('base64') }
  try {
    const answer = await client.call('putFunction', { path: pathOf(name), body, headers: condition, signal })
    return answer.codeHash ?? ''
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 'precondition-failed')) throw error
    const errorMessage = `function ${name} was changed by somebody else meanwhile; deploy again to see how`
    throw new CommandError({ status: 412, errorType: error.code, errorMessage }, EXIT.usage)
  }
}

async function packFile(file: string): Promise<PackedFile> {
  const [{ packFunctionsFile }, { FunctionsFileError }] = await Promise.all([
    import('../engine/function-uploads/pack.ts'),
    import('../engine/functions-file.ts'),
  ])
  try {
    return await packFunctionsFile(file)
  } catch (error) {
    if (!(error instanceof FunctionsFileError)) throw error
    return { packed: [], modules: [], diagnostics: error.diagnostics }
  }
}

function pathOf(name: string): { readonly app: string; readonly name: string } {
  const [app, short] = name.split('/') as [string, string]
  return { app, name: short }
}

function textOf(document: object): string {
  return JSON.stringify(document, null, 2)
}
