import { createHash, randomUUID } from 'node:crypto'
import { access, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { EngineError } from '../../errors.ts'
import type { PayloadBackend } from './payloads.ts'

/** Names that are as good as file names; no others begin with `~`. */
const PLAIN = /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}$/

/**
 * Payloads as files of a folder that all processes see: `<folder>/<2 of the owner's hash>/<owner>/<sha256>`. A file comes into being under a name of
 * its own and is renamed when it is on the disk, so that it is whole or not there, whoever writes it and whenever they die.
 */
export class FolderPayloads implements PayloadBackend {
  readonly where: string
  readonly askBytes = 0
  private readonly folder: string

  constructor(folder: string) {
    this.where = `folder ${folder}`
    this.folder = folder
  }

  async has(owner: string, hash: string): Promise<boolean> {
    return access(this.fileOf(owner, hash)).then(
      () => true,
      (error: unknown) => {
        if (isMissing(error)) return false
        throw this.failure(error)
      },
    )
  }

  async write(owner: string, hash: string, data: Uint8Array): Promise<void> {
    const file = this.fileOf(owner, hash)
    const temporary = `${file}.${randomUUID()}.tmp`
    try {
      await makeFolder(dirname(file))
      const handle = await open(temporary, 'wx')
      try {
        await handle.writeFile(data)
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(temporary, file)
      await syncFolder(dirname(file))
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {})
      throw this.failure(error)
    }
  }

  async read(owner: string, hash: string): Promise<Uint8Array | undefined> {
    try {
      return await readFile(this.fileOf(owner, hash))
    } catch (error) {
      if (isMissing(error)) return undefined
      throw this.failure(error)
    }
  }

  async deleteOwners(owners: readonly string[]): Promise<void> {
    try {
      for (const owner of owners) await rm(this.ownerFolder(owner), { recursive: true, force: true })
    } catch (error) {
      throw this.failure(error)
    }
  }

  private fileOf(owner: string, hash: string): string {
    return join(this.ownerFolder(owner), hash)
  }

  private ownerFolder(owner: string): string {
    return join(this.folder, hashOf(owner).slice(0, 2), nameOf(owner))
  }

  private failure(error: unknown): EngineError {
    const reason = error instanceof Error ? error.message : String(error)
    const remedy = 'See that the folder is there, that it has space, and that this user may write to it'
    return new EngineError('store-failed', `payloads in ${this.where} failed: ${reason}. ${remedy}.`, { cause: error })
  }
}

/** A file name for any text. */
function nameOf(text: string): string {
  return PLAIN.test(text) ? text : `~${hashOf(text)}`
}

function hashOf(text: string): string {
  // as UTF-16, since UTF-8 gives all lone surrogates one form
  return createHash('sha256').update(Buffer.from(text, 'utf16le')).digest('hex')
}

/** Makes it with its parents, and sees that their names are on the disk before anything is in it. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true })
  if (first === undefined) return
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made))
}

/** So that the name outlives a loss of power as well. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function isMissing(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown }
  return code === 'ENOENT' || code === 'ENOTDIR'
}
