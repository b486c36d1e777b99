import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ended, registryLab } from './lab.ts'

const lab = registryLab()
const TABLES = ['executions', 'logs', 'lanes', 'callbacks', 'retries']

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
    expect(await registry.prune(1000, 100)).toBe(2)
    expect(await registry.prune(1000, 100)).toBe(0)
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
    expect(await registries[0]!.prune(1000, 150)).toBe(150)
    expect((await rowsLeft(scope))['executions']).toBe(350)
    expect(await registries[0]!.hasRecord(['e1', 'e499'])).toEqual(new Set(['e499']))
    const counts = await Promise.all(registries.map((registry) => registry.prune(1000, 1000)))
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(350)
    expect((await rowsLeft(scope))['executions']).toBe(0)
  })

  test('of nothing deletes nothing', async () => {
    const registry = await lab.open()
    expect(await registry.prune(Date.now(), 100)).toBe(0)
    await registry.saveRecords([ended('a')])
    expect(await registry.prune(0, 100)).toBe(0)
    expect(await registry.prune(Date.now(), 0)).toBe(0)
  })
})
