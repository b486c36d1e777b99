/** Small helpers for finding, installing and running what the services need. */
import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { acquireGuardian, guardProcess, releaseGuardian, unguardProcess } from './guardian.ts'

const LONGEST_LINE = 300

export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly uid?: number
  readonly gid?: number
  /** For a long run: it is ended, with all its processes, when this process dies. */
  readonly guarded?: boolean
}

/** Runs a program to its end; a program that can't be started has the code 127, as in a shell. */
export async function run(command: string, args: readonly string[], { guarded, ...options }: RunOptions = {}): Promise<Ended> {
  if (guarded) acquireGuardian()
  let pid: number | undefined
  const ended = await new Promise<Ended>((resolve) => {
    const child = execFile(command, args, { ...options, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) return resolve({ code: 0, stdout, stderr })
      if (typeof error.code === 'number') return resolve({ code: error.code, stdout, stderr })
      resolve({ code: 127, stdout, stderr: stderr || error.message })
    })
    pid = child.pid
    if (guarded && pid !== undefined) guardProcess(pid, 'SIGKILL')
  })
  if (guarded) {
    if (pid !== undefined) unguardProcess(pid)
    await releaseGuardian()
  }
  return ended
}

/** The last line of an output that says something, for a message of one line. */
export function lastLine(output: string): string {
  const line = output.trimEnd().split('\n').at(-1)?.trim() ?? ''
  return line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line
}

/** How long something has taken, for messages. */
export function stopwatch(): () => string {
  const started = performance.now()
  return () => {
    const seconds = (performance.now() - started) / 1000
    return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`
  }
}

/** Where a program is: on the PATH, then in those of the folders where it lives when it is not on the PATH. */
export function findPrograms(name: string, folders: readonly string[] = []): string[] {
  const all = [...(process.env['PATH'] ?? '').split(delimiter), ...folders]
  return [...new Set(all.filter((folder) => folder !== '').map((folder) => join(folder, name)))].filter(isExecutable)
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

export const isRoot = process.getuid?.() === 0

/** Whether packages can be installed here without asking anybody: Debian's tools, as root. */
export function canInstall(): boolean {
  return isRoot && findPrograms('apt-get').length > 0
}

/** Installs a package of Debian's. Returns why it failed, in one line, or undefined. Waits for another apt that runs. */
export async function install(name: string): Promise<string | undefined> {
  // Nobody is asked, and the package's own server, on the port that everybody uses, is not started.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const wait = ['-o', 'DPkg::Lock::Timeout=300']
  const update = await run('apt-get', [...wait, 'update', '-qq'], { env })
  if (update.code !== 0) return `apt-get update failed: ${lastLine(update.stderr)}`
  const installed = await run('apt-get', [...wait, 'install', '-y', '-qq', '--no-install-recommends', name], { env })
  return installed.code === 0 ? undefined : `apt-get install ${name} failed: ${lastLine(installed.stderr)}`
}
