import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { archiveHash, DamagedArchive, removeOthers, unpackTo } from '../../executors/archive/unpack.ts'
import { readZip, type ZipContents } from '../../executors/archive/zip.ts'
import { EngineError } from '../errors.ts'
import { makeTemporaryFolder, sweepTemporaryFolders, type TemporaryFolder } from '../temporary-folders.ts'

const PREFIX = 'fnflow-functions-'
/** Longer than any request to a function may take (functions.md, 1). */
const DISUSE_MS = 4 * 86_400_000

/**
 * Where the code of functions lies on this machine, in folders by its hash. Those that no function has any more stay for as long as a process of a
 * function that was replaced may need them.
 */
export class CodeFolder {
  readonly root: string
  private readonly temporary: TemporaryFolder | null
  private readonly disuseMs: number
  /** Hashes of code that is here, and since when nothing has used it, ms of the monotonic clock; 0: it is used. */
  private readonly idleSince = new Map<string, number>()
  private removing: Promise<void> = Promise.resolve()

  private constructor(root: string, temporary: TemporaryFolder | null, disuseMs: number) {
    this.root = root
    this.temporary = temporary
    this.disuseMs = disuseMs
  }

  /**
   * @param own Null: a folder that goes with this process.
   * @param kept The code that functions have; what else is there goes, be it half written.
   * @param disuseMs For tests.
   */
  static async open(own: string | null, kept: ReadonlySet<string>, disuseMs = DISUSE_MS): Promise<CodeFolder> {
    if (own !== null) {
      await removeOthers(own, kept)
      const folder = new CodeFolder(own, null, disuseMs)
      for (const hash of kept) folder.idleSince.set(hash, 0)
      return folder
    }
    await sweepTemporaryFolders(PREFIX)
    const temporary = await makeTemporaryFolder(PREFIX)
    return new CodeFolder(join(temporary.path, 'code'), temporary, disuseMs)
  }

  /** Unpacks an archive; nothing where it is there. Throws DamagedArchive, and EngineError `store-failed`. */
  async keep(hash: string, archive: ZipContents): Promise<void> {
    // from now on it is not removed, if it is there
    if (this.idleSince.has(hash)) this.idleSince.set(hash, 0)
    await this.removing
    try {
      await unpackTo(this.root, hash, archive, this.temporary === null)
      this.idleSince.set(hash, 0)
    } catch (error) {
      if (error instanceof DamagedArchive) throw error
      throw new EngineError('store-failed', `the code cannot be kept: ${String(error)}`, { cause: error })
    }
  }

  /** As {@link keep}, of code that lies elsewhere. Throws an Error that says why it cannot be used. */
  async fetch(hash: string, read: (hash: string) => Promise<Uint8Array | undefined>): Promise<void> {
    if (this.idleSince.has(hash)) {
      this.idleSince.set(hash, 0)
      return
    }
    const bytes = await read(hash)
    if (bytes === undefined) throw new Error('its code is not in the store')
    if (archiveHash(bytes) !== hash) throw new Error('its code in the store is damaged')
    const archive = readZip(bytes)
    if (archive.problems.length > 0) throw new Error(`its code cannot be unpacked: ${archive.problems.join('; ')}`)
    await this.keep(hash, archive)
  }

  /** Told what functions have after each change. */
  retain(used: ReadonlySet<string>): void {
    const now = performance.now()
    for (const [hash, since] of this.idleSince) {
      if (used.has(hash)) this.idleSince.set(hash, 0)
      else if (since === 0) this.idleSince.set(hash, now)
      else if (now - since >= this.disuseMs) {
        this.idleSince.delete(hash)
        const gone = rm(join(this.root, hash), { recursive: true, force: true }).catch(() => undefined)
        this.removing = this.removing.then(() => gone)
      }
    }
  }

  /** When no process of a function is left. */
  async close(): Promise<void> {
    await this.removing
    this.temporary?.remove()
  }
}
