import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createEngine, type Engine, type EngineOptions, type ExecutionFailed } from '../../../engine/index.ts'
import { folderWith } from '../../cli/support.ts'
import { zipOf } from '../../executors/zips.ts'
import { rejection } from '../calls.ts'
import { newDatabase, newNamespace, temporalServices } from './services.ts'

const { address } = temporalServices()
const MINUTE = 60_000
const engines: Engine[] = []
let place: Pick<EngineOptions, 'engine' | 'store'> & { readonly temporal: NonNullable<EngineOptions['temporal']> }

beforeAll(async () => {
  const [namespace, store] = await Promise.all([newNamespace(), newDatabase()])
  place = { engine: 'temporal', store, temporal: { address, namespace, taskQueue: 'functions' } }
})
afterEach(() => vi.unstubAllEnvs())
afterAll(() => Promise.all(engines.map((engine) => engine.close())))

async function open(worker: boolean, more: EngineOptions = {}): Promise<Engine> {
  const engine = await createEngine({ ...place, temporal: { ...place.temporal, worker }, ...more })
  engines.push(engine)
  return engine
}

const definition = (name: string, text: string, more: object = {}) => ({
  name,
  runtime: 'nodejs',
  handler: 'index.handler',
  timeout: 60,
  code: zipOf([{ name: 'index.mjs', content: `export const handler = () => ${JSON.stringify(text)}` }]),
  ...more,
})

async function runs(engine: Engine, name: string): Promise<unknown> {
  await engine.deploy({ flow: `calls-${name}`, start: 'a', nodes: { a: { type: 'function', function: name } } })
  return (await engine.start(`calls-${name}`)).result()
}

describe('functions that are put on a cluster', () => {
  it(
    'are those of every server and worker, and so are their changes',
    async () => {
      const [here, there, worker] = [await open(false), await open(false), await open(true)]
      const { etag } = await here.functions.put(definition('shared', 'old'))
      // the worker has not looked for it yet, nor has the other server
      expect(await runs(here, 'shared')).toBe('old')
      expect(worker.instances().map((one) => one.function)).toContain('default/shared')
      expect(await there.functions.get('shared')).toEqual(await here.functions.get('shared'))
      expect((await there.functions.list()).map(({ name }) => name)).toEqual(['shared'])
      expect(await there.invoke('shared', {})).toBe('old')

      const late = await rejection(there.functions.put(definition('shared', 'late'), { ifMatch: ['other'] }))
      expect(late).toMatchObject({ code: 'precondition-failed' })
      await there.functions.put(definition('shared', 'new'), { ifMatch: [etag] })
      for (const engine of [here, worker]) await expect.poll(() => engine.invoke('shared', {}), { timeout: MINUTE }).toBe('new')
      expect(await runs(here, 'shared')).toBe('new')

      // code comes to where it is needed, and to workers
      const folder = folderWith()
      vi.stubEnv('TMPDIR', folder)
      const [client, second] = [await open(false), await open(true)]
      expect((await client.functions.get('shared')).function).toMatchObject({
        name: 'shared',
        codeHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      })
      const codes = (): number => readdirSync(folder).length
      await expect.poll(codes, { timeout: MINUTE }).toBe(1)
      expect(await second.invoke('shared', {})).toBe('new')
      expect(codes()).toBe(1)
      expect(await Promise.all([client.invoke('shared', {}), client.invoke('shared', {})])).toEqual(['new', 'new'])
      expect(codes()).toBe(2)

      await here.functions.remove('shared')
      expect(await rejection(there.functions.get('shared'))).toMatchObject({ code: 'function-not-found' })
      const gone = (): Promise<unknown> => rejection(worker.invoke('shared', {}))
      await expect.poll(gone, { timeout: MINUTE }).toMatchObject({ error: { status: 435 } })
    },
    3 * MINUTE,
  )

  it(
    'whose code cannot be had fail, and say nothing of the machine; others run',
    async () => {
      const here = await open(false)
      await here.functions.put(definition('lost', 'lost'))
      await here.functions.put(definition('there', 'there'))
      const lines: string[] = []
      const other = await open(false, { onLog: ({ text }) => void lines.push(text) })
      const nowhere = join(folderWith(), 'no', 'such', 'folder')
      vi.stubEnv('TMPDIR', nowhere)
      const { error } = (await rejection(other.invoke('lost', {}))) as ExecutionFailed
      expect(error).toMatchObject({ status: 500, errorMessage: expect.stringContaining('default/lost') })
      expect(JSON.stringify(error)).not.toContain(nowhere)
      expect(lines.join()).toContain(nowhere)
      vi.unstubAllEnvs()
      expect(await other.invoke('lost', {})).toBe('lost')
      expect(await other.invoke('there', {})).toBe('there')
    },
    2 * MINUTE,
  )

  it(
    'do not take the place of what a process was made with',
    async () => {
      const here = await open(false)
      await here.functions.put(definition('own', 'put'))
      const other = await open(false, { functions: { own: () => 'own' } })
      expect(await other.invoke('own', {})).toBe('own')
      expect(await rejection(other.functions.put(definition('own', 'again')))).toMatchObject({ code: 'conflict' })
      await here.functions.put(definition('own', 'newer'))
      await other.functions.list()
      expect(await other.invoke('own', {})).toBe('own')
      expect(await here.invoke('own', {})).toBe('newer')
    },
    2 * MINUTE,
  )

  it(
    'have secrets of the machine that runs them, as far as it gives them',
    async () => {
      const code = zipOf([{ name: 'index.mjs', content: 'export const handler = () => process.env.KEY' }])
      const secret = definition('secret', '', { code, environment: { secrets: { KEY: { from: 'env', name: 'CLUSTER_TEST_KEY' } } } })
      vi.stubEnv('CLUSTER_TEST_KEY', 'sesame')
      const gives = await open(false, { functionSecrets: ['CLUSTER_TEST_KEY'] })
      await gives.functions.put(secret)
      expect(await gives.invoke('secret', {})).toBe('sesame')
      const other = await open(false)
      expect(await rejection(other.invoke('secret', {}))).toMatchObject({ error: { errorType: 'SecretMissing' } })
    },
    2 * MINUTE,
  )

  it(
    'that were acknowledged outlive kill -9 of the server, whole, and what it leaves on its machine goes',
    async () => {
      const folder = folderWith()
      const source = `
        import { createEngine } from ${JSON.stringify(resolve('engine/create-engine.ts'))}
        import { zipOf } from ${JSON.stringify(resolve('test/executors/zips.ts'))}
        const engine = await createEngine(${JSON.stringify({ ...place, temporal: { ...place.temporal, worker: false } })})
        for (let n = 0; ; n++) {
          const code = zipOf([{ name: 'part', content: String(n) }, { name: 'index.mjs', content: 'export const handler = () => ' + n }])
          await engine.functions.put({ app: 'killed', name: 'f' + n, runtime: 'nodejs', handler: 'index.handler', timeout: 60, code })
          console.log(n)
        }`
      const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, TMPDIR: folder },
      })
      let last = -1
      for await (const line of createInterface(child.stdout)) {
        last = Number(line)
        if (last === 5) child.kill('SIGKILL')
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      expect(last).toBeGreaterThanOrEqual(5)
      vi.stubEnv('TMPDIR', folder)
      const left = readdirSync(tmpdir()).map((name) => join(tmpdir(), name))
      expect(left).toHaveLength(1)
      for (const one of left) utimesSync(one, 0, 0)

      const engine = await open(false)
      const found = (await engine.functions.list()).filter(({ app }) => app === 'killed')
      expect(found.length).toBeGreaterThan(last)
      for (const { name } of found) expect(await engine.invoke(`killed/${name}`, {})).toBe(Number(name.slice(1)))
      expect(existsSync(left[0] as string)).toBe(false)
    },
    4 * MINUTE,
  )
})
