import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Diagnostic } from '../../dsl/diagnostics.ts'
import { loadFlow } from '../../dsl/load.ts'
import type { FunctionSpec } from '../../engine/functions-file.ts'
import { usageError } from '../command-error.ts'
import { configuredNames } from '../configured-names.ts'
import { diagnosticLine, diagnosticsWithFrames, isError, type FileDiagnostic } from '../diagnostics.ts'
import { EXIT } from '../exit-codes.ts'
import { flowFilesIn, functionsFileBeside, isFunctionsFile, readFlowFile, type FlowFile } from '../flow-files.ts'
import { isTerminal, onStdout, print, say } from '../output.ts'
import { cannotRead, isFolder } from '../paths.ts'
import { version } from '../version.ts'
import { registryOf } from '../workspace.ts'

export interface ValidateOptions {
  readonly format?: 'text' | 'json' | 'sarif'
  readonly json?: boolean
}

/** `fnflow validate`: all diagnostics of flow files on stdout. Resolves to the exit code: 2 if there are errors. */
export async function validate(paths: readonly string[], options: ValidateOptions): Promise<number> {
  const format = options.json === true ? 'json' : (options.format ?? 'text')
  const { flows, functionFiles } = filesOf(paths)
  const diagnostics: FileDiagnostic[] = []
  const functionsOf = new Map<string, Record<string, FunctionSpec> | undefined>()
  for (const file of functionFiles) await checkFunctions(file, functionsOf, diagnostics)
  const configured = await configuredNames()
  for (const flow of flows) {
    const beside = functionsFileBeside(flow.file)
    if (!functionsOf.has(beside)) await checkFunctions(beside, functionsOf, diagnostics)
    const siblings = flowFilesIn(dirname(flow.file)).map(({ name }) => name)
    const functions = functionsOf.get(beside)
    const { hasChannel: _own, ...around } = registryOf(functions ?? {}, [...siblings, ...flows.map(({ name }) => name)])
    const registry = { ...around, ...configured }
    // a functions file that cannot be read says nothing about what is unknown
    if (functions === undefined) delete registry.hasFunction
    const loaded = await loadFlow(flow.bytes, { registry })
    for (const diagnostic of loaded.diagnostics) diagnostics.push({ ...diagnostic, file: flow.file })
  }

  const errors = diagnostics.filter(isError).length
  const checked = [...flows.map(({ file }) => file), ...functionFiles]
  if (format === 'json') await print(JSON.stringify({ valid: errors === 0, files: checked, diagnostics }))
  else if (format === 'sarif') await print((await import('../sarif.ts')).sarif(checked, diagnostics, version()))
  else {
    const sources = new Map(flows.map(({ file, bytes }) => [file, Buffer.from(bytes).toString()]))
    if (diagnostics.length > 0) {
      await print(
        isTerminal(process.stdout)
          ? await diagnosticsWithFrames(diagnostics, sources, onStdout)
          : diagnostics.map(diagnosticLine).join('\n'),
      )
    }
    say(summary(errors, diagnostics.length - errors, checked.length))
  }
  return errors === 0 ? EXIT.ok : EXIT.usage
}

function filesOf(paths: readonly string[]): { flows: FlowFile[]; functionFiles: string[] } {
  const flows = new Map<string, FlowFile>()
  const functionFiles = new Set<string>()
  for (const path of paths) {
    if (isFolder(path)) {
      const found = flowFilesIn(path, { recursive: true })
      if (found.length === 0)
        throw usageError(`no flow file in the folder ${path}; flow files are *.yaml, *.yml and *.json with the keys flow and nodes`)
      for (const file of found) flows.set(file.file, file)
    } else if (!existsSync(path)) throw cannotRead(path, 'flow file', { code: 'ENOENT' })
    else if (isFunctionsFile(path)) functionFiles.add(path)
    else flows.set(path, readFlowFile(path))
  }
  return { flows: [...flows.values()], functionFiles: [...functionFiles] }
}

/** Reads a functions.yaml; what is wrong with it is reported once. A file that is not there has no functions. */
async function checkFunctions(
  file: string,
  known: Map<string, Record<string, FunctionSpec> | undefined>,
  diagnostics: FileDiagnostic[],
): Promise<void> {
  if (!existsSync(file)) {
    known.set(file, {})
    return
  }
  const { loadFunctions, FunctionsFileError } = await import('../../engine/functions-file.ts')
  try {
    known.set(file, await loadFunctions(file))
  } catch (error) {
    if (!(error instanceof FunctionsFileError)) throw cannotRead(file, 'functions file', error)
    known.set(file, undefined)
    for (const diagnostic of error.diagnostics) diagnostics.push({ ...(diagnostic as Diagnostic), file })
  }
}

function summary(errors: number, warnings: number, files: number): string {
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`
  return `${count(errors, 'error')}, ${count(warnings, 'warning')} in ${count(files, 'file')}`
}
