/** The flows of a folder, put into an engine: at the start, and again whenever a file says something else. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync, watch, type FSWatcher } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import type { Engine } from '../engine/api.ts'
import { EngineError, FlowInvalid } from '../engine/errors.ts'
import { diagnosticLine } from './diagnostics.ts'
import { looksLikeFlow, pathsIn, readFlowFile, type FlowFile } from './flow-files.ts'
import { isFolder } from './paths.ts'
import type { ServerLog } from './server-log.ts'

/** Events of a folder may get lost, and some file systems have none: files are looked at again after this, ms. */
const POLL_MS = 5000
/** What is written in several steps counts when it has been still for so long, ms. */
const STILL_MS = 150
const FLOW_FILE = /\.(?:ya?ml|json)$/

interface Seen {
  /** By which a change is noticed without reading: size, times, number of the file. */
  readonly state: string
  readonly hash: string
  /** Undefined where it is no flow. */
  readonly file: FlowFile | undefined
}

/**
 * Loads the flow files of a folder and its subfolders. A file is put as `latest` only when it says something else than what was last loaded from
 * it, as the engine's store has noted, so that what was changed by the API outlives restarts. A file that cannot be loaded is told of, and what
 * was there stays; so does the flow of a file that is removed. Files are told of by their path within the folder.
 */
export class FlowFolder {
  private readonly engine: Engine
  private readonly folders: readonly string[]
  private readonly log: ServerLog
  private seen = new Map<string, Seen>()
  /** What was told of each file, so that it is told once. */
  private readonly told = new Map<string, string>()
  /** Contents that no flow can be made of, by file. */
  private readonly broken = new Map<string, string>()
  /** Contents that have been looked at, and are to be so again before they count. */
  private readonly unsettled = new Map<string, string>()
  private watchers: FSWatcher[] = []
  private timer: NodeJS.Timeout | undefined
  private lookAt = Infinity
  private working: Promise<void> = Promise.resolve()
  private closed = false

  constructor(engine: Engine, folders: readonly string[], log: ServerLog) {
    this.engine = engine
    this.folders = folders
    this.log = log
  }

  /** Loads what has changed since it was last loaded, also by an earlier process. Rejects with EngineError where the store fails. */
  async load(): Promise<void> {
    await this.pass(false)
  }

  /** From now on loads what changes. */
  watch(): void {
    for (const folder of this.folders) {
      try {
        const watcher = watch(folder, { recursive: true, persistent: false }, (_event, name) => {
          // a store that lies in the folder is written to all the time
          if (name === null || FLOW_FILE.test(name)) this.lookIn(STILL_MS)
        })
        watcher.on('error', () => watcher.close())
        this.watchers.push(watcher)
      } catch {
        // no events here: files are looked at all the same
      }
    }
    this.lookIn(POLL_MS)
  }

  /** Resolves when nothing of it is under way any more. */
  async close(): Promise<void> {
    this.closed = true
    for (const watcher of this.watchers) watcher.close()
    clearTimeout(this.timer)
    await this.working
  }

  private lookIn(ms: number): void {
    const at = performance.now() + ms
    // what comes meanwhile does not put it off
    if (this.closed || at >= this.lookAt) return
    this.lookAt = at
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      this.lookAt = Infinity
      this.working = this.working.then(() => this.look())
    }, ms).unref()
  }

  private async look(): Promise<void> {
    if (this.closed) return
    try {
      await this.pass(true)
    } catch (error) {
      // a store that fails takes it the next time
      this.tell(
        '',
        `the flows of ${this.folders.map((folder) => basename(folder)).join(', ')} cannot be loaded now: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
    this.lookIn(this.unsettled.size > 0 ? STILL_MS : POLL_MS)
  }

  private async pass(isWatching: boolean): Promise<void> {
    const before = this.seen
    this.seen = this.scan(before)
    if (isWatching && sameStates(before, this.seen) && this.unsettled.size === 0) return
    const loaded = await this.engine.flowFiles.loaded()
    const changed: [string, Seen & { readonly file: FlowFile }][] = []
    for (const [path, seen] of this.seen) {
      const { hash, file } = seen
      if (file === undefined || loaded.get(path) === hash) continue
      if (isWatching && this.unsettled.get(path) !== hash) this.unsettled.set(path, hash)
      else {
        this.unsettled.delete(path)
        changed.push([path, { ...seen, file }])
      }
    }
    for (const path of this.unsettled.keys()) {
      const hash = this.seen.get(path)?.hash
      if (hash === undefined || loaded.get(path) === hash) this.unsettled.delete(path)
    }
    const byFlow = filesByFlow(this.seen)
    for (const [path, { hash, file }] of changed) {
      if (this.closed) return
      const others = (byFlow.get(file.name ?? '') ?? []).filter((other) => other !== path)
      if (others.length > 0)
        this.tell(
          path,
          `${path}: ${others.join(', ')} is a flow named ${file.name}, too; none of them is loaded until one is renamed`,
          hash,
        )
      else if (await this.put(path, file, hash)) await this.engine.flowFiles.note(path, hash)
    }
  }

  /** False where it is broken. */
  private async put(path: string, file: FlowFile, hash: string): Promise<boolean> {
    if (this.broken.get(path) === hash) return false
    try {
      const { flow, created, warnings } = await this.engine.catalogue.put(file.bytes)
      this.told.delete(path)
      this.log.info(`${created ? 'deployed' : 'replaced'} ${flow} (${path})`, { flow, file: path })
      // flows that it calls may be among those that come next
      for (const warning of warnings) if (warning.rule !== 'unknown-flow') this.log.warn(diagnosticLine({ ...warning, file: path }))
      return true
    } catch (error) {
      if (!(error instanceof EngineError) || error.status >= 500) throw error
      this.broken.set(path, hash)
      if (error instanceof FlowInvalid) {
        const lines = error.diagnostics.filter(({ severity }) => severity === 'error').map((one) => diagnosticLine({ ...one, file: path }))
        this.tell(path, `${lines.join('\n')}\n${path} is not loaded`, hash)
        return false
      }
      this.tell(path, `${path} is not loaded: ${error.message}`, hash)
      return false
    }
  }

  private tell(path: string, message: string, hash = ''): void {
    const mark = `${hash} ${message}`
    if (this.told.get(path) === mark) return
    this.told.set(path, mark)
    this.log.error(message)
  }

  /** Reads what looks changed; the rest is as it was. */
  private scan(before: ReadonlyMap<string, Seen>): Map<string, Seen> {
    const found = new Map<string, Seen>()
    for (const folder of this.folders) {
      if (!isFolder(folder)) continue
      const prefix = this.folders.length === 1 ? '' : `${basename(folder)}/`
      for (const path of pathsIn(folder, true)) {
        const name = prefix + relative(folder, path).split(sep).join('/')
        // it may be gone in between
        const stats = statSync(path, { throwIfNoEntry: false, bigint: true })
        if (stats?.isFile() !== true) continue
        const state = `${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`
        const known = before.get(name)
        const seen = known?.state === state ? known : read(path, state)
        if (seen !== undefined) found.set(name, seen)
      }
    }
    return found
  }

  /** The flows that files name, with their inputs where there are some (flow.yaml has input.json): for whoever tries them. */
  examples(): { readonly flow: string; readonly input: string | undefined }[] {
    return [...this.seen.values()].flatMap(({ file }) => {
      if (file?.name === undefined) return []
      const beside = join(dirname(file.file), 'input.json')
      return [
        { flow: file.name, input: /^flow\./.test(basename(file.file)) && existsSync(beside) ? readFileSync(beside, 'utf8') : undefined },
      ]
    })
  }
}

function read(path: string, state: string): Seen | undefined {
  try {
    const file = readFlowFile(path)
    const hash = createHash('sha256').update(file.bytes).digest('hex')
    return { state, hash, file: looksLikeFlow(file) ? file : undefined }
  } catch {
    return undefined
  }
}

function sameStates(one: ReadonlyMap<string, Seen>, other: ReadonlyMap<string, Seen>): boolean {
  return one.size === other.size && [...one].every(([path, { state }]) => other.get(path)?.state === state)
}

function filesByFlow(seen: ReadonlyMap<string, Seen>): Map<string, string[]> {
  const files = new Map<string, string[]>()
  for (const [path, { file }] of seen) {
    if (file?.name === undefined) continue
    const paths = files.get(file.name)
    if (paths === undefined) files.set(file.name, [path])
    else paths.push(path)
  }
  return files
}
