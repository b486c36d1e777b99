import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Client } from 'pg'
import { EngineError } from '../../errors.ts'

// Own code, not node-pg-migrate 9: it would bring glob, jiti and yargs with some twenty packages of theirs to every user, for the forty lines
// below, and it does not refuse a schema that is newer than the program.

interface Migration {
  readonly version: number
  readonly file: URL
}

/** Of the files: beside this one, or seen from where the build puts this one. */
const FOLDERS = ['./migrations/', '../engine/temporal/registry/migrations/'].map((folder) => new URL(folder, import.meta.url))

/**
 * Brings a schema to the newest version, making it where there is none: each migration in a transaction of its own, one process at a time.
 * Throws EngineError `store-unusable` when the schema is of a newer version, or when it is not the newest and `migrate` is false; else what pg throws.
 */
export async function migrateSchema(client: Client, schema: string, migrate: boolean, folders: readonly URL[] = FOLDERS): Promise<void> {
  const migrations = await migrationFiles(folders)
  const newest = migrations.at(-1)?.version ?? 0
  // without a lock: nearly always there is nothing to do
  if ((await versionOf(client, schema, newest)) === newest) return
  if (!migrate) {
    const remedy = 'Open the registry once with migrate: true, by a user who may make tables'
    throw new EngineError('store-unusable', `schema ${schema} of the registry is not of version ${newest}. ${remedy}.`)
  }
  for (const { version, file } of migrations) await apply(client, schema, version, await readFile(file, 'utf8'), newest)
}

async function apply(client: Client, schema: string, version: number, sql: string, newest: number): Promise<void> {
  await client.query('BEGIN')
  try {
    // ends with the transaction, however that ends
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`fnflow registry ${schema}`])
    if ((await versionOf(client, schema, newest)) < version) {
      await makeSchema(client, schema)
      await client.query(`SET LOCAL search_path TO ${schema}`)
      await client.query(sql)
      await client.query(`INSERT INTO ${schema}.migrations (version, applied_at) VALUES ($1, $2)`, [version, Date.now()])
    }
    await client.query('COMMIT')
  } catch (error) {
    // also fails when the connection is gone; then the server rolls back
    await client.query('ROLLBACK').catch(() => {})
    throw error
  }
}

async function makeSchema(client: Client, schema: string): Promise<void> {
  // asked first: IF NOT EXISTS wants the right to make one even where it is there
  const { rowCount } = await client.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema])
  if (rowCount === 0) await client.query(`CREATE SCHEMA ${schema}`)
  await client.query(`CREATE TABLE IF NOT EXISTS ${schema}.migrations (version integer PRIMARY KEY, applied_at bigint NOT NULL)`)
}

/** The version of the schema, 0 where there is none. Throws EngineError `store-unusable` when it is newer than `newest`. */
async function versionOf(client: Client, schema: string, newest: number): Promise<number> {
  // not to_regclass: from its cache it would deny what another process has made while this one waited for the lock
  const made = await client.query(
    "SELECT 1 FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = 'migrations'",
    [schema],
  )
  if (made.rowCount === 0) return 0
  const applied = await client.query<{ version: number }>(`SELECT coalesce(max(version), 0) AS version FROM ${schema}.migrations`)
  const version = applied.rows[0]?.version ?? 0
  if (version <= newest) return version
  const message = `schema ${schema} of the registry is of version ${version}, made by a newer fnflow; this one knows version ${newest}`
  throw new EngineError('store-unusable', `${message}. Use the newer fnflow, or another schema.`)
}

async function migrationFiles(folders: readonly URL[]): Promise<readonly Migration[]> {
  for (const url of folders) {
    const names = await readdir(fileURLToPath(url)).catch(() => [])
    const files = names.filter((name) => /^\d{4}-[a-z-]+\.sql$/.test(name)).sort()
    if (files.length > 0) return files.map((name) => ({ version: Number(name.slice(0, 4)), file: new URL(name, url) }))
  }
  throw new EngineError('store-unusable', 'the registry finds no migrations/*.sql beside itself; install fnflow again')
}
