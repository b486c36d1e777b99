import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { archiveHash, DamagedArchive, removeOthers, unpackTo } from '../../executors/archive/unpack.ts'
import { readZip } from '../../executors/archive/zip.ts'
import { zipFolder } from '../../executors/archive/zip-folder.ts'
import { zipOf, type Entry } from './zips.ts'

const root = mkdtempSync(join(tmpdir(), 'fnflow-archive-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const honest = zipOf([
  { name: 'lib/', mode: 0o040755 },
  { name: 'index.py', content: 'print(1)\n' },
  { name: 'lib/deep/x.txt', content: 'x'.repeat(5000) },
  { name: 'tool', content: '#!/bin/sh\n', mode: 0o100755, method: 0 },
])

describe('archives', () => {
  it('are unpacked into a folder by their hash, once', async () => {
    const hash = archiveHash(honest)
    const contents = readZip(honest)
    expect(contents.problems).toEqual([])
    const [folder, again] = await Promise.all([unpackTo(root, hash, contents), unpackTo(root, hash, contents)])
    expect(again).toBe(folder)
    expect(readFileSync(join(folder, 'lib/deep/x.txt'), 'utf8')).toBe('x'.repeat(5000))
    expect(statSync(join(folder, 'tool')).mode & 0o777).toBe(0o555)
    expect(statSync(join(folder, 'index.py')).mode & 0o777).toBe(0o444)
    expect(readdirSync(root)).toEqual([hash])
  })
  it('of a common program are read', async () => {
    const made = join(root, 'made.zip')
    execFileSync('python3', [
      '-c',
      'import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1],"w",zipfile.ZIP_DEFLATED)\nz.writestr("é/a.txt","a"*999)\nz.writestr("b","")\nz.close()',
      made,
    ])
    const bytes = readFileSync(made)
    const folder = await unpackTo(root, archiveHash(bytes), readZip(bytes))
    expect(readFileSync(join(folder, 'é/a.txt'), 'utf8')).toBe('a'.repeat(999))
    expect(readFileSync(join(folder, 'b'), 'utf8')).toBe('')
  })
  const a: Entry = { name: 'a', content: 'a' }
  it.each<[string, readonly Entry[], RegExp]>([
    ['a way out', [{ name: '../a' }], /leads out/],
    ['a way out inside', [{ name: 'x/../../a' }], /leads out/],
    ['an absolute name', [{ name: '/etc/passwd' }], /absolute/],
    ['a drive', [{ name: 'C:a' }], /absolute/],
    ['a backslash', [{ name: '..\\a' }], /backslash/],
    ['a NUL', [{ name: 'a\0b' }], /control/],
    ['an empty part', [{ name: 'a//b' }], /empty part/],
    ['a dot', [{ name: './a' }], /empty part/],
    ['no name', [{ name: '' }], /no name/],
    ['a name that is no UTF-8', [{ name: Buffer.from([0xff, 0xfe]) }], /not UTF-8/],
    ['a long part', [{ name: 'x'.repeat(300) }], /longer than 255/],
    ['a symbolic link', [{ name: 'a', content: '/etc', mode: 0o120777 }], /symbolic link/],
    ['a device', [{ name: 'a', mode: 0o020666 }], /neither a file/],
    ['a pipe that is called a folder', [{ name: 'a/', mode: 0o010666 }], /neither a file/],
    ['an encrypted file', [{ ...a, flags: 1 }], /encrypted/],
    ['an unknown method', [{ ...a, method: 12 }], /bzip2/],
    ['a file twice', [a, a], /twice/],
    ['a file that is a folder', [a, { name: 'a/b' }], /cannot hold/],
    ['a folder that is a file', [{ name: 'a/b' }, a], /twice/],
    ['two names for the same bytes', [a, { ...a, name: 'b', localName: 'b', sharedWith: 0 }], /not where/],
    [
      'the same name for the same bytes',
      [
        { name: 'a', content: 'a' },
        { name: 'b', localName: 'c' },
      ],
      /not where/,
    ],
    ['nothing', [], /no file/],
    ['folders alone', [{ name: 'a/', mode: 0o040755 }], /no file/],
    ['too much', [{ ...a, size: 0xf0000000 }], /250 MiB/],
    ['a bomb', [{ name: 'a', content: Buffer.alloc(20 * 1024 * 1024) }], /bombs/],
    ['too many', Array.from({ length: 10_001 }, (_, index) => ({ name: String(index) })), /10001 entries/],
  ])('with %s are refused', (_what, entries, problem) => {
    const { problems } = readZip(zipOf(entries))
    expect(problems.join('\n')).toMatch(problem)
  })
  it('whose entries share bytes are refused', () => {
    const entries = zipOf([{ name: 'a', content: zipOf([{ name: 'b', content: 'inner' }]).subarray(0, 40), method: 0 }, a])
    // the second is moved into the first
    const at = entries.lastIndexOf(Buffer.from([0x50, 0x4b, 1, 2]))
    entries.writeUInt32LE(31, at + 42)
    expect(readZip(entries).problems).not.toEqual([])
  })
  it.each<[string, Entry, RegExp]>([
    ['another size', { name: 'a', content: 'abc', size: 2 }, /larger/],
    ['a larger size', { name: 'a', content: 'abc', size: 9 }, /damaged/],
    ['another checksum', { name: 'a', content: 'abc', crc: 1 }, /damaged/],
  ])('whose files have %s leave nothing behind', async (_what, entry, message) => {
    const before = readdirSync(root).sort()
    const bytes = zipOf([{ name: 'first', content: 'kept?' }, entry])
    const unpacking = unpackTo(root, archiveHash(bytes), readZip(bytes))
    await expect(unpacking).rejects.toThrow(message)
    await expect(unpacking).rejects.toBeInstanceOf(DamagedArchive)
    expect(readdirSync(root).sort()).toEqual(before)
  })
  it('that are damaged anywhere never throw', () => {
    fc.assert(
      fc.property(fc.nat(honest.length - 1), fc.nat(255), fc.nat(honest.length), (at, value, length) => {
        const damaged = Buffer.from(honest)
        damaged[at] = value
        for (const bytes of [damaged, honest.subarray(0, length), Buffer.concat([honest, Buffer.alloc(1)])]) readZip(bytes)
      }),
      { numRuns: 500 },
    )
    expect(readZip(honest.subarray(0, honest.length - 1)).problems).not.toEqual([])
    expect(readZip(Buffer.from('./folder')).problems.join()).toMatch(/no zip/)
  })
  it('that a crash has left go, and nothing else', async () => {
    const place = mkdtempSync(join(root, 'place-'))
    for (const name of ['.draft-1234', 'a'.repeat(64), 'b'.repeat(64), 'mine']) mkdirSync(join(place, name))
    writeFileSync(join(place, '.draft-1234', 'x'), 'x')
    await removeOthers(place, new Set(['b'.repeat(64)]))
    expect(readdirSync(place).sort()).toEqual(['b'.repeat(64), 'mine'])
    await removeOthers(join(place, 'none'), new Set())
  })
})

describe('a folder', () => {
  const folderOf = (files: Record<string, string>): string => {
    const folder = mkdtempSync(join(root, 'folder-'))
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(join(folder, name, '..'), { recursive: true })
      writeFileSync(join(folder, name), content)
    }
    return folder
  }
  it('becomes an archive that is the same for the same files', async () => {
    const files = { 'index.mjs': 'x'.repeat(3000), 'lib/ü/a.txt': 'a', empty: '', '.git/HEAD': 'left out', '__pycache__/a.pyc': 'left out' }
    const [one, other] = [folderOf(files), folderOf(Object.fromEntries(Object.entries(files).toReversed()))]
    chmodSync(join(one, 'empty'), 0o755)
    chmodSync(join(other, 'empty'), 0o755)
    utimesSync(join(other, 'index.mjs'), 0, 0)
    const archive = await zipFolder(one)
    expect(archive.equals(await zipFolder(other))).toBe(true)
    const contents = readZip(archive)
    expect(contents.problems).toEqual([])
    expect(contents.files.map(({ path, isExecutable }) => [path, isExecutable])).toEqual([
      ['empty', true],
      ['index.mjs', false],
      ['lib/ü/a.txt', false],
    ])
    const unpacked = await unpackTo(join(root, 'again'), archiveHash(archive), contents)
    expect(readFileSync(join(unpacked, 'index.mjs'), 'utf8')).toBe(files['index.mjs'])
    // other programs read it, too
    const made = join(root, 'folder.zip')
    writeFileSync(made, archive)
    const listed = execFileSync('python3', [
      '-c',
      'import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nprint(z.testzip(), len(z.namelist()))',
      made,
    ])
    expect(listed.toString().trim()).toBe('None 3')
  })
  it('may be a single file', async () => {
    const folder = folderOf({ 'index.mjs': 'a', 'secret.txt': 'b' })
    expect(readZip(await zipFolder(join(folder, 'index.mjs'))).files.map(({ path }) => path)).toEqual(['index.mjs'])
  })
  it('has what its links lead to, if that is inside', async () => {
    const folder = folderOf({ 'real/a.txt': 'a', 'other/x': '' })
    symlinkSync('real', join(folder, 'link'))
    symlinkSync('../real/a.txt', join(folder, 'other/b.txt'))
    const { files, problems } = readZip(await zipFolder(folder))
    expect(problems).toEqual([])
    expect(files.map(({ path }) => path)).toEqual(['link/a.txt', 'other/b.txt', 'other/x', 'real/a.txt'])
    symlinkSync('..', join(folder, 'real/up'))
    await expect(zipFolder(folder)).rejects.toThrow(/link to a folder that it is in/)
    rmSync(join(folder, 'real/up'))
    symlinkSync('/etc', join(folder, 'out'))
    await expect(zipFolder(folder)).rejects.toThrow(/^out is a link that leads out of it/)
  })
  it('without a file is none', async () => {
    await expect(zipFolder(folderOf({}))).rejects.toThrow(/no file/)
  })
})
