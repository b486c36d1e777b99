import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { hashOf, newKey, type StoredKey } from '../../../../engine/keys/api-key.ts'
import { KeyRing } from '../../../../engine/keys/key-ring.ts'
import { openKeys } from '../../../../engine/keys/open.ts'
import { fnflow, folderWith } from '../../../cli/support.ts'
import { registryLab } from './lab.ts'

const lab = registryLab()

const stored = (name: string, key: string, more: Partial<StoredKey> = {}): StoredKey => ({
  name,
  role: 'viewer',
  hash: hashOf(key),
  createdAt: 1,
  ...more,
})

describe('API keys in PostgreSQL', () => {
  test('are kept as hashes, by name, each scope its own', async () => {
    const { apiKeys } = await lab.open({ scope: 'keys' })
    const key = newKey()
    const first = stored('a', key, { role: 'operator', flows: ['x', 'y'] })
    expect(await apiKeys.add(first)).toBe(true)
    // the repetition of a call whose answer was lost
    expect(await apiKeys.add(first)).toBe(true)
    expect(await apiKeys.add(stored('a', newKey()))).toBe(false)
    expect(await apiKeys.add(stored('b', newKey()))).toBe(true)
    expect(await apiKeys.list()).toMatchObject([first, { name: 'b' }])
    expect((await apiKeys.list())[1]).not.toHaveProperty('flows')
    expect(await (await lab.open({ scope: 'others' })).apiKeys.list()).toEqual([])
    const rows = await lab.sql('SELECT * FROM fnflow.api_keys', [])
    expect(JSON.stringify(rows)).not.toContain(key.slice(7))
    expect(await apiKeys.remove('a')).toBe(true)
    expect(await apiKeys.remove('a')).toBe(false)
  })

  test('of one server are known to another within two seconds, new ones at once, and one ask of many serves them all', async () => {
    const place = { engine: 'temporal', store: lab.url(), scope: 'servers' } as const
    const [here, there] = [await openKeys(place), await openKeys(place)]
    const ring = new KeyRing([], here)
    expect(await ring.areNeeded()).toBe(false)
    const key = newKey()
    await there.add(stored('a', key))
    await sleep(150)
    const found = await Promise.all(Array.from({ length: 50 }, async () => ring.find(key)))
    expect(found.every((one) => one?.name === 'a')).toBe(true)
    expect(await ring.areNeeded()).toBe(true)
    await there.remove('a')
    const removed = performance.now()
    await expect.poll(() => ring.find(key), { timeout: 10_000 }).toBeUndefined()
    expect(performance.now() - removed).toBeLessThan(8000)
    // it does not open again
    expect(await ring.areNeeded()).toBe(true)
    await Promise.all([ring.close(), there.close()])
  })

  test('are made by fnflow keys, without Temporal', async () => {
    const cwd = folderWith({ 'fnflow.yaml': 'engine: temporal\ntemporal: { address: "127.0.0.1:1" }\n' })
    const env = { FNFLOW_STORE: lab.url() }
    const added = await fnflow(['keys', 'add', 'ops', '--role', 'admin', '--flow', 'x', '--scope', 'cli'], { cwd, env })
    expect(added).toMatchObject({ code: 0, stdout: expect.stringMatching(/^fnflow_[\w-]{43}\n$/) as unknown })
    const { apiKeys } = await lab.open({ scope: 'cli' })
    expect(await apiKeys.list()).toMatchObject([{ name: 'ops', role: 'admin', flows: ['x'], hash: hashOf(added.stdout.trim()) }])
    expect((await fnflow(['keys', 'list', '--scope', 'cli'], { cwd, env })).stdout).toMatch(/^ops +admin .* x$/m)
    expect(await fnflow(['keys', 'remove', 'ops', '--scope', 'cli'], { cwd, env })).toMatchObject({ code: 0 })
    expect(await apiKeys.list()).toEqual([])
  })
})
