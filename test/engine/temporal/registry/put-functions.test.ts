import { createHash, randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { StoredFunction } from '../../../../engine/function-uploads/api.ts'
import { registryLab } from './lab.ts'

const lab = registryLab()

const stored = (name: string, more: Partial<StoredFunction> = {}, definition: object = {}): StoredFunction => ({
  key: `default/${name}`,
  definition: JSON.stringify({ runtime: 'nodejs', timeout: 3, gpu: null, ...definition }),
  code: null,
  etag: `${name}-1`,
  madeBy: null,
  ...more,
})
const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

describe('functions that were put, in PostgreSQL', () => {
  test('are replaced and taken out only as they were read', async () => {
    const { uploads } = await lab.open()
    expect(await uploads.save(stored('a', { madeBy: 'request' }), 'a-0')).toBe('changed')
    expect(await uploads.save(stored('a', { madeBy: 'request' }), null)).toBe('saved')
    expect(await uploads.save(stored('a'), null)).toBe('changed')
    expect(await uploads.find('default/a')).toEqual(stored('a', { madeBy: 'request' }))
    expect(await uploads.save(stored('a', { etag: 'a-2' }, { text: 'a\0b' }), 'a-1')).toBe('saved')
    expect(await uploads.remove('default/a', 'a-1')).toBe(false)
    expect(await uploads.all()).toEqual([stored('a', { etag: 'a-2' }, { text: 'a\0b' })])
    expect(await uploads.remove('default/a', 'a-2')).toBe(true)
    expect(await uploads.find('default/a')).toBeUndefined()
    expect(await uploads.remove('default/a', 'a-2')).toBe(false)
  })

  test('by many servers at once are made by one, and each change has a number of its own', async () => {
    const scope = 'many'
    const servers = [await lab.open({ scope }), await lab.open({ scope }), await lab.open({ scope })]
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, (_, n) => servers[n % 3]!.uploads.save(stored('race', { etag: `${n}` }), null)),
    )
    expect(outcomes.filter((outcome) => outcome === 'saved')).toHaveLength(1)
    const shared = servers.map(({ uploads }) => uploads.shared!)
    const before = await shared[0]!.version()
    await servers[1]!.uploads.save(stored('other'), null)
    expect(await shared[2]!.version()).toBeGreaterThan(before)
    expect(await (await lab.open()).uploads.all()).toEqual([])
  })

  test('have their code with them, whole, whoever has begun to store it', async () => {
    const scope = 'code'
    const { uploads } = await lab.open({ scope })
    const shared = uploads.shared!
    const archive = randomBytes(9 * 1024 * 1024)
    const code = hashOf(archive)
    expect(await uploads.save(stored('whole', { code }), null)).toBe('no-code')
    await shared.saveCode(code, archive)
    // as a process leaves it that was killed in between
    await lab.sql('UPDATE fnflow.function_code SET complete = false WHERE hash = $1', [code])
    await lab.sql('DELETE FROM fnflow.function_code_pieces WHERE hash = $1 AND at = 1', [code])
    expect(await shared.code(code)).toBeUndefined()
    expect(await uploads.save(stored('whole', { code }), null)).toBe('no-code')
    await Promise.all([shared.saveCode(code, archive), (await lab.open({ scope })).uploads.shared!.saveCode(code, archive)])
    expect(hashOf((await shared.code(code))!)).toBe(code)
    expect(await uploads.save(stored('whole', { code }), null)).toBe('saved')
    expect(await uploads.find('default/whole')).toMatchObject({ code })
  })

  test('leave their code for some time, and then it goes, as that of uploads does which came to nothing', async () => {
    const { uploads } = await lab.open({ scope: 'sweep' })
    const shared = uploads.shared!
    const codes = await Promise.all(
      ['used', 'replaced', 'left'].map(async (text) => {
        const code = hashOf(Buffer.from(text))
        await shared.saveCode(code, Buffer.from(text))
        return code
      }),
    )
    const [used, replaced, left] = codes as [string, string, string]
    await uploads.save(stored('keeps', { code: used }), null)
    await uploads.save(stored('changes', { code: replaced }), null)
    const grow = (): Promise<unknown> =>
      lab.sql('UPDATE fnflow.function_code SET used_at = used_at - 7200000 WHERE hash = ANY ($1)', [codes])
    await grow()
    await uploads.save(stored('changes', { code: used, etag: 'changes-2' }), 'changes-1')
    expect(await shared.code(left)).toBeUndefined()
    // other processes may not have seen the change yet
    expect(await shared.code(replaced)).toEqual(Buffer.from('replaced'))
    await grow()
    await uploads.remove('default/changes', 'changes-2')
    expect(await shared.code(replaced)).toBeUndefined()
    expect(await shared.code(used)).toEqual(Buffer.from('used'))
    expect(await lab.sql('SELECT * FROM fnflow.function_code_pieces WHERE hash = $1', [replaced])).toEqual([])
  })

  test('are found by flows at once, where they run', async () => {
    const registry = await lab.open({ scope: 'routes' })
    await registry.saveFunctions([{ ref: 'default/own', queue: 'own', worker: '7' }])
    expect((await registry.functions()).has('default/put')).toBe(false)
    await registry.uploads.save(stored('put', {}, { pool: 'imports', timeout: 2.5 }), null)
    await registry.uploads.save(stored('card', {}, { gpu: { type: 'nvidia-t4', memory: 4 } }), null)
    expect(Object.fromEntries(await registry.functions())).toEqual({
      'default/own': { queue: 'own' },
      'default/put': { queue: 'imports', timeoutMs: 2500 },
      'default/card': { queue: 'gpu.nvidia-t4', timeoutMs: 3000 },
    })
    await registry.uploads.remove('default/put', 'put-1')
    expect([...(await registry.functions()).keys()].sort()).toEqual(['default/card', 'default/own'])
  })
})
