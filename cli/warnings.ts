import { warn } from './workspace.ts'

/** What an engine's worker says when it has stopped of itself (engine/temporal/worker.ts). */
const STOPPED = /^the worker has stopped: /

/**
 * From now on the process's warnings are lines of the command's own. `stopped` is called when the worker in this process has ended of itself,
 * which is told by a warning: nobody else would notice.
 */
export function tellWarnings(tell: (text: string) => void, stopped: (message: string) => void): void {
  // Node's own listener prints them
  process.removeAllListeners('warning')
  process.on('warning', ({ name, message }) => {
    if (name === 'FnflowTemporalWarning' && STOPPED.test(message)) return stopped(message)
    warn(name.startsWith('Fnflow') ? message : `${name}: ${message}`, tell)
  })
}
