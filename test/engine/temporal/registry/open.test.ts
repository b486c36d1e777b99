import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { EngineError } from '../../../../engine/errors.ts'
import { Registry } from '../../../../engine/temporal/registry/registry.ts'
import { newDatabase } from '../services.ts'
import { deployFlow, registryLab, storedFlow, withClient } from './lab.ts'

const lab = registryLab()

/** What opening fails with. */
async function refusal(open: Promise<Registry>): Promise<EngineError> {
  const outcome = await open.then(lab.keep, (error: unknown) => error)
  expect(outcome).toBeInstanceOf(EngineError)
  return outcome as EngineError
}

test('ten that open a fresh database at once share one schema and one secret', async () => {
  const url = await newDatabase()
  const registries = await Promise.all(Array.from({ length: 10 }, () => lab.open({ url, scope: 'one' })))
  const secrets = new Set(registries.map(({ secret }) => Buffer.from(secret).toString('hex')))
  expect([...secrets]).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)])
  await deployFlow(registries[0]!, { name: 'f', hash: 'h', mode: 'standard', planText: '{}' })
  for (const registry of registries) expect(await storedFlow(registry, 'f')).toMatchObject({ hash: 'h' })
  expect(await lab.sql('SELECT count(*)::int AS scopes FROM fnflow.scopes', [], url)).toEqual([{ scopes: 1 }])
})

test('what was opened before is left as it is', async () => {
  const url = await newDatabase()
  const first = await lab.open({ url, scope: 'one' })
  await first.savePlan('h', '{"a":1}')
  const applied = await lab.sql('SELECT version, applied_at FROM fnflow.migrations ORDER BY version', [], url)
  const second = await lab.open({ url, scope: 'one', migrate: false })
  expect(second.secret).toEqual(first.secret)
  expect(await second.plan('h')).toBe('{"a":1}')
  expect(await lab.sql('SELECT version, applied_at FROM fnflow.migrations ORDER BY version', [], url)).toEqual(applied)
})

test('a schema of a newer version is refused and left alone', async () => {
  const url = await newDatabase()
  await (await lab.open({ url })).close()
  await lab.sql('INSERT INTO fnflow.migrations (version, applied_at) VALUES (9999, 0)', [], url)
  const error = await refusal(lab.open({ url }))
  expect(error).toMatchObject({ code: 'store-unusable', message: expect.stringMatching(/version 9999.*newer fnflow.*another schema/) })
})

test('without migrate, a database without the schema is refused', async () => {
  const error = await refusal(lab.open({ schema: 'nothing_here', migrate: false }))
  expect(error).toMatchObject({ code: 'store-unusable', message: expect.stringMatching(/nothing_here.*migrate: true/) })
})

test('a migration that fails, or whose process dies, leaves nothing behind', async () => {
  const url = await newDatabase()
  await lab.sql('CREATE SCHEMA fnflow', [], url)
  await lab.sql('CREATE TABLE fnflow.payloads (nothing int)', [], url)
  expect(await refusal(lab.open({ url }))).toMatchObject({ code: 'store-unusable', message: expect.stringContaining('already exists') })
  expect(await lab.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'fnflow'", [], url)).toEqual([{ tablename: 'payloads' }])
  await lab.sql('DROP TABLE fnflow.payloads', [], url)
  await lab.open({ url })
})

test('schemas of one database are apart, and so are scopes of one schema', async () => {
  const [a, b, other, again] = [
    await lab.open({ scope: 'a' }),
    await lab.open({ scope: 'b' }),
    await lab.open({ scope: 'a', schema: 'fnflow_other' }),
    await lab.open({ scope: 'a' }),
  ]
  await deployFlow(a, { name: 'f', hash: 'h', mode: 'standard', planText: '1' })
  expect(await storedFlow(again, 'f')).toEqual({ name: 'f', hash: 'h', mode: 'standard', version: 'latest' })
  expect(await storedFlow(b, 'f')).toBeUndefined()
  expect(await storedFlow(other, 'f')).toBeUndefined()
  // plans and the secret are common to the scopes of a schema
  expect(await b.plan('h')).toBe('1')
  expect(await other.plan('h')).toBeUndefined()
  expect(b.secret).toEqual(a.secret)
  expect(other.secret).not.toEqual(a.secret)
})

test('another scope over the same connections ends with the registry it came from', async () => {
  const registry = await lab.open({ scope: 'a', poolSize: 1 })
  const other = await registry.scoped('b')
  const apart = await lab.open({ scope: 'b' })
  await deployFlow(other, { name: 'scoped', hash: 'h', mode: 'standard', planText: '1' })
  expect(await storedFlow(apart, 'scoped')).toMatchObject({ hash: 'h' })
  expect(await storedFlow(registry, 'scoped')).toBeUndefined()
  expect(other.secret).toEqual(registry.secret)
  await other.close()
  expect(await storedFlow(registry, 'none')).toBeUndefined()
  await registry.close()
  await expect(storedFlow(other, 'scoped')).rejects.toMatchObject({ code: 'engine-closed' })
})

test.for(['', 'Big', '1st', 'a-b', 'a"b', 'pg_mine', 'x'.repeat(64)])('schema %j is refused', async (schema) => {
  expect(await refusal(lab.open({ schema }))).toMatchObject({
    code: 'bad-option',
    message: expect.stringContaining('a schema is named like'),
  })
})

test.for([0, 1.5, -1, Number.NaN])('poolSize %s is refused', async (poolSize) => {
  expect(await refusal(lab.open({ poolSize }))).toMatchObject({ code: 'bad-option' })
})

describe('a database that cannot be used', () => {
  const password = 's3cret/p@ss'
  const secret = encodeURIComponent(password)

  /** Neither message nor anything that is logged with the error has the password. */
  function expectNoPassword(error: unknown): void {
    for (const text of [(error as Error).message, inspect(error, { depth: 10, showHidden: true })])
      for (const form of [password, secret, 's3cret']) expect(text).not.toContain(form)
  }

  test('is named by host, port and database when nothing listens there', async () => {
    const error = await refusal(Registry.open({ url: `postgres://me:${secret}@127.0.0.1:1/somewhere` }))
    expect(error).toMatchObject({
      code: 'store-unusable',
      message: expect.stringMatching(/127\.0\.0\.1:1\/somewhere.*ECONNREFUSED.*PostgreSQL runs/),
    })
    expectNoPassword(error)
  })

  test('is given up after 5 s when it does not answer', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const begin = performance.now()
    const error = await refusal(Registry.open({ url: `postgres://me:${secret}@127.0.0.1:${port}/somewhere` }))
    expect(performance.now() - begin).toBeGreaterThan(4_900)
    expect(error).toMatchObject({ code: 'store-unusable', message: expect.stringContaining(`127.0.0.1:${port}/somewhere`) })
    expectNoPassword(error)
    silent.close()
  })

  test('is named when its name is unknown to DNS', async () => {
    const error = await refusal(Registry.open({ url: `postgres://me:${secret}@nowhere.invalid/x` }))
    expect(error).toMatchObject({ code: 'store-unusable', message: expect.stringContaining('nowhere.invalid:5432/x') })
    expectNoPassword(error)
  })

  test('is told apart from one that does not exist', async () => {
    const url = new URL(lab.url())
    url.pathname = '/no_such_database'
    expect(await refusal(Registry.open({ url: url.href }))).toMatchObject({
      code: 'store-unusable',
      message: expect.stringMatching(/no_such_database.*does not exist.*createdb/),
    })
  })

  test.for([
    '',
    'mysql://me:s3cret@host/db',
    'postgres://me:s3cret/p@ss@host/db',
    'postgres://me:s3cret#p@host/db',
    'postgres://me:123/s3cret@host/db',
    'postgres://me:s3cret@host:port/db',
    '127.0.0.1:5432',
  ])('is refused with the form of a URL for %j', async (url) => {
    const error = await refusal(Registry.open({ url }))
    expect(error).toMatchObject({ code: 'bad-option', message: expect.stringContaining('postgres://user:password@host:5432/database') })
    expectNoPassword(error)
  })

  test('is refused when its encoding is not UTF8', async () => {
    const url = new URL(await newDatabase())
    const name = `${url.pathname.slice(1)}_latin`
    await lab.sql(`CREATE DATABASE ${name} ENCODING LATIN1 LOCALE 'C' TEMPLATE template0`)
    try {
      url.pathname = `/${name}`
      expect(await refusal(Registry.open({ url: url.href }))).toMatchObject({ message: expect.stringMatching(/UTF8.*LATIN1/) })
    } finally {
      await lab.sql(`DROP DATABASE ${name} WITH (FORCE)`)
    }
  })

  test('says which right is missing, and takes a schema that was made for the user', async () => {
    const url = new URL(await newDatabase())
    const user = url.pathname.slice(1)
    await lab.sql(`CREATE ROLE ${user} LOGIN PASSWORD '${password}'`)
    try {
      await lab.sql(`REVOKE CREATE ON DATABASE ${user} FROM PUBLIC`, [], url.href)
      const own = new URL(url)
      own.username = user
      own.password = password
      const error = await refusal(Registry.open({ url: own.href }))
      expect(error).toMatchObject({
        code: 'store-unusable',
        message: expect.stringMatching(/permission denied.*GRANT CREATE ON DATABASE.*CREATE SCHEMA fnflow/),
      })
      expectNoPassword(error)
      await lab.sql(`CREATE SCHEMA fnflow AUTHORIZATION ${user}`, [], url.href)
      const registry = await lab.open({ url: own.href })
      expectNoPassword(Object.assign(new Error('none'), { registry }))
      await registry.savePlan('h', '{}')
      // somebody takes the right away
      await lab.sql(`REVOKE ALL ON ALL TABLES IN SCHEMA fnflow FROM ${user}`, [], url.href)
      const denied: unknown = await registry.savePlan('i', '{}').catch((failure: unknown) => failure)
      expect(denied).toMatchObject({ code: 'store-unusable', passing: false, message: expect.stringContaining('permission denied') })
      expectNoPassword(denied)
      await registry.close()
    } finally {
      await withClient(url.href, async (client) => {
        await client.query(`DROP OWNED BY ${user}`)
        await client.query(`DROP ROLE ${user}`)
      })
    }
  })
})

test('closing waits for statements under way, also for those that wait for a connection; then every call is refused', async () => {
  const registry = await lab.open({ poolSize: 1 })
  await deployFlow(registry, { name: 'f', hash: 'h', mode: 'standard', planText: '{}' })
  const calls = Array.from({ length: 20 }, () => storedFlow(registry, 'f'))
  const closing = registry.close()
  await expect(storedFlow(registry, 'f')).rejects.toMatchObject({ code: 'engine-closed' })
  await closing
  for (const flow of await Promise.all(calls)) expect(flow).toMatchObject({ hash: 'h' })
  await registry.close()
})
