/*
 * The watchdog: a small shell process that outlives the engine by a moment and ends the instances that it left behind.
 *
 * `setpriv --pdeathsig` ends only an instance's first process, and only on Linux; the function's own children, and every
 * other system, need somebody who notices. The shell (1 to 2 MB) waits on a pipe whose other end dies with the engine.
 * Then it kills the groups that it was told of and, where there is /proc, every process that carries the engine's marker.
 * It is started with the first instance and ended with the last executor.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import type { Writable } from 'node:stream'
import { INSTANCE_VARIABLE } from './process-tree.ts'

/** The beginning of all markers of this process's instances. */
const ENGINE_MARKER = `${process.pid}.${randomBytes(8).toString('hex')}`

const SCRIPT = `
trap '' HUP INT TERM QUIT
p=' '
while read -r o g; do
  case $o in
    +) p="$p$g " ;;
    -) case $p in *" $g "*) p="\${p%% $g *} \${p#* $g }" ;; esac ;;
  esac
done
for g in $p; do kill -9 -"$g" 2>/dev/null; done
i=0
while [ $i -lt 50 ]; do
  f=$(grep -lF "$1" /proc/[0-9]*/environ 2>/dev/null)
  [ -n "$f" ] || break
  for e in $f; do e=\${e#/proc/}; kill -9 "\${e%/environ}" 2>/dev/null; done
  i=$((i+1))
  sleep 0.1
done
`

let users = 0
let process_: ChildProcess | undefined
let counter = 0

/** A marker for a new instance; unique on the machine. */
export function newMarker(): string {
  return `${ENGINE_MARKER}.${++counter}`
}

/** Counts an executor with instances in, and starts the watchdog with the first. Pair with {@link releaseWatchdog}. */
export function acquireWatchdog(): void {
  users++
  if (process_ !== undefined || process.platform === 'win32') return
  // Detached: an interrupt from the terminal must not end it before the engine.
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'fnflow-watchdog', `${INSTANCE_VARIABLE}=${ENGINE_MARKER}.`], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    // It needs grep and sleep even if the engine's own PATH is empty.
    env: { PATH: [process.env['PATH'], '/usr/bin', '/bin'].filter(Boolean).join(':') },
  })
  process_ = child
  child.on('error', () => undefined)
  child.stdin.on('error', () => undefined)
  child.unref()
  ;(child.stdin as Writable & { unref?: () => void }).unref?.()
}

/** Puts a group under watch. */
export function watchGroup(pid: number): void {
  process_?.stdin?.write(`+ ${pid}\n`)
}

/** Its processes are gone: the number may become somebody else's. */
export function unwatchGroup(pid: number): void {
  process_?.stdin?.write(`- ${pid}\n`)
}

/** Counts an executor out; resolves when the watchdog, if that was the last, has ended. */
export async function releaseWatchdog(): Promise<void> {
  if (--users > 0) return
  const child = process_
  process_ = undefined
  if (child === undefined || child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.ref()
  child.stdin?.end()
  await ended
}
