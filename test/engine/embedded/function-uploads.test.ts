import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createEngine } from '../../../engine/create-engine.ts'
import { folderWith } from '../../cli/support.ts'
import { zipOf } from '../../executors/zips.ts'

const definition = (name: string, text = name, more: object = {}) => ({
  name,
  runtime: 'nodejs',
  handler: 'index.handler',
  timeout: 60,
  code: zipOf([{ name: 'index.mjs', content: `export const handler = () => [${JSON.stringify(text)}, process.env.KEY ?? null]` }]),
  ...more,
})

afterEach(() => vi.unstubAllEnvs())

describe('functions that are put into a store', () => {
  it('are there when it is opened again, with secrets as they are then; what is left of others is not', async () => {
    const store = folderWith()
    const functionSecrets = ['UPLOADS_TEST_KEY']
    const first = await createEngine({ store, functionSecrets })
    const secret = { environment: { secrets: { KEY: { from: 'env', name: 'UPLOADS_TEST_KEY' } } } }
    await first.functions.put(definition('a', 'old'))
    const { etag } = await first.functions.put(definition('a', 'new', secret), { id: 'request-1' })
    await first.functions.put(definition('gone'))
    await first.functions.remove('gone')
    expect(readdirSync(join(store, 'functions'))).toHaveLength(3)
    await first.close()

    mkdirSync(join(store, 'functions', '.draft-00'))
    process.env['UPLOADS_TEST_KEY'] = 'sesame'
    const second = await createEngine({ store, functionSecrets })
    try {
      expect((await second.functions.list()).map(({ name }) => name)).toEqual(['a'])
      const found = await second.functions.get('a')
      expect(found.etag).toBe(etag)
      expect(await second.invoke('a', {})).toEqual(['new', 'sesame'])
      expect(readdirSync(join(store, 'functions'))).toEqual([found.function.codeHash])
      // a request that is made again, since its answer was lost, finds what it made
      expect(await second.functions.put(definition('a', 'new', secret), { ifNoneMatch: '*', id: 'request-1' })).toMatchObject({
        created: true,
        etag,
      })
      const again = second.functions.put(definition('a', 'new', secret), { ifNoneMatch: '*', id: 'request-2' })
      await expect(again).rejects.toMatchObject({ code: 'precondition-failed' })
    } finally {
      delete process.env['UPLOADS_TEST_KEY']
      await second.close()
    }
    // one that the engine is made with comes first, and is not changed
    const third = await createEngine({ store, functions: { a: () => 'fixed' } })
    expect(await third.invoke('a', {})).toBe('fixed')
    await expect(third.functions.remove('a')).rejects.toMatchObject({ code: 'conflict' })
    await third.close()
  })

  it('without a store are gone with the engine, and so is their code', async () => {
    vi.stubEnv('TMPDIR', folderWith())
    for (const options of [{}, { engine: 'express' }] as const) {
      const engine = await createEngine(options)
      expect(readdirSync(tmpdir())).toEqual([])
      await engine.functions.put(definition('b'))
      expect(await engine.invoke('b', {})).toEqual(['b', null])
      expect(readdirSync(tmpdir())).toEqual([expect.stringMatching(/^fnflow-functions-/)])
      await engine.close()
      expect(readdirSync(tmpdir())).toEqual([])
    }
  })

  it('may name as secrets what the engine lets them, whatever is kept', async () => {
    const store = folderWith()
    const secret = { environment: { secrets: { KEY: { from: 'env', name: 'UPLOADS_TEST_KEY' } } } }
    vi.stubEnv('UPLOADS_TEST_KEY', 'sesame')
    const first = await createEngine({ store, functionSecrets: ['UPLOADS_TEST_KEY'] })
    await first.functions.put(definition('c', 'c', secret))
    expect(await first.invoke('c', {})).toEqual(['c', 'sesame'])
    await first.close()
    const second = await createEngine({ store, functionSecrets: ['PATH'] })
    await expect(second.invoke('c', {})).rejects.toMatchObject({ error: { errorType: 'SecretMissing' } })
    const again = second.functions.put(definition('c', 'c', secret))
    await expect(again).rejects.toMatchObject({ diagnostics: [{ message: expect.stringContaining('server.functionSecrets') }] })
    await second.close()
  })

  it('and acknowledged outlive kill -9, whole', async () => {
    const store = folderWith()
    const source = `
      import { createEngine } from ${JSON.stringify(resolve('engine/create-engine.ts'))}
      import { zipOf } from ${JSON.stringify(resolve('test/executors/zips.ts'))}
      const engine = await createEngine({ store: ${JSON.stringify(store)} })
      for (let n = 0; ; n++) {
        const files = Array.from({ length: 20 }, (_, file) => ({ name: 'part-' + file, content: String(n) }))
        const code = zipOf([...files, { name: 'index.mjs', content: 'export const handler = () => ' + n }])
        await engine.functions.put({ name: 'f' + n, runtime: 'nodejs', handler: 'index.handler', timeout: 60, code })
        console.log(n)
      }`
    const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'inherit'] })
    let last = -1
    for await (const line of createInterface(child.stdout)) {
      last = Number(line)
      if (last === 7) child.kill('SIGKILL')
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    expect(last).toBeGreaterThanOrEqual(7)
    const engine = await createEngine({ store })
    try {
      const found = await engine.functions.list()
      expect(found.length).toBeGreaterThan(last)
      const folders = found.map(({ codeHash }) => codeHash).sort()
      expect(readdirSync(join(store, 'functions')).sort()).toEqual(folders)
      for (const folder of folders) expect(existsSync(join(store, 'functions', folder as string, 'part-19'))).toBe(true)
      expect(await engine.invoke(`f${last}`, {})).toBe(last)
    } finally {
      await engine.close()
    }
  })
})
