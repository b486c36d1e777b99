import type { FunctionSpec } from '../../executors/contract.ts'
import type { Preconditions } from '../catalogue/api.ts'
import { checkConditions } from '../catalogue/decide.ts'
import { EngineError } from '../errors.ts'
import type { FunctionRegistry } from '../functions.ts'
import type { FunctionPutOptions, FunctionStore, SharedFunctions, StoredFunction } from './api.ts'
import type { CodeFolder } from './code-folder.ts'

export interface UploadsServices {
  readonly registry: FunctionRegistry
  /** Variables of the environment that secrets may name. */
  readonly variables: readonly string[]
  /** Whether the code of functions that other processes have put is got before somebody needs it. */
  readonly prefetches: boolean
  store(): Promise<FunctionStore>
  log(text: string): void
}

/** What a put has come to. */
export interface Uploaded {
  readonly spec: FunctionSpec
  readonly code: string | null
  readonly created: boolean
  readonly etag: string
}

/** A change of another process is known within 2 s. */
const LOOK_MS = 1000
/** Before what could not be taken over is tried again. */
const AGAIN_MS = 10_000

/**
 * Functions that were put while the engine runs: kept in the store, their code in folders by its hash, and known to the registry.
 *
 * - U1. What a store holds has its code: in the folder, or in the shared store itself, whole, before the row is there.
 * - U2. Changes of this process come one after the other, and those of others are refused by the store where they come in between; the registry has
 *   a change when it is safe.
 * - U3. Of a shared store this process looks for changes once a second, before it shows what there is, and before it says that a function is
 *   not there.
 * - U4. Code that another process has put is got when a function is invoked first, and by workers beforehand.
 */
export class FunctionUploads {
  private readonly services: UploadsServices
  /** By `app/name`, what the registry has; not those that the engine was made with. */
  private readonly uploaded = new Map<string, StoredFunction>()
  /** Hashes of the code of kept ones that are not in use here, by `app/name`. */
  private readonly unused = new Map<string, string>()
  /** Those that the engine was made with: nobody else changes them. */
  private readonly fixed: ReadonlySet<string>
  private turn: Promise<unknown> = Promise.resolve()
  private folder: Promise<CodeFolder> | null = null
  private timer: NodeJS.Timeout | null = null
  private isClosed = false
  /** Of what has been taken over. */
  private version: number | null = null
  private againAt = Infinity
  private nextLook: Promise<void> | null = null
  /** What has been told, and need not be told again. */
  private readonly told = new Set<string>()

  constructor(services: UploadsServices) {
    this.services = services
    this.fixed = new Set([...services.registry.all()].map(({ app, name }) => `${app}/${name}`))
  }

  /** Of a function that was put; undefined of others. */
  find(key: string): StoredFunction | undefined {
    return this.uploaded.get(key)
  }

  /** True for those that the engine was made with. */
  isFixed(key: string): boolean {
    return this.fixed.has(key)
  }

  /** Takes over what a store holds, and of a shared one all that comes. One that the engine was made with comes first. */
  async load(store: FunctionStore): Promise<void> {
    await this.inTurn(() => this.takeOver(store))
    if (store.shared === null || this.isClosed) return
    this.services.registry.elsewhere = () => this.look()
    this.timer ??= setInterval(() => void this.look().catch(() => undefined), LOOK_MS).unref()
  }

  /** Takes over what other processes have changed by now. Rejects with EngineError `store-failed`, `engine-closed`. */
  async look(): Promise<void> {
    const store = await this.services.store()
    if (store.shared === null) return
    // one that has not begun yet does for all who ask meanwhile
    return (this.nextLook ??= this.inTurn(async () => {
      this.nextLook = null
      const version = await store.shared?.version()
      if (version !== this.version || performance.now() >= this.againAt) await this.takeOver(store)
    }))
  }

  /** As `EngineFunctions.put`. */
  async put(given: unknown, { name, id, ...conditions }: FunctionPutOptions): Promise<Uploaded> {
    const store = await this.services.store()
    const { takeFunction } = await import('./intake.ts')
    const { registry, variables } = this.services
    const { archive, ...taken } = takeFunction(given, name, registry.executors.names(), variables)
    const stored: StoredFunction = { ...taken.stored, madeBy: id ?? null }
    const { key, etag, code } = stored
    const decide = async (): Promise<{ readonly before: StoredFunction | undefined; readonly isMade: boolean }> => {
      this.mayChange(key)
      const before = await store.find(key)
      // the request has been made before, and died before its answer
      const isMade = id !== undefined && before?.madeBy === id
      if (!isMade) checkConditions(key, before?.etag, conditions, 'function')
      return { before, isMade }
    }
    // so that nothing is unpacked in vain
    const { isMade: wasMade } = await decide()
    const saveCode = async (): Promise<void> => {
      if (archive !== null && code !== null) await store.shared?.saveCode(code, archive.bytes)
    }
    if (archive !== null && code !== null) {
      const { keepCode } = await import('./stored.ts')
      await keepCode(await this.codeFolder(store), stored, archive.contents)
      if (!wasMade) await saveCode()
    }
    const spec = await this.specOf(stored, store)
    return this.inTurn(async () => {
      for (;;) {
        const { before, isMade } = await decide()
        // the same again: what runs goes on
        if (!isMade && before?.etag !== etag) {
          const outcome = await store.save(stored, before?.etag ?? null)
          if (outcome === 'no-code') await saveCode()
          if (outcome !== 'saved') continue
        }
        // what a repeated request has made may be that of another process
        if (this.uploaded.get(key)?.etag !== etag) this.take(stored, spec)
        await this.retain()
        return { spec, code, created: isMade || before === undefined, etag }
      }
    })
  }

  /** As `EngineFunctions.remove`. */
  async remove(key: string, conditions: Preconditions): Promise<void> {
    const store = await this.services.store()
    return this.inTurn(async () => {
      for (;;) {
        this.mayChange(key)
        const before = await store.find(key)
        if (before === undefined) throw new EngineError('function-not-found', `no function ${key}`)
        checkConditions(key, before.etag, conditions, 'function')
        if (await store.remove(key, before.etag)) break
      }
      this.drop(key)
      await this.retain()
    })
  }

  /** Looks for nothing any more. */
  stop(): void {
    this.isClosed = true
    this.services.registry.elsewhere = null
    if (this.timer !== null) clearInterval(this.timer)
  }

  /** When no process of a function is left. */
  async close(): Promise<void> {
    this.stop()
    await this.turn.catch(() => undefined)
    const folder = await this.folder?.catch(() => null)
    await folder?.close()
  }

  /** Makes the registry what the store says. */
  private async takeOver(store: FunctionStore): Promise<void> {
    // read first: what changes meanwhile is looked for once more
    const version = (await store.shared?.version()) ?? null
    const all = await store.all()
    this.unused.clear()
    const hasFailed = !(await this.takeAll(all, store))
    const keys = new Set(all.map(({ key }) => key))
    for (const key of [...this.uploaded.keys()]) if (!keys.has(key)) this.drop(key)
    await this.retain()
    this.version = version
    this.againAt = hasFailed ? performance.now() + AGAIN_MS : Infinity
    if (this.services.prefetches) void this.prefetch()
  }

  /** False where one cannot be used: it must not keep the others, and the store, from being used. */
  private async takeAll(all: readonly StoredFunction[], store: FunctionStore): Promise<boolean> {
    let isWhole = true
    // what a store has had before is told to the folder when it is opened
    if (store.folder !== null) await this.codeFolder(store, all)
    for (const stored of all) {
      const { key, etag, code } = stored
      if (this.uploaded.get(key)?.etag === etag) continue
      if (code !== null) this.unused.set(key, code)
      if (this.fixed.has(key)) continue
      try {
        if (code !== null && store.shared !== null)
          this.take(stored, await this.specOf({ ...stored, code: null }, store), this.bringer(stored, store, store.shared))
        else this.take(stored, await this.specOf(stored, store))
      } catch (error) {
        if (error instanceof EngineError && error.code === 'engine-closed') throw error
        isWhole = false
        this.tell(
          `${key} ${etag}`,
          `function ${key} cannot be used as it is kept: ${error instanceof Error ? error.message : String(error)}`,
        )
      }
    }
    return isWhole
  }

  private take(stored: StoredFunction, spec: FunctionSpec, bring?: () => Promise<void>): void {
    this.uploaded.set(stored.key, stored)
    this.unused.delete(stored.key)
    this.services.registry.add(spec, bring)
  }

  /** Gets the code of a function; it is asked for once by all who need it. Rejects with an Error that says why it cannot be used. */
  private bringer(stored: StoredFunction, store: FunctionStore, shared: SharedFunctions): () => Promise<void> {
    const { key, code } = stored
    let under: Promise<void> | null = null
    const bring = async (): Promise<void> => {
      await (await this.codeFolder(store)).fetch(code as string, (hash) => shared.code(hash))
      const spec = await this.specOf(stored, store)
      // else it was replaced meanwhile
      if (this.uploaded.get(key) === stored) this.services.registry.add(spec)
    }
    return () =>
      (under ??= bring().catch((error: unknown) => {
        under = null
        this.tell(`code ${key} ${code}`, `function ${key} cannot be used here: ${error instanceof Error ? error.message : String(error)}`)
        // without folders of the machine
        throw new Error(`the code of function ${key} cannot be had at present; the log of the machine says why`, { cause: error })
      }))
  }

  private async prefetch(): Promise<void> {
    for (const bring of [...this.services.registry.absent.values()]) {
      if (this.isClosed) return
      await bring().catch(() => undefined)
    }
  }

  private drop(key: string): void {
    this.uploaded.delete(key)
    this.unused.delete(key)
    this.services.registry.remove(key)
  }

  private async retain(): Promise<void> {
    const folder = await this.folder
    folder?.retain(new Set([...[...this.uploaded.values()].flatMap(({ code }) => code ?? []), ...this.unused.values()]))
  }

  private mayChange(key: string): void {
    if (this.fixed.has(key))
      throw new EngineError('conflict', `function ${key} is one of functions.yaml, or of the engine’s options; it is changed there`)
  }

  private codeFolder(store: FunctionStore, kept: readonly StoredFunction[] = []): Promise<CodeFolder> {
    if (this.folder !== null) return this.folder
    const opening = import('./code-folder.ts').then(({ CodeFolder }) =>
      CodeFolder.open(store.folder, new Set(kept.flatMap(({ code }) => code ?? []))),
    )
    this.folder = opening
    // the next one may have better luck
    opening.catch(() => (this.folder = null))
    return opening
  }

  private async specOf(stored: StoredFunction, store: FunctionStore): Promise<FunctionSpec> {
    const { specOfStored } = await import('./stored.ts')
    return specOfStored(stored, stored.code === null ? null : (await this.codeFolder(store)).root, this.services.variables)
  }

  private tell(what: string, text: string): void {
    if (this.told.has(what)) return
    this.told.add(what)
    this.services.log(text)
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work)
    this.turn = result.catch(() => undefined)
    return result
  }
}
