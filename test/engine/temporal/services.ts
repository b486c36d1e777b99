/**
 * Temporal and PostgreSQL for a test file:
 *
 *     const { address, postgresUrl } = temporalServices()     // at the top of the file
 *
 *     const namespace = await newNamespace()                  // in a test or a hook
 *     const database = await newDatabase()                    // its URL; dropped when the file is through
 */
import { randomBytes } from 'node:crypto'
import { afterAll } from 'vitest'
import { Connection } from '@temporalio/client'
import { msToTs } from '@temporalio/common/lib/time.js'
import { Client } from 'pg'
import { needServices, serviceOutcome } from '../../services/need.ts'

/** How long a test waits for what normally takes a fraction of a second, on a machine that does much else. */
const PATIENCE_MS = 60_000
const POLL_MS = 50
/** The shortest that the server takes. */
const RETENTION = '1 hour'

const databases = new Set<string>()
const namespaces = new Set<string>()

// Registered first, so it runs last: what the file itself has opened is closed by then.
afterAll(async () => {
  for (const url of databases) await dropDatabase(url)
  // A server that was started for this run dies with all of its namespaces.
  if (namespaces.size > 0 && serviceOutcome('temporal').given) for (const name of namespaces) await deleteNamespace(name)
}, PATIENCE_MS)

/** Declares that the tests of this file need both services. */
export function temporalServices(): { readonly address: string; readonly postgresUrl: string } {
  const { temporal, postgres } = needServices('temporal', 'postgres')
  return { address: temporal, postgresUrl: postgres }
}

/** Creates an empty database and returns its URL. It is dropped after the file's last hook, whoever is connected to it. */
export async function newDatabase(): Promise<string> {
  const { postgres } = needServices('postgres')
  const name = `fnflow_test_${randomBytes(8).toString('hex')}`
  await withClient(postgres, (client) => client.query(`CREATE DATABASE ${name}`))
  const url = new URL(postgres)
  url.pathname = `/${name}`
  databases.add(url.href)
  return url.href
}

/** Drops a database of {@link newDatabase}, whoever is connected to it. */
export async function dropDatabase(url: string): Promise<void> {
  const { postgres } = needServices('postgres')
  databases.delete(url)
  await withClient(postgres, (client) => client.query(`DROP DATABASE IF EXISTS ${new URL(url).pathname.slice(1)} WITH (FORCE)`))
}

/** Registers a namespace, waits until the server takes requests for it, and returns its name. */
export async function newNamespace(): Promise<string> {
  const namespace = `fnflow-test-${randomBytes(8).toString('hex')}`
  await withConnection(async ({ workflowService }) => {
    await workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: msToTs(RETENTION) })
    namespaces.add(namespace)
    // The server's parts look namespaces up in copies of their own, which may be some seconds old.
    const deadline = Date.now() + PATIENCE_MS
    for (;;) {
      try {
        await workflowService.countWorkflowExecutions({ namespace })
        const taskQueue = { name: 'namespace-check' }
        await workflowService.describeTaskQueue({ namespace, taskQueue, taskQueueType: 1 })
        return
      } catch (error) {
        if (Date.now() > deadline) throw new Error(`namespace ${namespace} is not usable after ${PATIENCE_MS / 1000} s`, { cause: error })
        await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      }
    }
  })
  return namespace
}

async function deleteNamespace(namespace: string): Promise<void> {
  await withConnection(({ operatorService }) => operatorService.deleteNamespace({ namespace }))
}

async function withClient(url: string, use: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await use(client)
  } finally {
    await client.end()
  }
}

async function withConnection(use: (connection: Connection) => Promise<unknown>): Promise<void> {
  const connection = await Connection.connect({ address: needServices('temporal').temporal })
  try {
    await use(connection)
  } finally {
    await connection.close()
  }
}
