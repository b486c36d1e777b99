import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { alive, processesOf, SLOW, startScript, temporaryFolder } from './lab.ts'

/** Starts programs under watch; one has descendants in sessions of their own, as PostgreSQL has. */
const STARTER = `
  import { spawn } from 'node:child_process'
  const { acquireGuardian, guardFolder, guardProcess, releaseGuardian, unguardProcess } = await import('./scripts/services/guardian.ts')
  acquireGuardian()
  guardFolder(process.env.GUARDED)
  const start = (script) => spawn('/bin/sh', ['-c', script], { detached: true, stdio: 'ignore' }).pid
  const pids = {
    tree: start('setsid sh -c "setsid sleep 1000 & sleep 1000" & sleep 1000'),
    deaf: start('trap "" QUIT; sleep 1000 & wait; sleep 1000'),
    paused: start('kill -STOP $$; sleep 1000'),
    orderly: start('trap "exit 0" QUIT; sleep 1000 & wait'),
    unguarded: start('sleep 1000 & wait'),
  }
  guardProcess(pids.tree, 'SIGKILL')
  guardProcess(pids.unguarded, 'SIGKILL')
  guardProcess(pids.deaf, 'SIGQUIT')
  guardProcess(pids.paused, 'SIGQUIT')
  guardProcess(pids.orderly, 'SIGQUIT')
  unguardProcess(pids.unguarded)
  console.log(JSON.stringify(pids))
  setInterval(() => undefined, 1000)`

test('the guardian ends what a killed process left behind, whatever state it is in, and nothing else', async () => {
  const guarded = join(temporaryFolder(), 'with a space')
  mkdirSync(join(guarded, 'data'), { recursive: true })
  const { child, ended, output } = startScript(['--input-type=module', '--eval', STARTER], { GUARDED: guarded })
  await expect.poll(output, SLOW).toMatch(/\n$/)
  const pids = JSON.parse(output()) as Record<string, number>
  // The tree has sh, sh and its two sleeps, and a sleep of the first.
  await expect.poll(() => processesOf(pids['tree']!).length, SLOW).toBeGreaterThanOrEqual(5)
  await expect.poll(() => processesOf(pids['unguarded']!).length, SLOW).toBe(2)
  const all = processesOf(child.pid!)
  const unguarded = processesOf(pids['unguarded']!)
  child.kill('SIGKILL')
  await ended
  try {
    await expect.poll(() => alive(all).sort(), SLOW).toEqual(unguarded.sort())
    await expect.poll(() => existsSync(guarded), SLOW).toBe(false)
  } finally {
    process.kill(-pids['unguarded']!, 'SIGKILL')
  }
})
