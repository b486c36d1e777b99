/** Code that was given as an archive, in folders by its hash. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { crc32, inflateRaw } from 'node:zlib'
import type { ZipContents, ZipFile } from './zip.ts'

const inflate = promisify(inflateRaw)

/** Thrown for an archive whose bytes are not what its directory says; the message is for people. */
export class DamagedArchive extends Error {}

export function archiveHash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/**
 * The folder of an archive's code, made if it is not there. It appears whole, or not at all: it is filled under another name and then renamed, when
 * all of it is on the disk.
 *
 * @param root where the folders are, made if it is not there
 * @param isDurable false: it need not outlive the machine
 * @throws DamagedArchive, and what the file system throws
 */
export async function unpackTo(root: string, hash: string, { files, folders }: ZipContents, isDurable = true): Promise<string> {
  const target = join(root, hash)
  if (await isFolder(target)) return target
  await mkdir(root, { recursive: true, mode: 0o700 })
  const draft = join(root, `${DRAFT}${randomBytes(8).toString('hex')}`)
  try {
    await mkdir(draft)
    for (const folder of folders) await mkdir(join(draft, folder), { recursive: true })
    for (const file of files) await write(join(draft, file.path), file, isDurable)
    if (isDurable) for (const folder of [...folders, '']) await sync(join(draft, folder))
    await rename(draft, target)
    if (isDurable) await sync(root)
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    // another call was faster
    if (await isFolder(target)) return target
    if ((error as { code?: unknown }).code === 'EEXIST') throw new DamagedArchive('two names mean the same file on this machine')
    throw error
  }
  return target
}

/** Removes what a crash has left: drafts, and folders of code that nothing refers to. Throws what the file system throws. */
export async function removeOthers(root: string, kept: ReadonlySet<string>): Promise<void> {
  let names: string[]
  try {
    names = await readdir(root)
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return
    throw error
  }
  for (const name of names) {
    // what is not ours stays
    const isOurs = name.startsWith(DRAFT) || /^[0-9a-f]{64}$/.test(name)
    if (isOurs && !kept.has(name)) await rm(join(root, name), { recursive: true, force: true })
  }
}

const DRAFT = '.draft-'

async function write(path: string, { data, isDeflated, size, crc, isExecutable }: ZipFile, isDurable: boolean): Promise<void> {
  const bytes = isDeflated ? await inflated(data, size) : data
  if (bytes.byteLength !== size || crc32(bytes) !== crc)
    throw new DamagedArchive('a file in it is damaged: its bytes are not those that it was made of')
  // not to be written again: other functions may have the same code
  const file = await open(path, 'wx', isExecutable ? 0o555 : 0o444)
  try {
    await file.writeFile(bytes)
    if (isDurable) await file.sync()
  } finally {
    await file.close()
  }
}

async function inflated(data: Uint8Array, size: number): Promise<Uint8Array> {
  try {
    return await inflate(data, { maxOutputLength: Math.max(1, size) })
  } catch (error) {
    const isBigger = (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE'
    throw new DamagedArchive(isBigger ? 'a file in it is larger than it says' : 'a file in it is damaged: it cannot be unpacked', {
      cause: error,
    })
  }
}

async function sync(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true
}
