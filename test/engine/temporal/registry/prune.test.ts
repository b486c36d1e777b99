import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { DUE, PruneWalk } from '../../../../engine/temporal/registry/retention.ts'
import { ended, registryLab } from './lab.ts'

const lab = registryLab()
const TABLES = ['executions', 'logs', 'lanes', 'callbacks', 'retries']

/** Temporal knows of no parent that has no record. */
const nobody = (): Promise<undefined> => Promise.resolve(undefined)

/** Rows of each table. */
async function rowsLeft(scope: string): Promise<Record<string, number>> {
  const [{ key } = { key: 0 }] = await lab.sql<{ key: number }>('SELECT key FROM fnflow.scopes WHERE name = $1', [scope])
  const counts: Record<string, number> = {}
  for (const table of TABLES) {
    const [row] = await lab.sql<{ n: number }>(`SELECT count(*)::int AS n FROM fnflow.${table} WHERE scope = $1`, [key])
    counts[table] = row?.n ?? 0
  }
  return counts
}

describe('pruning', () => {
  test.for([false, true])('deletes what ended before, with all that belongs to it; payloads in a folder: %s', async (inFolder) => {
    const folder = mkdtempSync(join(tmpdir(), 'fnflow-prune-'))
    const scope = `all-${inFolder}`
    const registry = await lab.open({ scope, ...(inFolder ? { payloadFolder: folder } : {}) })
    for (const id of ['old', 'old-failed', 'long', 'new']) {
      const startedAt = id === 'new' ? 2000 : 100
      await registry.bindCallback({ hash: id, execution: id, place: 'n#1', expiresAt: 1 })
      await registry.appendLogs([{ execution: id, time: 1, request: 'r', level: 'info', text: id }])
      await registry.payloads.put(id, Buffer.from(id))
      await registry.saveLane(`${id}~each[0]#1/$range#1`, [1])
      await registry.claimRetry(id, `retry-of-${id}`)
      const endedAt = id === 'old' || id === 'old-failed' ? 200 : 2500
      await registry.saveRecords([ended(id, { startedAt, endedAt, status: id === 'old-failed' ? 'failed' : 'succeeded', journal: [1] })])
    }
    await registry.appendLogs([{ execution: 'running', time: 1, request: 'r', level: 'info', text: 'x' }])
    await registry.payloads.put('running', Buffer.from('x'))
    expect(await registry.prune({ before: 1000, limit: 100, endOf: nobody })).toBe(2)
    expect(await registry.prune({ before: 1000, limit: 100, endOf: nobody })).toBe(0)
    expect(await registry.hasRecord(['old', 'old-failed', 'long', 'new'])).toEqual(new Set(['long', 'new']))
    expect(await rowsLeft(scope)).toEqual({ executions: 2, logs: 3, lanes: 2, callbacks: 2, retries: 2 })
    const left = inFolder
      ? readdirSync(folder, { recursive: true }).filter((name) => /[0-9a-f]{64}$/.test(String(name))).length
      : (await lab.sql<{ n: number }>('SELECT count(*)::int AS n FROM fnflow.payloads'))[0]?.n
    expect(left).toBe(3)
    rmSync(folder, { recursive: true, force: true })
  })

  test('takes as many as it may, oldest of a status first, and several at once do not count one twice', async () => {
    const scope = 'many'
    const registries = [await lab.open({ scope }), await lab.open({ scope }), await lab.open({ scope })]
    const records = Array.from({ length: 500 }, (_, at) =>
      ended(`e${at}`, { startedAt: at, endedAt: 600, status: at % 5 === 0 ? 'failed' : 'succeeded' }),
    )
    await registries[0]!.saveRecords(records)
    expect(await registries[0]!.prune({ before: 1000, limit: 150, endOf: nobody })).toBe(150)
    expect((await rowsLeft(scope))['executions']).toBe(350)
    expect(await registries[0]!.hasRecord(['e1', 'e499'])).toEqual(new Set(['e499']))
    const counts = await Promise.all(registries.map((registry) => registry.prune({ before: 1000, limit: 1000, endOf: nobody })))
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(350)
    expect((await rowsLeft(scope))['executions']).toBe(0)
  })

  test('of nothing deletes nothing', async () => {
    const registry = await lab.open()
    expect(await registry.prune({ before: Date.now(), limit: 100, endOf: nobody })).toBe(0)
    await registry.saveRecords([ended('a')])
    expect(await registry.prune({ before: 0, limit: 100, endOf: nobody })).toBe(0)
    expect(await registry.prune({ before: Date.now(), limit: 0, endOf: nobody })).toBe(0)
  })

  test('a child stays until its parent is due, too, whose history has what came of it', async () => {
    const registry = await lab.open()
    const childOf = (parent: string): Parameters<typeof ended>[1] => ({
      startedAt: 1,
      endedAt: 2,
      parent: { execution: parent, node: 'n' },
    })
    await registry.saveRecords([
      ended('of-running', childOf('running')),
      ended('of-running-too', { ...childOf('running'), status: 'failed' }),
      ended('of-young', childOf('young')),
      ended('of-ended', childOf('ended')),
      ended('of-forgotten', childOf('forgotten')),
      ended('of-old', childOf('old')),
      ended('of-of-old', childOf('of-old')),
      ended('old', { startedAt: 0, endedAt: 3 }),
      ended('young', { startedAt: 0, endedAt: 2000 }),
    ])
    const asked: string[] = []
    const ends = new Map([
      ['running', Infinity],
      // not recorded yet
      ['ended', 1500],
    ])
    const endOf = (id: string): Promise<number | undefined> => {
      asked.push(id)
      return Promise.resolve(ends.get(id))
    }
    expect(await registry.prune({ before: 1000, limit: 100, endOf })).toBe(4)
    const left = ['of-ended', 'of-running', 'of-running-too', 'of-young', 'young']
    const ids = async (): Promise<string[]> => (await registry.list({ limit: 100 })).map(({ id }) => id).sort()
    expect(await ids()).toEqual(left)
    // each once, and none that has a record
    expect(asked.sort()).toEqual(['ended', 'forgotten', 'running'])
    ends.clear()
    expect(await registry.prune({ before: 1000, limit: 100, endOf })).toBe(3)
    expect(await ids()).toEqual(['of-young', 'young'])
    expect(await registry.prune({ before: 3000, limit: 100, endOf })).toBe(2)
  })

  test('what has to stay is in nobody else’s way, and looked at once a walk', async () => {
    const registry = await lab.open()
    const kept = Array.from({ length: 250 }, (_, at) =>
      ended(`kept-${at}`, { startedAt: at, endedAt: 500, parent: { execution: `parent-${at % 3}`, node: 'n' } }),
    )
    await registry.saveRecords([...kept, ended('behind', { startedAt: 400, endedAt: 500 })])
    let asked = 0
    const endOf = (): Promise<number> => Promise.resolve((asked += 1) && Infinity)
    const walk = new PruneWalk()
    expect(await registry.prune({ before: 1000, limit: 50, endOf, walk })).toBe(1)
    expect(asked).toBe(3)
    await registry.saveRecords([ended('later', { startedAt: 450, endedAt: 600 })])
    expect(await registry.prune({ before: 1000, limit: 50, endOf, walk })).toBe(1)
    expect(asked).toBe(3)
    expect(await registry.prune({ before: 1000, limit: 300, endOf: nobody })).toBe(250)
  })

  test('goes by indexes, whatever PostgreSQL knows of the tables', async () => {
    const registry = await lab.open({ scope: 'indexes' })
    await registry.saveRecords(
      Array.from({ length: 3000 }, (_, at) =>
        ended(`e${at}`, { startedAt: at, endedAt: at, parent: { execution: `e${at + 1}`, node: 'n' } }),
      ),
    )
    const values = [1, 'succeeded', 100, 100, 5, 'e']
    const plan = await lab.sql<{ 'QUERY PLAN': string }>(`EXPLAIN ${DUE}`, values)
    const text = plan.map((row) => row['QUERY PLAN']).join('\n')
    expect(text).toContain('executions_status')
    expect(text).not.toContain('Seq Scan')
  })
})
