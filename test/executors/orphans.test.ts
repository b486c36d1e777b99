import { spawn } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { findProgram } from '../../executors/launch.ts'
import { isAlive, until } from './helpers.ts'

const ENGINE = fileURLToPath(new URL('./fixtures/engine.ts', import.meta.url))

/** Processes of the engine `pid`'s instances: by their marker, which begins with it. */
function instancesOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => {
      try {
        return isAlive(candidate) && readFileSync(`/proc/${candidate}/environ`, 'latin1').includes(`FNFLOW_INSTANCE=${pid}.`)
      } catch {
        return false
      }
    })
}

async function killEngine(env: Record<string, string>, signal: NodeJS.Signals): Promise<void> {
  const engine = spawn(process.execPath, [ENGINE], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  engine.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  await until(() => out.includes('spinning'), 20_000)
  const pids = instancesOf(engine.pid!)
  // Two idle instances with a child each, and two that spin.
  expect(pids.length).toBeGreaterThanOrEqual(6)
  engine.kill(signal)
  await until(() => !pids.some(isAlive), 2000)
  expect(instancesOf(engine.pid!)).toEqual([])
}

/** Elsewhere there is no /proc to look through; on Linux nothing is skipped. */
function onLinux(name: string, body: () => Promise<void>): void {
  test(
    name,
    async (context) => {
      if (process.platform !== 'linux') context.skip('needs Linux: instances are found through /proc')
      await body()
    },
    40_000,
  )
}

onLinux('nothing outlives an engine that is killed', () => {
  expect(findProgram('setpriv'), 'setpriv is missing: install the package util-linux').toBeTruthy()
  return killEngine({}, 'SIGKILL')
})
onLinux('nor without setpriv, by the watchdog alone', () => killEngine({ FNFLOW_WATCHDOG: '1' }, 'SIGKILL'))
onLinux('nor one that is interrupted', () => killEngine({ FNFLOW_WATCHDOG: '1' }, 'SIGINT'))
