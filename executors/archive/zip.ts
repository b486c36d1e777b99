/*
 * Zip files of people who may mean harm: what the central directory says is checked as a whole before anything is unpacked.
 *
 * - Z1. A name stays inside the folder, whatever system it was made on, and stands there once.
 * - Z2. Only files and folders, stored or deflated, in the clear.
 * - Z3. No byte of the archive belongs to two files, so what comes out is at most what went in times the best that deflate can do; what an entry
 *   says of its size is a limit when it is unpacked.
 *
 * Libraries (yauzl was weighed) leave to their users what counts here: links, names that are there twice, bytes that two entries share, checksums, and
 * whether both headers of an entry agree; what they would do is to read three kinds of records.
 */

/** A file of an archive, where its bytes lie. */
export interface ZipFile {
  readonly path: string
  readonly isExecutable: boolean
  readonly isDeflated: boolean
  readonly crc: number
  /** Bytes when unpacked. */
  readonly size: number
  readonly data: Uint8Array
}

export interface ZipContents {
  readonly files: readonly ZipFile[]
  /** Also those that are given by files inside them. */
  readonly folders: readonly string[]
  /** What is wrong, for people; nothing may be unpacked then. */
  readonly problems: readonly string[]
}

/** Bytes of all files when unpacked. */
export const UNPACKED_LIMIT = 250 * 1024 * 1024
export const MOST_ENTRIES = 10_000
/** Bytes out of one byte in; counted from so much on. */
const MOST_RATIO = 100
const RATIO_FREE = 10 * 1024 * 1024
const MOST_PROBLEMS = 20
const MOST_NAME_BYTES = 1024

const END = 0x06054b50
const CENTRAL = 0x02014b50
const LOCAL = 0x04034b50
const END_BYTES = 22
const CENTRAL_BYTES = 46
const LOCAL_BYTES = 30
/** Flags of entries that cannot be read without a key. */
const ENCRYPTED = 0x2041
const KIND = 0o170000
const FILE = 0o100000
const FOLDER = 0o040000
const METHODS: Readonly<Record<number, string>> = { 9: 'deflate64', 12: 'bzip2', 14: 'LZMA', 93: 'Zstandard', 95: 'XZ', 99: 'AES' }

/** Reads what an archive holds. Never throws: whatever is wrong is among `problems`. */
export function readZip(bytes: Uint8Array): ZipContents {
  const problems: string[] = []
  const archive = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = endOf(archive)
  if (end === undefined) return refused('it is no zip file: expected one, as base64, that ends with its directory')
  if (archive.readUInt16LE(end + 4) !== 0 || archive.readUInt16LE(end + 6) !== 0) return refused('it is a part of several; give it as one')
  const count = archive.readUInt16LE(end + 10)
  const size = archive.readUInt32LE(end + 12)
  const start = archive.readUInt32LE(end + 16)
  if (count === 0xffff || size === 0xffffffff || start === 0xffffffff)
    return refused('it is zip64, which no archive that may be put here needs')
  if (count > MOST_ENTRIES) return refused(`it has ${count} entries; at most ${MOST_ENTRIES} are allowed`)
  if (start + size !== end || archive.readUInt16LE(end + 8) !== count)
    return refused('it is damaged: its directory is not where it says, or not as long')

  const files: (ZipFile & { readonly from: number; readonly upto: number })[] = []
  const kinds = new Map<string, 'file' | 'folder'>()
  let total = 0
  let at = start
  for (let index = 0; index < count && problems.length < MOST_PROBLEMS; index++) {
    if (at + CENTRAL_BYTES > end || archive.readUInt32LE(at) !== CENTRAL) return refused('it is damaged: its directory ends too early')
    const [nameBytes, extra, comment] = [28, 30, 32].map((offset) => archive.readUInt16LE(at + offset)) as [number, number, number]
    const next = at + CENTRAL_BYTES + nameBytes + extra + comment
    if (next > end) return refused('it is damaged: its directory ends too early')
    const rawName = archive.subarray(at + CENTRAL_BYTES, at + CENTRAL_BYTES + nameBytes)
    const entry = {
      at,
      flags: archive.readUInt16LE(at + 8),
      method: archive.readUInt16LE(at + 10),
      mode: archive.readUInt32LE(at + 38) >>> 16,
    }
    const packed = archive.readUInt32LE(at + 20)
    const unpacked = archive.readUInt32LE(at + 24)
    const offset = archive.readUInt32LE(at + 42)
    at = next
    const name = nameOf(rawName)
    const shown = JSON.stringify(name ?? rawName.toString('latin1')).slice(0, 200)
    const problem = name === undefined ? 'the name is not UTF-8' : (nameProblem(name) ?? kindProblem(entry, name))
    if (name === undefined || problem !== undefined) {
      problems.push(`${shown}: ${problem}`)
      continue
    }
    const isFolder = name.endsWith('/')
    const path = isFolder ? name.slice(0, -1) : name
    const clash = takePath(kinds, path, isFolder)
    if (clash !== undefined) problems.push(`${shown}: ${clash}`)
    else if (isFolder) {
      if (unpacked > 0) problems.push(`${shown}: a folder has no bytes of its own`)
    } else {
      const data = dataAt(archive, offset, rawName, packed, start)
      if (data === undefined) problems.push(`${shown}: its bytes are not where the directory says`)
      else if (entry.method === 0 && packed !== unpacked) problems.push(`${shown}: it is stored, and said to be of another size`)
      else {
        total += unpacked
        const isExecutable = (entry.mode & 0o100) !== 0
        const crc = archive.readUInt32LE(entry.at + 16)
        files.push({
          path,
          isExecutable,
          isDeflated: entry.method === 8,
          crc,
          size: unpacked,
          data,
          from: offset,
          upto: data.byteOffset - archive.byteOffset + data.byteLength,
        })
      }
    }
  }
  if (problems.length === 0 && at !== end) problems.push('it is damaged: its directory has more than it says')
  if (problems.length === 0 && files.length === 0) problems.push('it holds no file')
  if (total > UNPACKED_LIMIT)
    problems.push(
      `its files have ${total} bytes when unpacked; at most ${UNPACKED_LIMIT} (${UNPACKED_LIMIT / 1024 / 1024} MiB) are allowed`,
    )
  else if (total > RATIO_FREE && total > MOST_RATIO * archive.length)
    problems.push(`it unpacks to more than ${MOST_RATIO} times its size, as bombs do`)
  const ordered = files.toSorted((a, b) => a.from - b.from)
  const twice = ordered.find((file, index) => index > 0 && file.from < ordered[index - 1]!.upto)
  if (twice !== undefined) problems.push(`${JSON.stringify(twice.path)}: its bytes belong to another entry, too`)
  return { files, folders: [...kinds].filter(([, kind]) => kind === 'folder').map(([path]) => path), problems }
}

function refused(problem: string): ZipContents {
  return { files: [], folders: [], problems: [problem] }
}

/** Where the end record begins: its comment must reach to the last byte. */
function endOf(archive: Buffer): number | undefined {
  const least = Math.max(0, archive.length - END_BYTES - 0xffff)
  for (let at = archive.length - END_BYTES; at >= least; at--) {
    if (archive.readUInt32LE(at) === END && archive.readUInt16LE(at + 20) === archive.length - at - END_BYTES) return at
  }
  return undefined
}

function nameOf(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** See Z1. */
function nameProblem(name: string): string | undefined {
  if (name === '') return 'an entry has no name'
  if (Buffer.byteLength(name) > MOST_NAME_BYTES) return `the name is longer than ${MOST_NAME_BYTES} bytes`

  if (/[\u0000-\u001f\u007f]/.test(name)) return 'the name holds a control character'
  if (name.includes('\\')) return 'the name holds a backslash; folders are separated by /'
  if (name.startsWith('/') || /^[A-Za-z]:/.test(name)) return 'the name is absolute; names are relative to the folder of the code'
  const parts = (name.endsWith('/') ? name.slice(0, -1) : name).split('/')
  if (parts.includes('..')) return 'the name leads out of the folder of the code'
  if (parts.some((part) => part === '' || part === '.')) return 'the name has an empty part, or one that is a dot'
  if (parts.some((part) => Buffer.byteLength(part) > 255)) return 'a part of the name is longer than 255 bytes'
  return undefined
}

/** See Z2. */
function kindProblem(
  { flags, method, mode }: { readonly flags: number; readonly method: number; readonly mode: number },
  name: string,
): string | undefined {
  if ((flags & ENCRYPTED) !== 0) return 'it is encrypted; expected an archive without a password'
  if (method !== 0 && method !== 8)
    return `it is packed by method ${method}${METHODS[method] === undefined ? '' : ` (${METHODS[method]})`}; expected stored or deflated`
  const kind = mode & KIND
  if (kind === 0o120000) return 'it is a symbolic link; give what it leads to'
  if (kind !== 0 && kind !== (name.endsWith('/') ? FOLDER : FILE)) return 'it is neither a file nor a folder'
  return undefined
}

/** Notes a path and the folders around it; returns what is wrong with that. */
function takePath(kinds: Map<string, 'file' | 'folder'>, path: string, isFolder: boolean): string | undefined {
  const known = kinds.get(path)
  // a folder may have been given by what is in it, and be named once more
  if (known === 'file' || (known === 'folder' && !isFolder)) return 'it is there twice'
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
    const around = path.slice(0, slash)
    if (kinds.get(around) === 'file') return `${JSON.stringify(around).slice(0, 200)} is a file, and cannot hold it`
    kinds.set(around, 'folder')
  }
  kinds.set(path, isFolder ? 'folder' : 'file')
  return undefined
}

function dataAt(archive: Buffer, offset: number, rawName: Buffer, packed: number, upto: number): Uint8Array | undefined {
  if (offset + LOCAL_BYTES > upto || archive.readUInt32LE(offset) !== LOCAL) return undefined
  const nameBytes = archive.readUInt16LE(offset + 26)
  const from = offset + LOCAL_BYTES + nameBytes + archive.readUInt16LE(offset + 28)
  if (from + packed > upto) return undefined
  // who reads the other of the two would see another archive
  if (!archive.subarray(offset + LOCAL_BYTES, offset + LOCAL_BYTES + nameBytes).equals(rawName)) return undefined
  return archive.subarray(from, from + packed)
}
