/*
 * What a test, a benchmark or a run of conformance cases makes for itself on servers that it shares with others, whoever started them.
 */
import { randomBytes } from 'node:crypto'

/** How long to wait for what normally takes a fraction of a second, on a machine that does much else. */
const PATIENCE_MS = 60_000
const POLL_MS = 50
/** The shortest that the server takes. */
const RETENTION = '1 hour'

/** Creates an empty database on the server at `url` and returns its URL. */
export async function createDatabase(url: string): Promise<string> {
  const name = `fnflow_test_${randomBytes(8).toString('hex')}`
  await query(url, `CREATE DATABASE ${name}`)
  const created = new URL(url)
  created.pathname = `/${name}`
  return created.href
}

/** Drops a database that {@link createDatabase} has created on the server at `url`, whoever is connected to it. */
export async function dropDatabase(url: string, created: string): Promise<void> {
  await query(url, `DROP DATABASE IF EXISTS ${new URL(created).pathname.slice(1)} WITH (FORCE)`)
}

/** Registers a namespace on the Temporal server at `address`, waits until the server takes requests for it, and returns its name. */
export async function createNamespace(address: string): Promise<string> {
  const { msToTs } = await import('@temporalio/common/lib/time.js')
  const namespace = `fnflow-test-${randomBytes(8).toString('hex')}`
  return withConnection(address, async ({ workflowService }) => {
    await workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: msToTs(RETENTION) })
    // The server's parts look namespaces up in copies of their own, which may be some seconds old.
    const deadline = Date.now() + PATIENCE_MS
    for (;;) {
      try {
        await workflowService.countWorkflowExecutions({ namespace })
        await workflowService.describeTaskQueue({ namespace, taskQueue: { name: 'namespace-check' }, taskQueueType: 1 })
        return namespace
      } catch (error) {
        if (Date.now() > deadline) throw new Error(`namespace ${namespace} is not usable after ${PATIENCE_MS / 1000} s`, { cause: error })
        await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      }
    }
  })
}

/** Deletes a namespace with all that is in it; needless on a server that is stopped soon. */
export async function deleteNamespace(address: string, namespace: string): Promise<void> {
  await withConnection(address, ({ operatorService }) => operatorService.deleteNamespace({ namespace }))
}

async function query(url: string, sql: string): Promise<void> {
  const { Client } = (await import('pg')).default
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

type Connection = Awaited<ReturnType<(typeof import('@temporalio/client'))['Connection']['connect']>>

async function withConnection<Result>(address: string, use: (connection: Connection) => Promise<Result>): Promise<Result> {
  const { Connection } = await import('@temporalio/client')
  const connection = await Connection.connect({ address })
  try {
    return await use(connection)
  } finally {
    await connection.close()
  }
}
