import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'

/** A program with its arguments. */
export interface Command {
  readonly file: string
  readonly args: readonly string[]
}

let setpriv: string | null | undefined

/**
 * Starts a process in a session and group of its own with pipes on fd 0 to 4 (0 is empty). On Linux it dies with this
 * process, by the kernel's hand: with the *thread* that starts it, so instances are to be started from the main thread.
 *
 * @throws what `spawn` throws at once, as for arguments that are too long
 */
export function launch(command: Command, cwd: string, env: Record<string, string>): ChildProcess {
  const guard = parentDeathGuard()
  const [file, args] =
    guard === null ? [command.file, [...command.args]] : [guard, ['--pdeathsig', 'KILL', '--', command.file, ...command.args]]
  return spawn(file, args, { cwd, env, detached: true, windowsHide: true, stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'] })
}

/** Where `setpriv` is that knows --pdeathsig (busybox's does not), or null. FNFLOW_WATCHDOG=1 does without, for tests. */
function parentDeathGuard(): string | null {
  if (process.platform !== 'linux' || process.env['FNFLOW_WATCHDOG'] === '1') return null
  if (setpriv === undefined) {
    const file = findProgram('setpriv')
    setpriv =
      file !== undefined &&
      spawnSync(file, ['--pdeathsig', 'KILL', '--', file, '--version'], { stdio: 'ignore', timeout: 5000 }).status === 0
        ? file
        : null
  }
  return setpriv
}

/** The absolute path of a program, looked up in this process's PATH; undefined if it is not there. */
export function findProgram(name: string): string | undefined {
  if (isAbsolute(name)) return isProgram(name) ? name : undefined
  const endings = process.platform === 'win32' ? ['.exe', '.cmd', ''] : ['']
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (folder === '') continue
    for (const ending of endings) {
      const file = join(folder, name + ending)
      if (isProgram(file)) return file
    }
  }
  return undefined
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}
