/**
 * Temporal and PostgreSQL for a test file:
 *
 *     const { address, postgresUrl } = temporalServices()     // at the top of the file
 *
 *     const namespace = await newNamespace()                  // in a test or a hook
 *     const database = await newDatabase()                    // its URL; dropped when the file is through
 */
import { afterAll } from 'vitest'
import { createDatabase, createNamespace, deleteNamespace, dropDatabase as drop } from '../../../scripts/services/fresh.ts'
import { needServices, serviceOutcome } from '../../services/need.ts'

const databases = new Set<string>()
const namespaces = new Set<string>()

// Registered first, so it runs last: what the file itself has opened is closed by then.
afterAll(async () => {
  for (const url of databases) await dropDatabase(url)
  // A server that was started for this run dies with all of its namespaces.
  if (namespaces.size > 0 && serviceOutcome('temporal').given)
    for (const name of namespaces) await deleteNamespace(needServices('temporal').temporal, name)
})

/** Declares that the tests of this file need both services. */
export function temporalServices(): { readonly address: string; readonly postgresUrl: string } {
  const { temporal, postgres } = needServices('temporal', 'postgres')
  return { address: temporal, postgresUrl: postgres }
}

/** Creates an empty database and returns its URL. It is dropped after the file's last hook, whoever is connected to it. */
export async function newDatabase(): Promise<string> {
  const url = await createDatabase(needServices('postgres').postgres)
  databases.add(url)
  return url
}

/** Drops a database of {@link newDatabase} before that, as tests do that look what happens without it. */
export async function dropDatabase(url: string): Promise<void> {
  databases.delete(url)
  await drop(needServices('postgres').postgres, url)
}

/** Registers a namespace, waits until the server takes requests for it, and returns its name. */
export async function newNamespace(): Promise<string> {
  const name = await createNamespace(needServices('temporal').temporal)
  namespaces.add(name)
  return name
}
