import { once } from 'node:events'
import { afterAll, describe, expect, test } from 'vitest'
import { startServices } from '../../../../scripts/services/start.ts'
import { Database } from '../../../../engine/temporal/registry/database.ts'
import { RegistryError } from '../../../../engine/temporal/registry/database-errors.ts'
import { needServices, serviceOutcome } from '../../../services/need.ts'
import { deployFlow, endConnections, ended, registryLab, storedFlow } from './lab.ts'

const lab = registryLab()

const databases: Database[] = []
afterAll(() => Promise.all(databases.map((database) => database.close())))

async function database(poolSize = 2): Promise<Database> {
  const opened = await Database.open({ url: lab.url(), schema: 'fnflow', poolSize }, () => Promise.resolve())
  databases.push(opened)
  return opened
}

/** Resolves when a registry's connection runs such a statement. */
async function runs(text: string): Promise<void> {
  const sql = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE $1 AND pid <> pg_backend_pid()"
  while ((await lab.sql(sql, [text])).length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
}

test('connections that were ended while idle are replaced without a word', async () => {
  const registry = await lab.open()
  await deployFlow(registry, { name: 'f', hash: 'h', mode: 'standard', planText: '{}' })
  for (let round = 0; round < 3; round++) {
    // several, of which the pool keeps some idle
    await Promise.all(Array.from({ length: 5 }, () => storedFlow(registry, 'f')))
    await endConnections(lab)
    expect(await storedFlow(registry, 'f')).toMatchObject({ hash: 'h' })
    await registry.saveRecords([ended(`e${round}`)])
  }
  expect(await registry.hasRecord(['e0', 'e1', 'e2'])).toEqual(new Set(['e0', 'e1', 'e2']))
})

test('a statement whose connection is ended is repeated once', async () => {
  const db = await database()
  const reading = db.rows("SELECT pg_sleep(CASE WHEN pg_backend_pid() % 2 >= 0 THEN 1 END), 'slept' AS word", [])
  await runs('%pg_sleep%')
  await endConnections(lab)
  expect(await reading).toMatchObject([{ word: 'slept' }])
})

test('one that must not run twice is not repeated: it fails, as something that may pass', async () => {
  const db = await database()
  const changing = db.change('SELECT pg_sleep(30)', [], { repeatable: false })
  const outcome = changing.catch((error: unknown) => error)
  await runs('%pg_sleep(30)%')
  await endConnections(lab)
  expect(await outcome).toMatchObject({ name: 'RegistryError', code: 'store-failed', passing: true })
  // the pool goes on
  expect(await db.rows('SELECT 1 AS one', [])).toEqual([{ one: 1 }])
})

test('a deadlock is resolved by repeating the one that lost', async () => {
  const db = await database(4)
  await db.change('CREATE TABLE IF NOT EXISTS public.two (id int PRIMARY KEY, n int)', [])
  await db.change('INSERT INTO public.two VALUES (1, 0), (2, 0)', [])
  const add = (first: number, second: number): Promise<number> =>
    db.change(
      `WITH a AS (UPDATE public.two SET n = n + 1 WHERE id = ${first} RETURNING n), s AS (SELECT pg_sleep(0.3) FROM a)
       UPDATE public.two SET n = two.n + 1 FROM s WHERE id = ${second}`,
      [],
    )
  await Promise.all([add(1, 2), add(2, 1)])
  expect(await db.rows('SELECT sum(n)::int AS n FROM public.two', [])).toEqual([{ n: 4 }])
})

test('what cannot be sent at all fails as itself, and leaves the pool as it was', async () => {
  const db = await database(1)
  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  await expect(db.rows('SELECT $1::text', [circular])).rejects.toBeInstanceOf(RegistryError)
  expect(await db.rows('SELECT 1 AS one', [])).toEqual([{ one: 1 }])
})

test('more calls than connections wait for each other', async () => {
  const db = await database(2)
  const rows = await Promise.all(Array.from({ length: 50 }, (_, at) => db.row<{ at: number }>('SELECT $1::int AS at', [at])))
  expect(rows.map((row) => row?.at)).toEqual(Array.from({ length: 50 }, (_, at) => at))
})

describe('a server that is killed and comes back', () => {
  test('fails calls meanwhile, has what was acknowledged, and is used again without being opened anew', async () => {
    needServices('postgres')
    if (serviceOutcome('postgres').skipped !== undefined) return
    const services = await startServices(['postgres'], { own: true, log: () => {} })
    try {
      const { postgres } = services.services
      const registry = await lab.open({ url: postgres.address })
      await deployFlow(registry, { name: 'f', hash: 'h', mode: 'standard', planText: '{}' })
      await registry.saveRecords([ended('before')])
      await postgres.kill()
      const failure: unknown = await storedFlow(registry, 'f').catch((error: unknown) => error)
      expect(failure).toMatchObject({
        code: 'store-failed',
        passing: true,
        message: expect.stringContaining('PostgreSQL runs and can be reached'),
      })
      await postgres.restart()
      expect(await storedFlow(registry, 'f')).toMatchObject({ hash: 'h' })
      expect(await registry.hasRecord(['before'])).toEqual(new Set(['before']))
      await registry.close()
    } finally {
      await services.stop()
    }
  })
})

test('nothing of this was an unhandled error', async () => {
  const unhandled = once(process, 'uncaughtException', { signal: AbortSignal.timeout(200) })
  await expect(unhandled).rejects.toMatchObject({ name: 'AbortError' })
})
