// Builds dist/: tsc (incremental), then the files that are not TypeScript, then removes what has no source any more.
//
// Plain JavaScript that Node 20 can run too, because npm runs it as `prepare` on a fresh clone, perhaps before Node 24 is there.
// When nothing changed since the last good build it returns without starting tsc: it runs before every start, test and bench.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
  closeSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const dist = join(root, 'dist')
const stampFile = join(dist, '.build-stamp')
const buildInfo = join(dist, '.tsbuildinfo')
const lockFile = join(root, '.cache', 'build.lock')

/** Folders that tsc compiles (the `include` of tsconfig.build.json) or that hold files to copy. */
const SOURCE_FOLDERS = ['dsl', 'workflows', 'executors', 'connectors', 'engine', 'cli', 'ui-schema']
/** Shims, migrations and generated schemas: copied beside the compiled file that finds them by `import.meta.url`. */
const COPIED = /\.(mjs|cjs|py|sql|json)$/
const OWN_FILES = new Set(['.build-stamp', '.tsbuildinfo'])

function filesBelow(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

const sources = () =>
  SOURCE_FOLDERS.flatMap((folder) => filesBelow(join(root, folder)))
    .filter((file) => /\.ts$/.test(file) || COPIED.test(file))
    .filter((file) => !file.includes('__pycache__'))
    .sort()

function stampOf(files) {
  const hash = createHash('sha256')
  const also = ['tsconfig.json', 'tsconfig.build.json', 'scripts/build.mjs', 'node_modules/typescript/package.json'].map((name) =>
    join(root, name),
  )
  for (const file of [...files, ...also]) {
    const stat = statSync(file, { throwIfNoEntry: false })
    hash.update(`${relative(root, file)} ${stat?.size} ${stat?.mtimeMs}\n`)
  }
  return hash.digest('hex')
}

function outputsOf(files) {
  const outputs = new Set()
  for (const file of files) {
    const target = join(dist, relative(root, file))
    if (!file.endsWith('.ts')) outputs.add(target)
    else if (file.endsWith('.d.ts')) continue
    else outputs.add(target.replace(/\.ts$/, '.js')).add(target.replace(/\.ts$/, '.d.ts'))
  }
  return outputs
}

/** One build at a time: two would write the same files. A lock whose process is gone is nobody's. */
function lock() {
  mkdirSync(dirname(lockFile), { recursive: true })
  const deadline = Date.now() + 120_000
  for (;;) {
    try {
      const file = openSync(lockFile, 'wx')
      writeSync(file, String(process.pid))
      closeSync(file)
      return
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    let holder = 0
    try {
      holder = Number(readFileSync(lockFile, 'utf8'))
      if (holder > 0) process.kill(holder, 0)
    } catch (error) {
      if (error.code === 'ESRCH') rmSync(lockFile, { force: true })
    }
    if (Date.now() > deadline)
      throw new Error(`another build (process ${holder}) has held ${lockFile} for two minutes; remove the file if that process is no build`)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
  }
}

function upToDate(files, stamp) {
  if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) return false
  for (const output of outputsOf(files)) if (!existsSync(output)) return false
  return true
}

function build() {
  const files = sources()
  const stamp = stampOf(files)
  if (upToDate(files, stamp)) return 0
  lock()
  try {
    // What another build has made meanwhile.
    if (upToDate(files, stamp)) return 0
    const outputs = outputsOf(files)
    // Where an output is missing, tsc would trust its notes and not write it again.
    for (const output of outputs) if (output.endsWith('.js') && !existsSync(output)) rmSync(buildInfo, { force: true })
    rmSync(stampFile, { force: true })

    const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
    const compiled = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
    })

    for (const file of files) {
      if (file.endsWith('.ts')) continue
      const target = join(dist, relative(root, file))
      mkdirSync(dirname(target), { recursive: true })
      copyFileSync(file, target)
    }
    for (const file of filesBelow(dist)) {
      if (!outputs.has(file) && !OWN_FILES.has(relative(dist, file))) rmSync(file)
    }
    if (compiled.status !== 0) return compiled.status ?? 1
    writeFileSync(stampFile, stamp)
    return 0
  } finally {
    rmSync(lockFile, { force: true })
  }
}

process.exitCode = build()
