/*
 * The guardian: a small shell process that outlives this one by a moment, ends the servers that it left behind, and removes their data.
 *
 * It waits on a pipe whose other end dies with this process, however that dies. Like `executors/watchdog.ts`, with two differences:
 * it looks for descendants, because PostgreSQL's backends make sessions of their own and overwrite the environment in which a marker
 * could be found; and it removes folders. It stops each process before it looks, so that none is forked meanwhile.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import type { Writable } from 'node:stream'

// ppid is the second field after the name, which stands in parentheses and may hold anything.
const SCRIPT = `
trap '' HUP INT TERM QUIT
children() {
  if [ -r /proc/self/stat ]; then
    for s in /proc/[0-9]*/stat; do
      l=; IFS= read -r l 2>/dev/null < "$s" || [ -n "$l" ] || continue
      set -- "$1" \${l##*) }
      [ "$3" = "$1" ] && { s=\${s#/proc/}; echo "\${s%/stat}"; }
    done
  else
    ps -A -o pid=,ppid= | while read -r c p; do [ "$p" = "$1" ] && echo "$c"; done
  fi
}
# A zombie is dead: whoever inherited it may take its time to notice.
alive() {
  kill -0 "$1" 2>/dev/null || return 1
  l=; { IFS= read -r l < "/proc/$1/stat"; } 2>/dev/null
  case \${l##*) } in Z*) return 1 ;; esac
}
end() {
  kill -STOP "$1" 2>/dev/null
  for c in $(children "$1"); do (end "$c"); done
  kill -9 -"$1" 2>/dev/null
  kill -9 "$1" 2>/dev/null
}
p=' '
f=
while IFS= read -r l; do
  case $l in
    '+ '*) p="$p\${l#+ } " ;;
    '- '*) g=\${l#- }; case $p in *" $g:"*) r=\${p#* $g:}; p="\${p%% $g:*} \${r#* }" ;; esac ;;
    'folder '*) f="$f\${l#folder }
" ;;
  esac
done
for e in $p; do
  [ "\${e#*:}" = KILL ] || { kill -"\${e#*:}" "\${e%:*}"; kill -CONT "\${e%:*}"; } 2>/dev/null
done
i=0
for e in $p; do
  if [ "\${e#*:}" != KILL ]; then
    while [ $i -lt 30 ] && alive "\${e%:*}"; do i=$((i+1)); sleep 0.1; done
  fi
  end "\${e%:*}"
done
printf %s "$f" | while IFS= read -r d; do
  i=0
  while [ $i -lt 50 ] && ! rm -rf "$d" 2>/dev/null; do i=$((i+1)); sleep 0.1; done
done
`

let users = 0
let guardian: ChildProcess | undefined

/** Counts a run of services in, and starts the guardian with the first. Pair with {@link releaseGuardian}. */
export function acquireGuardian(): void {
  users++
  if (guardian !== undefined) return
  // Detached: an interrupt from the terminal must not end it before this process.
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'fnflow-services-guardian'], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    env: { PATH: [process.env['PATH'], '/usr/bin', '/bin'].filter(Boolean).join(':') },
  })
  guardian = child
  child.on('error', () => undefined)
  child.stdin.on('error', () => undefined)
  child.unref()
  ;(child.stdin as Writable & { unref?: () => void }).unref?.()
}

/** Puts a process under watch. `quit` is the signal that it gets; it and all of its descendants get SIGKILL if that does not end it soon. */
export function guardProcess(pid: number, quit: NodeJS.Signals): void {
  guardian?.stdin?.write(`+ ${pid}:${quit.replace('SIG', '')}\n`)
}

/** It has ended: the number may become somebody else's. */
export function unguardProcess(pid: number): void {
  guardian?.stdin?.write(`- ${pid}\n`)
}

/** Has the folder removed after this process has died. One that is gone already is no harm: names are never used again. */
export function guardFolder(folder: string): void {
  guardian?.stdin?.write(`folder ${folder}\n`)
}

/** Counts a run out; resolves when the guardian, if that was the last, has ended. */
export async function releaseGuardian(): Promise<void> {
  if (--users > 0) return
  const child = guardian
  guardian = undefined
  if (child === undefined || child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.ref()
  child.stdin?.end()
  await ended
}
