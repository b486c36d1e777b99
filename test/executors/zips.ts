/** Archives for tests, also such as no honest program makes. */
import { crc32, deflateRawSync } from 'node:zlib'

export interface Entry {
  readonly name: string | Buffer
  readonly content?: string | Buffer
  readonly method?: number
  /** Of Unix, with the kind of file. */
  readonly mode?: number
  readonly flags?: number
  /** What is said of it, where that is not true. */
  readonly size?: number
  readonly crc?: number
  /** What the entry itself calls itself. */
  readonly localName?: string
  /** Its bytes are those of this entry. */
  readonly sharedWith?: number
}

export function zipOf(entries: readonly Entry[]): Buffer {
  const parts: Buffer[] = []
  const central: Buffer[] = []
  const offsets: number[] = []
  let at = 0
  for (const { name, content = '', method = 8, mode = 0o100644, flags = 0x800, size, crc, localName, sharedWith } of entries) {
    const bytes = Buffer.from(content)
    const packed = method === 8 ? deflateRawSync(bytes) : bytes
    const nameBytes = Buffer.from(name as string)
    const local = Buffer.alloc(30)
    const common = (to: Buffer, from: number): void => {
      to.writeUInt16LE(20, from)
      to.writeUInt16LE(flags, from + 2)
      to.writeUInt16LE(method, from + 4)
      to.writeUInt32LE(crc ?? crc32(bytes), from + 10)
      to.writeUInt32LE(packed.length, from + 14)
      to.writeUInt32LE(size ?? bytes.length, from + 18)
      to.writeUInt16LE(nameBytes.length, from + 22)
    }
    local.writeUInt32LE(0x04034b50)
    common(local, 4)
    const own = localName === undefined ? nameBytes : Buffer.from(localName)
    const head = Buffer.alloc(46)
    head.writeUInt32LE(0x02014b50)
    head.writeUInt16LE(0x0314, 4)
    common(head, 6)
    head.writeUInt32LE(mode * 0x10000, 38)
    head.writeUInt32LE(sharedWith === undefined ? at : (offsets[sharedWith] as number), 42)
    offsets.push(at)
    central.push(head, nameBytes)
    if (sharedWith === undefined) {
      parts.push(local, own, packed)
      at += local.length + own.length + packed.length
    }
  }
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50)
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...parts, directory, end])
}
