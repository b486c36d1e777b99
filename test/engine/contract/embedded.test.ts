import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { createEngine } from '../../../engine/index.ts'
import type { LocalEngine } from '../../../engine/internal.ts'
import { engineContract } from './suite.ts'

const folder = mkdtempSync(join(tmpdir(), 'fnflow-contract-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

engineContract('embedded', {
  open: (place, options) => createEngine({ store: join(folder, place), ...options }),
  interrupt: (engine) => (engine as LocalEngine).abandon(),
  slack: 1,
  computesLong: true,
  concurrent: true,
  showsAtOnce: true,
  abortsAtOnce: true,
  startsInOrder: true,
  answersInOrder: true,
  listsWithNodes: true,
  announcesAgain: true,
})
