/*
 * What is built for the tests is kept outside of the repository: it is big, slow to make and the same for every checkout.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const POLL_MS = 500
/** A lock that names nobody for so long was left by somebody who was killed while writing it. */
const EMPTY_LOCK_MS = 10_000

/** The folder in which built services are kept, `$XDG_CACHE_HOME` or `~/.cache` with `fnflow/services`. */
export function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'fnflow', 'services')
}

/**
 * The path of the cached file or folder `name`; `build` makes it, under the path that it is given, if it is not there. Of several processes that
 * want it one builds and the others wait.
 */
export async function cached(name: string, build: (path: string) => Promise<void>, waiting: (holder: number) => void): Promise<string> {
  const folder = cacheFolder()
  const path = join(folder, name)
  if (existsSync(path)) return path
  mkdirSync(folder, { recursive: true })
  const lock = `${path}.lock`
  let told = false
  while (!take(lock)) {
    const holder = holderOf(lock)
    // Two that find a dead holder's lock at once may both build: a waste, but no harm, since a finished file is put in place by a rename.
    if (holder === undefined ? isOld(lock) : !isAlive(holder)) rmSync(lock, { force: true })
    else {
      if (!told && holder !== undefined) waiting(holder)
      told ||= holder !== undefined
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }
  const temporary = `${path}.${process.pid}`
  try {
    if (!existsSync(path)) {
      // What a build that was killed has left.
      for (const file of readdirSync(folder))
        if (file.startsWith(`${name}.`) && /\.\d+$/.test(file)) rmSync(join(folder, file), { force: true, recursive: true })
      await build(temporary)
      renameSync(temporary, path)
    }
    return path
  } finally {
    rmSync(temporary, { force: true, recursive: true })
    rmSync(lock, { force: true })
  }
}

function take(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Undefined while the file is being written, or is gone already. */
function holderOf(lock: string): number | undefined {
  try {
    return Number(readFileSync(lock, 'utf8')) || undefined
  } catch {
    return undefined
  }
}

function isOld(lock: string): boolean {
  try {
    return Date.now() - statSync(lock).mtimeMs > EMPTY_LOCK_MS
  } catch {
    return false
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
