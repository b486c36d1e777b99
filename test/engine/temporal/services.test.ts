import { Connection } from '@temporalio/client'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { dropDatabase, newDatabase, newNamespace, temporalServices } from './services.ts'

const { address, postgresUrl } = temporalServices()

test('a new database is empty, its own, and gone when dropped', async () => {
  const [one, other] = [await newDatabase(), await newDatabase()]
  expect(one).not.toBe(other)
  const client = new Client({ connectionString: one })
  // The server ends the connection when the database is dropped.
  client.on('error', () => undefined)
  await client.connect()
  const { rows } = await client.query(
    `SELECT current_database() AS name, count(*)::int AS tables FROM pg_tables WHERE schemaname = 'public'`,
  )
  expect(rows).toEqual([{ name: new URL(one).pathname.slice(1), tables: 0 }])

  await dropDatabase(one)
  const admin = new Client({ connectionString: postgresUrl })
  await admin.connect()
  const names = (await admin.query<{ datname: string }>('SELECT datname FROM pg_database')).rows.map(({ datname }) => `/${datname}`)
  await admin.end()
  expect(names).toContain(new URL(other).pathname)
  expect(names).not.toContain(new URL(one).pathname)
  await client.end().catch(() => undefined)
})

test('a new namespace takes workflows at once', async () => {
  const namespace = await newNamespace()
  const connection = await Connection.connect({ address })
  const started = await connection.workflowService.startWorkflowExecution({
    namespace,
    workflowId: 'one',
    requestId: 'one',
    workflowType: { name: 'nothing' },
    taskQueue: { name: 'nobody' },
  })
  expect(started.runId).toBeTruthy()
  const { history } = await connection.workflowService.getWorkflowExecutionHistory({ namespace, execution: { workflowId: 'one' } })
  expect(history?.events?.length).toBeGreaterThan(0)
  await connection.close()
})
