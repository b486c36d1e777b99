import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { SERVICES, SERVICE_NAMES } from '../../../scripts/services/table.ts'
import { needServices } from '../../services/need.ts'
import { alive, namespaces, processesOf, query, SLOW, startScript, temporaryFolder, type Running } from './lab.ts'

const { postgres } = needServices('temporal', 'postgres')

const VARIABLES = SERVICE_NAMES.map((name) => SERVICES[name].variable)
const NONE = Object.fromEntries(VARIABLES.map((variable) => [variable, '']))

function services(args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  return startScript(['scripts/services.ts', ...args], { ...NONE, ...env })
}

/** What a shell would have in its environment after reading the lines. */
async function exported({ output, messages }: Running, count: number): Promise<Record<string, string>> {
  await expect.poll(() => `${output()}${messages()}`, SLOW).toContain('running until interrupted')
  const lines = output().trimEnd().split('\n')
  expect(lines).toHaveLength(count)
  return Object.fromEntries(lines.map((line) => /^export (\w+)=(\S+)$/.exec(line)!.slice(1)) as [string, string][])
}

describe('npm run services', () => {
  test('prints what to export and, when it is interrupted, ends all', async () => {
    const folder = temporaryFolder()
    const running = services(['temporal', 'postgres'], { TMPDIR: folder })
    const { FNFLOW_TEST_TEMPORAL, FNFLOW_TEST_POSTGRES } = await exported(running, 2)
    expect(await namespaces(FNFLOW_TEST_TEMPORAL!)).toContain('default')
    expect(await query(FNFLOW_TEST_POSTGRES!, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    const processes = processesOf(running.child.pid!)
    running.child.kill('SIGINT')
    expect(await running.ended).toBe(0)
    expect(alive(processes)).toEqual([])
    expect(readdirSync(folder)).toEqual([])
  })

  test('killed with SIGKILL, leaves no process and no file, not even of a server that is at work', async () => {
    const folder = temporaryFolder()
    const running = services(['postgres', 'temporal'], { TMPDIR: folder })
    const { FNFLOW_TEST_POSTGRES } = await exported(running, 2)
    const working = query(FNFLOW_TEST_POSTGRES!, `DO $$ BEGIN LOOP END LOOP; END $$`).catch(() => undefined)
    await expect.poll(() => query(FNFLOW_TEST_POSTGRES!, `SELECT 1 FROM pg_stat_activity WHERE query LIKE 'DO %'`), SLOW).toHaveLength(1)
    const processes = processesOf(running.child.pid!)
    // node, the guardian, Temporal, PostgreSQL with its five helpers and the backend that loops.
    expect(processes.length).toBeGreaterThanOrEqual(9)
    running.child.kill('SIGKILL')
    expect(await running.ended).toBe('SIGKILL')
    await expect.poll(() => alive(processes), SLOW).toEqual([])
    await expect.poll(() => readdirSync(folder), SLOW).toEqual([])
    await working
  })

  test('killed while it starts a server, leaves nothing either', async () => {
    const folder = temporaryFolder()
    const running = services(['postgres'], { TMPDIR: folder })
    await expect.poll(() => readdirSync(folder), { ...SLOW, interval: 1 }).toHaveLength(1)
    const processes = processesOf(running.child.pid!)
    running.child.kill('SIGKILL')
    await running.ended
    await expect.poll(() => alive(processes), SLOW).toEqual([])
    await expect.poll(() => readdirSync(folder), SLOW).toEqual([])
  })

  test('starts nothing that a variable gives', async () => {
    const running = services(['postgres'], { FNFLOW_TEST_POSTGRES: postgres })
    expect(await exported(running, 1)).toEqual({ FNFLOW_TEST_POSTGRES: postgres })
    expect(processesOf(running.child.pid!)).toHaveLength(1)
  })

  test('says which services there are', async () => {
    const running = services(['kafak'])
    expect(await running.ended).toBe(2)
    expect(running.output()).toBe('')
    expect(running.messages()).toContain(`there is no service kafak: expected ${SERVICE_NAMES.join(', ')}\n\nusage: npm run services`)
  })

  test('--help explains it', async () => {
    const running = services(['--help'])
    expect(await running.ended).toBe(0)
    expect(running.output()).toMatch(/^usage: /)
    expect(running.output().endsWith(`${VARIABLES.join(', ')}.\n`)).toBe(true)
  })

  test('--prepare only says where the programs are', async () => {
    const folder = temporaryFolder()
    const running = services(['temporal', 'postgres', '--prepare'], { TMPDIR: folder })
    expect(await running.ended).toBe(0)
    expect(running.messages()).toMatch(/^temporal: \/.*\/temporal-[0-9a-f]{16}-\w+-\w+\npostgres: \/.*\/bin\n$/)
    expect(readdirSync(folder)).toEqual([])
  })
})
