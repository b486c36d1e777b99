import { fileURLToPath } from 'node:url'
import type { ErrorDocument } from '../../dsl/errors.ts'
import { isJsonObject, type Json } from '../../dsl/json.ts'
import type { FunctionSpec } from '../contract.ts'
import { failure } from '../error-documents.ts'
import { findProgram, type Command } from '../launch.ts'
import type { InstanceLimits } from '../limits.ts'
import { ProcessExecutor, type ProcessRuntime } from '../process-executor.ts'

const SHIM = fileURLToPath(new URL('./shim.py', import.meta.url))
const ROOT = fileURLToPath(new URL('.', import.meta.url)).replace(/[/\\]$/, '')

/** Functions of runtime `python`, in processes of `program` (default `python3`, from PATH; Python 3.8 or later). */
export function createPythonExecutor(limits: InstanceLimits, program = 'python3'): ProcessExecutor {
  // What `python3` on the PATH led to: with version managers that is a script which takes longer than Python's own start,
  // and whose choice may depend on the folder.
  const resolved = new Map<string, string>()
  const runtime: ProcessRuntime = {
    name: 'python',
    root: ROOT,
    command(spec: FunctionSpec): Command | ErrorDocument {
      const file = resolved.get(spec.code ?? '') ?? findProgram(program)
      if (file === undefined) {
        return failure(
          445,
          `${program} was not found on the PATH: functions of runtime python need Python 3.8 or later; install it (apt install python3, brew install python, or https://www.python.org/downloads/)`,
        )
      }
      return { file, args: [SHIM] }
    },
    ready(code: string, info: Json) {
      if (isJsonObject(info) && typeof info['program'] === 'string' && info['program'] !== '') resolved.set(code, info['program'])
    },
  }
  return new ProcessExecutor(runtime, limits)
}
