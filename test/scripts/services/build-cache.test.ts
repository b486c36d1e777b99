import { existsSync, mkdirSync, readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { cached } from '../../../scripts/services/build-cache.ts'
import { setVariables, startScript, temporaryFolder } from './lab.ts'

const unexpected = () => {
  throw new Error('not expected to wait')
}

let folder: string

beforeEach(() => {
  const cache = temporaryFolder()
  setVariables({ XDG_CACHE_HOME: cache })
  folder = join(cache, 'fnflow', 'services')
})

test('what is there is not built again', async () => {
  const path = await cached('thing', (path) => Promise.resolve(writeFileSync(path, 'built')), unexpected)
  expect(path).toBe(join(folder, 'thing'))
  expect(await cached('thing', () => Promise.reject(new Error('built again')), unexpected)).toBe(path)
  expect(readFileSync(path, 'utf8')).toBe('built')
  expect(readdirSync(folder)).toEqual(['thing'])
})

test('a build that fails leaves nothing, and the next one begins anew', async () => {
  const failing = cached(
    'thing',
    (path) => {
      writeFileSync(path, 'half')
      throw new Error('no space left')
    },
    unexpected,
  )
  await expect(failing).rejects.toThrow('no space left')
  expect(readdirSync(folder)).toEqual([])
  await cached('thing', (path) => Promise.resolve(writeFileSync(path, 'built')), unexpected)
  expect(readdirSync(folder)).toEqual(['thing'])
})

test('the lock and the leftovers of a build that was killed are cleared away', async () => {
  mkdirSync(folder, { recursive: true })
  const { child, ended } = startScript(['--eval', ''], {})
  await ended
  writeFileSync(join(folder, 'thing.lock'), String(child.pid))
  writeFileSync(join(folder, `thing.${child.pid}`), 'half')
  await cached('thing', (path) => Promise.resolve(writeFileSync(path, 'built')), unexpected)
  expect(readdirSync(folder)).toEqual(['thing'])

  // Killed before it could write its number.
  const lock = join(folder, 'other.lock')
  writeFileSync(lock, '')
  utimesSync(lock, 0, 0)
  await cached('other', (path) => Promise.resolve(writeFileSync(path, 'built')), unexpected)
  expect(existsSync(lock)).toBe(false)
})

test('of several processes that want it one builds, and the others wait for it', async () => {
  const script = `
    import { appendFileSync, writeFileSync } from 'node:fs'
    const { cached } = await import('./scripts/services/build-cache.ts')
    const built = async (path) => {
      appendFileSync(process.env.BUILDS, 'x')
      await new Promise((resolve) => setTimeout(resolve, 300))
      writeFileSync(path, 'built')
    }
    console.log(await cached('thing', built, () => console.error('waiting')))`
  const builds = join(folder, '..', 'builds')
  mkdirSync(folder, { recursive: true })
  const processes = [1, 2, 3].map(() => startScript(['--input-type=module', '--eval', script], { BUILDS: builds }))
  for (const { ended, output, messages } of processes) {
    expect(await ended, messages()).toBe(0)
    expect(output()).toBe(`${join(folder, 'thing')}\n`)
  }
  expect(readFileSync(builds, 'utf8')).toBe('x')
  expect(readdirSync(folder)).toEqual(['thing'])
})
