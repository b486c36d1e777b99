// Builds dist/: tsc (incremental, into .cache/compiled), then one file per entry with what it shares in chunks, the declarations, and
// the files that are not TypeScript; then removes what has no source any more.
//
// Bundled, because Node takes some 0.6 ms per file: `import 'fnflow'` cost 100 ms over bare Node from 87 files, and 43 from a few.
// Libraries stay outside, and what is imported when first needed stays a chunk of its own.
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
import { dirname, isAbsolute, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const dist = join(root, 'dist')
const stampFile = join(dist, '.build-stamp')
const compiledFolder = join(root, '.cache', 'compiled')
const buildInfo = join(compiledFolder, '.tsbuildinfo')
const lockFile = join(root, '.cache', 'build.lock')

/** Folders that tsc compiles (the `include` of tsconfig.build.json) or that hold files to copy. */
const SOURCE_FOLDERS = ['dsl', 'workflows', 'executors', 'connectors', 'engine', 'client', 'cli', 'ui-schema']
/** Shims, migrations and generated schemas: copied beside the compiled file that finds them by `import.meta.url`. */
const COPIED = /\.(mjs|cjs|py|sql|json)$/
const OWN_FILES = new Set(['.build-stamp'])
/** Files that are found by their path: the package's exports, what finds its shim by `import.meta.url`, and what tests and bench import. */
const ENTRIES = [
  'engine/index',
  'engine/internal',
  'client/index',
  'engine/http/index',
  'engine/http/server',
  'cli/main',
  'dsl/index',
  'dsl/jsonpath/index',
  'executors/nodejs/index',
  'executors/python/index',
  'engine/temporal/paths',
  'engine/temporal/registry/migrate',
  'workflows/protocol/converter',
]

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

/** What tsc makes of the sources, below `folder`. */
function outputsOf(files, folder) {
  const outputs = []
  for (const file of files) {
    if (!file.endsWith('.ts') || file.endsWith('.d.ts')) continue
    const target = join(folder, relative(root, file))
    outputs.push(target.replace(/\.ts$/, '.js'), target.replace(/\.ts$/, '.d.ts'))
  }
  return outputs
}

/** Bundles the entries into dist/; returns the files written. */
async function bundle() {
  const { rolldown } = await import('rolldown')
  const bundled = await rolldown({
    input: Object.fromEntries(ENTRIES.map((entry) => [entry, join(compiledFolder, `${entry}.js`)])),
    platform: 'node',
    // libraries, and nothing of ours
    external: (id) => !id.startsWith('.') && !isAbsolute(id),
    logLevel: 'warn',
  })
  const { output } = await bundled.write({
    dir: dist,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
  })
  await bundled.close()
  return output.map(({ fileName }) => join(dist, fileName))
}

/** What Temporal's workflow bundle is made of; its hash stands in the bundle's name, which the build keeps while nothing of it changed. */
const BUNDLE_SOURCES = ['workflows', 'dsl']
const bundleFile = join(dist, 'workflows', 'bundle.js')
const bundleStamp = join(root, '.cache', 'workflow-bundle-stamp')

const EMPTY_MAP = `//# sourceMappingURL=data:application/json;base64,${Buffer.from('{"version":3,"file":"bundle.js","sources":[],"names":[],"mappings":""}').toString('base64')}`

/** Makes the bundle that runs in the sandbox of Temporal's workers (webpack, some seconds), unless it is there. */
async function bundleWorkflows() {
  const hash = createHash('sha256')
  const inputs = BUNDLE_SOURCES.flatMap((folder) => filesBelow(join(compiledFolder, folder))).filter((file) => file.endsWith('.js'))
  for (const file of inputs.sort()) hash.update(`${relative(compiledFolder, file)}\n`).update(readFileSync(file))
  for (const name of ['scripts/build.mjs', 'node_modules/@temporalio/worker/package.json']) hash.update(readFileSync(join(root, name)))
  const stamp = hash.digest('hex')
  if (existsSync(bundleFile) && existsSync(bundleStamp) && readFileSync(bundleStamp, 'utf8') === stamp) return
  const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker')
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(compiledFolder, 'workflows', 'index.js'),
    payloadConverterPath: join(compiledFolder, 'workflows', 'protocol', 'converter.js'),
    workflowInterceptorModules: [join(compiledFolder, 'workflows', 'order.js')],
    preloadModules: [join(compiledFolder, 'workflows', 'shared.js')],
    ignoreModules: ['zod', 'yaml'],
    logger: new DefaultLogger('ERROR'),
    webpackConfigHook: (config) => ({
      ...config,
      mode: 'production',
      devtool: false,
      // the SDK patches the module cache of unoptimised code
      optimization: { minimize: false, concatenateModules: false },
    }),
  })
  // without comments and spaces; names stay as they are, since errors are told by them
  const { minify } = await import('rolldown/utils')
  const { code: small } = await minify('bundle.js', code, { compress: false, mangle: false })
  mkdirSync(dirname(bundleFile), { recursive: true })
  writeFileSync(bundleFile, `${small}\n${EMPTY_MAP}`)
  writeFileSync(bundleStamp, stamp)
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

function upToDate(stamp) {
  if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) return false
  return existsSync(bundleFile) && ENTRIES.every((entry) => existsSync(join(dist, `${entry}.js`)))
}

async function build() {
  const files = sources()
  const stamp = stampOf(files)
  if (upToDate(stamp)) return 0
  lock()
  try {
    // What another build has made meanwhile.
    if (upToDate(stamp)) return 0
    const compiledFiles = outputsOf(files, compiledFolder)
    // Where an output is missing, tsc would trust its notes and not write it again.
    if (compiledFiles.some((output) => !existsSync(output))) rmSync(buildInfo, { force: true })
    rmSync(stampFile, { force: true })

    const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
    const compiled = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    const wanted = new Set(compiledFiles)
    for (const file of filesBelow(compiledFolder)) if (!wanted.has(file) && file !== buildInfo) rmSync(file)

    const outputs = new Set(await bundle())
    const copy = (from, base) => {
      const target = join(dist, relative(base, from))
      mkdirSync(dirname(target), { recursive: true })
      copyFileSync(from, target)
      outputs.add(target)
    }
    await bundleWorkflows()
    outputs.add(bundleFile)
    for (const file of compiledFiles) if (file.endsWith('.d.ts') && existsSync(file)) copy(file, compiledFolder)
    for (const file of files) if (!file.endsWith('.ts')) copy(file, root)
    for (const file of filesBelow(dist)) if (!outputs.has(file) && !OWN_FILES.has(relative(dist, file))) rmSync(file)
    if (compiled.status !== 0) return compiled.status ?? 1
    writeFileSync(stampFile, stamp)
    return 0
  } finally {
    rmSync(lockFile, { force: true })
  }
}

process.exitCode = await build()
