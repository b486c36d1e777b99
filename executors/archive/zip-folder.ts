/** A folder of code as a zip file. The same files give the same bytes, whenever and wherever they were written. */
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { promisify } from 'node:util'
import { crc32, deflateRaw } from 'node:zlib'
import { MOST_ENTRIES, UNPACKED_LIMIT } from './zip.ts'

const deflate = promisify(deflateRaw)

/** What no function needs: history, and what Python makes by itself. */
const LEFT_OUT: ReadonlySet<string> = new Set(['.git', '__pycache__', '.DS_Store'])
/** 1980-01-01, the first day that there is. */
const DATE = 0x21
const UTF8 = 0x800

interface Packed {
  readonly name: string
  readonly isExecutable: boolean
  readonly bytes: Buffer
  readonly packed: Buffer
}

/**
 * Links are followed: archives with links are not taken. Throws an Error that says why a folder (or a single file) cannot be packed, and what the file
 * system throws.
 */
export async function zipFolder(path: string): Promise<Buffer> {
  const root = await realpath(path)
  const isFile = (await stat(root)).isFile()
  const names = isFile ? [root] : await filesIn(root, root, [root])
  names.sort()
  if (names.length === 0) throw new Error('there is no file in it')
  const files: Packed[] = []
  let total = 0
  for (const name of names) {
    const { mode, size } = await stat(name)
    total += size
    if (total > UNPACKED_LIMIT) throw new Error(`its files have more than ${UNPACKED_LIMIT / 1024 / 1024} MiB`)
    const bytes = await readFile(name)
    const packed = await deflate(bytes)
    const short = isFile ? (name.split(sep).at(-1) as string) : relative(root, name).split(sep).join('/')
    files.push({ name: short, isExecutable: (mode & 0o100) !== 0, bytes, packed })
  }
  return archiveOf(files)
}

/** @param around The real folders that this one is in, itself included: a link to one of them has no end. */
async function filesIn(folder: string, root: string, around: readonly string[], found: string[] = []): Promise<string[]> {
  for (const { name } of await readdir(folder, { withFileTypes: true })) {
    if (LEFT_OUT.has(name)) continue
    const path = join(folder, name)
    const real = await realpath(path)
    if (!(real + sep).startsWith(root + sep)) throw new Error(`${relative(root, path)} is a link that leads out of it`)
    const at = await stat(real)
    if (at.isDirectory()) {
      if (around.includes(real)) throw new Error(`${relative(root, path)} is a link to a folder that it is in`)
      await filesIn(path, root, [...around, real], found)
    } else if (at.isFile()) found.push(path)
    if (found.length > MOST_ENTRIES) throw new Error(`it has more than ${MOST_ENTRIES} files`)
  }
  return found
}

function archiveOf(files: readonly Packed[]): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const file of files) {
    const name = Buffer.from(file.name)
    // what both headers have in common
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt16LE(UTF8, 2)
    common.writeUInt16LE(8, 4)
    common.writeUInt16LE(DATE, 8)
    common.writeUInt32LE(crc32(file.bytes), 10)
    common.writeUInt32LE(file.packed.length, 14)
    common.writeUInt32LE(file.bytes.length, 18)
    common.writeUInt16LE(name.length, 22)
    parts.push(signature(0x04034b50), common, name, file.packed)
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE((0o100000 | (file.isExecutable ? 0o755 : 0o644)) * 0x10000, 6)
    rest.writeUInt32LE(at, 10)
    // made by Unix, so that the mode counts
    directory.push(signature(0x02014b50), Buffer.from([20, 3]), common, rest, name)
    at += 4 + common.length + name.length + file.packed.length
  }
  const entries = Buffer.concat(directory)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(files.length, 4)
  end.writeUInt16LE(files.length, 6)
  end.writeUInt32LE(entries.length, 8)
  end.writeUInt32LE(at, 12)
  return Buffer.concat([...parts, entries, signature(0x06054b50), end])
}

function signature(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
