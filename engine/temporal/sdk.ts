import type { DefaultLogger } from '@temporalio/worker'
import { messageOf } from './temporal-errors.ts'

let installed = false

/** The worker's SDK, with a runtime that leaves signals and the terminal alone; an embedder's own runtime stays. */
export async function workerSdk(): Promise<typeof import('@temporalio/worker')> {
  const module = await import('@temporalio/worker')
  if (!installed) {
    installed = true
    try {
      module.Runtime.install({
        logger: quietLogger(module.DefaultLogger),
        shutdownSignals: [],
        // the core writes to the terminal itself; forwarded, its lines would make each of the SDK's cost a call into it
        telemetryOptions: {
          logging: { filter: module.makeTelemetryFilterString({ core: isDebugged() ? 'WARN' : 'ERROR', other: 'ERROR' }) },
        },
      })
    } catch {
      // there is one
    }
  }
  return module
}

/** Warnings of the SDK's as warnings of the process; the rest is told by what the calls come to. */
function quietLogger(Logger: typeof DefaultLogger): DefaultLogger {
  return new Logger('WARN', ({ level, message, meta }) => {
    if (level === 'ERROR' || isDebugged())
      process.emitWarning(`${message}${meta === undefined ? '' : ` ${describe(meta)}`}`, 'FnflowTemporalWarning')
  })
}

function isDebugged(): boolean {
  return process.env['FNFLOW_DEBUG'] !== undefined
}

function describe(meta: Record<string | symbol, unknown>): string {
  const { error, workflowId, workflowType, activityType } = meta as Record<string, unknown>
  const parts = Object.entries({ workflowId, workflowType, activityType }).flatMap(([key, value]) =>
    value ? [`${key}=${String(value)}`] : [],
  )
  if (error !== undefined) parts.push(messageOf(error))
  return parts.join(' ')
}
