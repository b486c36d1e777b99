import { fileURLToPath } from 'node:url'
import type { ErrorDocument } from '../../dsl/errors.ts'
import type { FunctionSpec } from '../contract.ts'
import { failure } from '../error-documents.ts'
import { findProgram, type Command } from '../launch.ts'
import type { InstanceLimits } from '../limits.ts'
import { ProcessExecutor, type ProcessRuntime } from '../process-executor.ts'

const SHIM = fileURLToPath(new URL('./shim.mjs', import.meta.url))
const ROOT = fileURLToPath(new URL('.', import.meta.url)).replace(/[/\\]$/, '')

/** What Node itself takes besides the heap, and the least heap that anything useful runs in; MB. */
const NODE_OVERHEAD_MB = 48
const LEAST_HEAP_MB = 32

/** Functions of runtime `nodejs`, in processes of `program` (default: the Node.js that runs the engine). */
export function createNodejsExecutor(limits: InstanceLimits, program: string = process.execPath): ProcessExecutor {
  const runtime: ProcessRuntime = {
    name: 'nodejs',
    root: ROOT,
    command(spec: FunctionSpec): Command | ErrorDocument {
      const file = findProgram(program)
      if (file === undefined)
        return failure(445, `${program} was not found: functions of runtime nodejs need Node.js; set the program's path`)
      return {
        file,
        args: [
          // A heap that grows without need would be taken for a leak; one that is full ends as 434, not with the machine's memory.
          `--max-old-space-size=${Math.max(LEAST_HEAP_MB, spec.memoryMb - NODE_OVERHEAD_MB)}`,
          // Remarks on how the code was loaded are no business of the function's log.
          '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON',
          '--disable-warning=ExperimentalWarning',
          SHIM,
        ],
      }
    },
  }
  return new ProcessExecutor(runtime, limits)
}
