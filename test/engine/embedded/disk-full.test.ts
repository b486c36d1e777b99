import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { createEngine } from '../../../engine/create-engine.ts'

let mounted: string | null = null

afterEach(() => {
  if (mounted === null) return
  execFileSync('umount', ['-l', mounted])
  rmSync(mounted, { recursive: true, force: true })
  mounted = null
})

/** A file system of its own that is full soon. Needs root, as CI has. */
function smallDisk(bytes: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'fnflow-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder])
  mounted = folder
  return folder
}

function free(folder: string): number {
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize
}

it('a full disk refuses what it cannot keep, loses nothing, and what ran goes on when there is space', { timeout: 60_000 }, async () => {
  const disk = smallDisk(4 * 1024 * 1024)
  const store = join(disk, 'store')
  const functions = { big: () => ({ text: 'x'.repeat(20_000) }), small: () => ({ done: true }) }
  const flow = {
    flow: 'fill',
    start: 'pause',
    nodes: {
      pause: { type: 'wait', seconds: 1, next: 'small' },
      small: { type: 'function', function: 'small' },
    },
  }
  let engine = await createEngine({ store, functions })
  await engine.deploy(flow)
  const early = await engine.start('fill', { id: 'early' })

  // something else takes the rest of the disk
  const ballast = join(disk, 'ballast')
  writeFileSync(ballast, Buffer.alloc(Math.max(0, free(disk) - 64 * 1024)))
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
  expect(refusal).toMatchObject({
    name: 'EngineError',
    code: 'store-failed',
    message: expect.stringMatching(/disk is full.*free some space/s),
  })
  await expect(early.result()).rejects.toMatchObject({ code: 'store-failed' })
  await expect(engine.start('fill')).rejects.toMatchObject({ code: 'store-failed' })

  // space again: the same engine goes on by itself
  rmSync(ballast)
  await expect
    .poll(
      () =>
        engine.describe('early').then(
          ({ status }) => status,
          () => 'unreadable',
        ),
      { timeout: 30_000, interval: 200 },
    )
    .toBe('succeeded')
  for (const id of acknowledged) expect(await engine.result(id)).toEqual({ done: true })
  await engine.close()

  // and so would a new one
  engine = await createEngine({ store, functions })
  const { items } = await engine.list({ limit: 200 })
  expect(items.map(({ id }) => id).sort()).toEqual(['early', ...acknowledged].sort())
  expect(new Set(items.map(({ status }) => status))).toEqual(new Set(['succeeded']))
  await engine.close()
})
