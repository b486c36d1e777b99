/**
 * What an engine does on a full disk. Mounts a file system of its own over `folder`, which needs root, or `unshare -rm`; exits with 77 if
 * it may not. A rejection that nobody handles ends the process, and so the test. Usage: node disk-full-child.ts <folder>
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CallbackInfo, Engine, ExecutionStatus } from '../../../engine/api.ts'
import { createEngine } from '../../../engine/create-engine.ts'

const [disk] = process.argv.slice(2) as [string]
const FAILED = { name: 'EngineError', code: 'store-failed' }

if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${4 * 1024 * 1024}`, 'tmpfs', disk], { stdio: 'inherit' }).status !== 0) process.exit(77)
try {
  await fullDisk(join(disk, 'store'))
} finally {
  spawnSync('umount', ['-l', disk], { stdio: 'inherit' })
}

function free(): number {
  const { bavail, bsize } = statfsSync(disk)
  return bavail * bsize
}

async function becomes(engine: Engine, id: string, wanted: ExecutionStatus): Promise<void> {
  const until = Date.now() + 30_000
  for (;;) {
    const status = await engine.describe(id).then(
      (record) => record.status,
      (error: unknown) => String(error),
    )
    if (status === wanted) return
    if (Date.now() > until) assert.fail(`${id} is ${status}, not ${wanted}`)
    await sleep(100)
  }
}

async function fullDisk(store: string): Promise<void> {
  const functions = { small: () => ({ done: true }) }
  const asked = new Map<string, CallbackInfo>()
  const options = { store, functions, onCallback: (info: CallbackInfo) => void asked.set(info.execution, info) }
  let engine = await createEngine(options)
  const flows = [
    {
      flow: 'fill',
      start: 'pause',
      nodes: { pause: { type: 'wait', seconds: 1, next: 'small' }, small: { type: 'function', function: 'small' } },
    },
    { flow: 'long', start: 'pause', nodes: { pause: { type: 'wait', seconds: 3600 } } },
    { flow: 'parent', start: 'child', nodes: { child: { type: 'subflow', flow: 'long' } } },
    { flow: 'asks', start: 'ask', nodes: { ask: { type: 'callback', function: 'small', timeout: '1h' } } },
  ]
  for (const flow of flows) await engine.deploy(flow)
  const waiting = ['stopped', 'orphaned', 'called']
  await engine.start('parent', { id: 'stopped' })
  await engine.start('parent', { id: 'orphaned' })
  await engine.start('asks', { id: 'called' })
  const childOf = async (id: string): Promise<string> => {
    for (;;) {
      const [child] = (await engine.list({ parent: id })).items
      if (child !== undefined) return child.id
      await sleep(20)
    }
  }
  const children = [await childOf('stopped'), await childOf('orphaned')] as const
  while (!asked.has('called')) await sleep(20)
  const { token } = asked.get('called') as CallbackInfo
  const early = await engine.start('fill', { id: 'early' })
  const earlyFails = assert.rejects(early.result(), FAILED)

  // something else takes the rest of the disk
  const ballast = join(disk, 'ballast')
  writeFileSync(ballast, Buffer.alloc(Math.max(0, free() - 64 * 1024)))
  const acknowledged: string[] = []
  let refusal: unknown = null
  for (let at = 0; at < 200 && refusal === null; at++) {
    try {
      await engine.start('fill', { id: `late-${at}`, input: { text: 'y'.repeat(4000) } })
      acknowledged.push(`late-${at}`)
    } catch (error) {
      refusal = error
    }
  }
  assert.ok(refusal instanceof Error)
  assert.deepEqual({ name: refusal.name, code: (refusal as { code?: unknown }).code }, FAILED)
  assert.match(refusal.message, /disk is full.*free some space/s)
  await earlyFails
  await assert.rejects(engine.start('fill'), FAILED)
  // the timers of what waits come due meanwhile
  await sleep(1500)

  // space again: the same engine goes on by itself
  rmSync(ballast)
  await becomes(engine, 'early', 'succeeded')
  for (const id of acknowledged) assert.deepEqual(await engine.result(id), { done: true })

  // one transaction with far too much in it takes with it whatever else came with it, and what follows from that: stops, a callback
  const timed = await engine.start('fill', { id: 'timed' })
  const lost = [
    engine.start('fill', { id: 'huge', input: { text: 'z'.repeat(5_000_000) } }),
    engine.stop('stopped'),
    engine.stop(children[1]),
    engine.callback(token, { status: 'succeeded', output: { by: 1 } }),
    timed.result(),
  ]
  const outcomes = await Promise.allSettled(lost)
  for (const [at, outcome] of outcomes.entries()) {
    assert.equal(outcome.status, 'rejected', `call ${at} was answered`)
    assert.equal(outcome.reason.code, 'store-failed', String(outcome.reason))
  }
  await becomes(engine, 'timed', 'succeeded')
  for (const id of [...waiting, ...children]) await becomes(engine, id, 'running')

  // nothing was kept of what was refused, so all of it can be asked again
  await engine.stop('stopped')
  await engine.stop(children[1])
  await engine.callback(token, { status: 'succeeded', output: { by: 2 } })
  await becomes(engine, 'stopped', 'cancelled')
  await becomes(engine, children[0], 'cancelled')
  await becomes(engine, children[1], 'cancelled')
  await becomes(engine, 'orphaned', 'failed')
  assert.deepEqual(await engine.result('called'), { by: 2 })
  await engine.close()

  // and so would a new one
  engine = await createEngine(options)
  const { items } = await engine.list({ limit: 200 })
  assert.deepEqual(items.map(({ id }) => id).sort(), ['early', 'timed', ...acknowledged, ...waiting, ...children].sort())
  assert.deepEqual(new Set(items.filter(({ flow }) => flow === 'fill').map(({ status }) => status)), new Set(['succeeded']))
  await engine.close()
}
