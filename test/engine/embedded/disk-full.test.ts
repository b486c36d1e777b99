import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'

const child = new URL('./disk-full-child.ts', import.meta.url).pathname
/** The child's exit code when it may not mount. */
const REFUSED = 77
let folder: string | null = null

afterEach(() => {
  if (folder === null) return
  // only left behind by a child that died
  spawnSync('umount', ['-l', folder], { stdio: 'ignore' })
  rmSync(folder, { recursive: true, force: true })
  folder = null
})

function run(program: string, args: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const started = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [started.stdout, started.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    started.on('error', (error) => resolve({ code: null, output: String(error) }))
    started.on('close', (code) => resolve({ code, output }))
  })
}

it(
  'a full disk refuses what it cannot keep, loses nothing, and what ran goes on when there is space',
  { timeout: 90_000 },
  async (context) => {
    folder = mkdtempSync(join(tmpdir(), 'fnflow-disk-'))
    let result = await run(process.execPath, [child, folder])
    if (result.code === REFUSED && (await run('unshare', ['-rm', 'true'])).code === 0)
      result = await run('unshare', ['-rm', process.execPath, child, folder])
    if (result.code === REFUSED) context.skip('needs root or user namespaces for a small file system')
    expect(result.code, result.output).toBe(0)
  },
)
