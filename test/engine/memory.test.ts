import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const child = fileURLToPath(new URL('./memory-child.mjs', import.meta.url))

interface Taken {
  readonly right: boolean
  readonly records: number
  readonly bytes: number
  readonly peakMb: number
}

async function run(...args: (string | number)[]): Promise<Taken> {
  const { stdout } = await promisify(execFile)(process.execPath, [child, ...args.map(String)])
  return JSON.parse(stdout) as Taken
}

it.for([
  ['express', 0, 'async'],
  ['express', 10, 'sync'],
  ['express', 0, 'sync'],
  ['express', 1, 'pass'],
  ['standard', 0, 'async'],
  ['standard', 0, 'pass'],
] as const)('100,000 items take less than 400 MB: %s, %d at a time, %s', async ([mode, concurrency, kind]) => {
  const taken = await run(mode, concurrency, 100_000, kind)
  expect(taken).toMatchObject({ right: true, records: mode === 'standard' ? 100_000 : 0 })
  expect(taken.peakMb).toBeLessThan(400)
})

it('the journal grows with the items and no faster', async () => {
  const small = await run('standard', 0, 5000, 'sync')
  const large = await run('standard', 0, 20_000, 'sync')
  const few = await run('standard', 10, 3000, 'sync')
  expect([small.right, large.right, few.right]).toEqual([true, true, true])
  expect(large.bytes / small.bytes).toBeLessThan(4.4)
  expect(few.bytes / 3000).toBeLessThan((small.bytes / 5000) * 1.3)
})
