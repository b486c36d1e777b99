import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..', '..')
const { IMPORTS, LEAVES } = createRequire(import.meta.url)('../../scripts/import-table.cjs') as {
  IMPORTS: Record<string, string[]>
  LEAVES: string[]
}

/** Folder -> what the table of docs/design/architecture.md says that it may import. */
function documentedTable(): Map<string, string> {
  const document = readFileSync(join(root, 'docs', 'design', 'architecture.md'), 'utf8')
  const table = new Map<string, string>()
  for (const [, folders, , imports] of document.matchAll(/^\| ((?:`[\w-]+\/`(?:, )?)+) \| (.*) \| (.*) \|$/gm)) {
    for (const [, folder] of folders!.matchAll(/`([\w-]+)\/`/g)) table.set(folder!, imports!)
  }
  return table
}

// data/ is the store of whoever tries what the README says
const notOurs = new Set(['node_modules', 'dist', 'data'])
const folders = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !notOurs.has(entry.name))
  .map(({ name }) => name)

describe('the table of folders', () => {
  const table = documentedTable()

  test('names every folder of the tree, and no other', () => {
    expect([...table.keys()].sort()).toEqual(folders.sort())
  })

  test('says what dependency-cruiser enforces', () => {
    for (const [folder, imports] of table) {
      if (folder === 'bin') continue
      if (LEAVES.includes(folder)) {
        expect(imports, folder).toBe('anything; nobody imports it')
        continue
      }
      const documented = [...imports.matchAll(/`([\w-]+)`/g)].map(([, name]) => name).sort()
      const enforced = [...new Set(IMPORTS[folder]!.map((pattern) => pattern.split('/')[0]))].sort()
      expect(documented, folder).toEqual(enforced)
    }
  })
})

describe('imports', () => {
  const cruised = Object.keys(IMPORTS).filter((folder) => existsSync(join(root, folder)))
  const cruiser = join(root, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruiser.mjs')
  const cruise = (cwd: string, folders: readonly string[]) =>
    spawnSync(process.execPath, [cruiser, '--config', '.dependency-cruiser.cjs', '--output-type', 'err', ...folders], {
      cwd,
      encoding: 'utf8',
    })

  test('keep to the table and have no cycles', () => {
    const { status, stdout } = cruise(root, cruised)
    expect(status, stdout).toBe(0)
    expect(stdout).toMatch(/no dependency violations found \(\d\d+ modules/)
  })

  test('that break it are found', () => {
    const folder = mkdtempSync(join(tmpdir(), 'fnflow-imports-'))
    try {
      mkdirSync(join(folder, 'scripts'))
      for (const file of ['.dependency-cruiser.cjs', 'scripts/import-table.cjs', 'tsconfig.json', 'package.json'])
        copyFileSync(join(root, file), join(folder, file))
      symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
      const files = {
        'dsl/up.ts': "import '../engine/host.ts'",
        'dsl/clock.ts': "import 'node:timers'",
        'dsl/terminal.ts': "import 'commander'",
        'dsl/schema.ts': "import { z } from 'zod'\nexport const a = z",
        'dsl/types.ts': "import type { z } from 'zod'\nexport type Z = typeof z",
        'dsl/parse.ts': "export const parse = () => import('yaml')",
        'dsl/json.ts': 'export type Json = null',
        'workflows/flow.ts': "import '../dsl/parse.ts'",
        'executors/fine.ts': "import type { Json } from '../dsl/json.ts'\nexport type J = Json",
        'executors/parser.ts': "import '../dsl/parse.ts'",
        'connectors/pool.ts': "import '../executors/fine.ts'",
        'engine/host.ts': "import '../dsl/parse.ts'\nimport '../executors/fine.ts'",
        'engine/tested.ts': "import '../test/help.ts'",
        'engine/ring-a.ts': "import './ring-b.ts'",
        'engine/ring-b.ts': "import './ring-a.ts'",
        'engine/type-a.ts': "import type { B } from './type-b.ts'\nexport type A = B",
        'engine/type-b.ts': "import type { A } from './type-a.ts'\nexport type B = A | 1",
        'engine/tool.ts': "import 'vitest'",
        'engine/gone.ts': "import './nowhere.ts'",
        'cli/direct.ts': "import '../executors/fine.ts'",
        'cli/fine.ts': "import '../engine/host.ts'\nimport '../dsl/parse.ts'",
        'test/help.ts': '',
      }
      for (const [file, text] of Object.entries(files)) {
        mkdirSync(join(folder, dirname(file)), { recursive: true })
        writeFileSync(join(folder, file), text + '\n')
      }
      const { status, stdout } = cruise(
        folder,
        cruised.filter((name) => existsSync(join(folder, name))),
      )
      const found = [...stdout.matchAll(/error ([\w-]+): ([\w./-]+)/g)].map(([, rule, file]) => `${rule} ${file}`)
      expect(status).toBeGreaterThan(0)
      expect(new Set(found)).toEqual(
        new Set([
          'dsl-imports dsl/up.ts',
          'dsl-is-pure dsl/clock.ts',
          'dsl-is-pure dsl/terminal.ts',
          'zod-is-types-only dsl/schema.ts',
          'workflows-imports workflows/flow.ts',
          'executors-imports executors/parser.ts',
          'connectors-imports connectors/pool.ts',
          'engine-imports engine/tested.ts',
          'nobody-imports-leaves engine/tested.ts',
          found.find((line) => line.startsWith('no-cycles engine/ring-')) ?? 'no-cycles engine/ring-a.ts',
          'no-dev-dependencies engine/tool.ts',
          'engine-imports engine/gone.ts',
          'resolvable engine/gone.ts',
          'cli-imports cli/direct.ts',
        ]),
      )
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

test('the pure core has no clock, no chance and no modules of Node', () => {
  for (const file of readdirSync(join(root, 'dsl'), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue
    expect(readFileSync(join(root, 'dsl', file), 'utf8'), file).not.toMatch(
      /from 'node:|import\('node:|Math\.random\(|Date\.now\(|new Date\(\)|setTimeout\(|setImmediate\(/,
    )
  }
})
