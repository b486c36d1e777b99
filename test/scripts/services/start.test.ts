import { readdirSync } from 'node:fs'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { startServices, type RunningServices, type StartOptions } from '../../../scripts/services/start.ts'
import type { ServiceName } from '../../../scripts/services/table.ts'
import { needServices } from '../../services/need.ts'
import { alive, namespaces, processesOf, query, setVariables, temporaryFolder, withTemporal } from './lab.ts'

needServices('temporal', 'postgres')

// Those that a person gives are not for these tests, which kill them.
beforeEach(() => setVariables({ FNFLOW_TEST_TEMPORAL: undefined, FNFLOW_TEST_POSTGRES: undefined }))

async function start<const Name extends ServiceName>(names: readonly Name[], options?: StartOptions): Promise<RunningServices<Name>> {
  const services = await startServices(names, { log: () => undefined, ...options })
  onTestFinished(() => services.stop())
  return services
}

describe('services', () => {
  test('answer, and leave no process and no file when they are stopped', async () => {
    const folder = temporaryFolder()
    setVariables({ TMPDIR: folder })
    const lines: string[] = []
    const { addresses, env, services, stop } = await start(['temporal', 'postgres'], { log: (line) => void lines.push(line) })
    expect(env).toEqual({ FNFLOW_TEST_TEMPORAL: addresses.temporal, FNFLOW_TEST_POSTGRES: addresses.postgres })
    expect(await namespaces(addresses.temporal)).toContain('default')
    expect(await query(addresses.postgres, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    expect(lines.sort()).toEqual([
      expect.stringMatching(/^postgres: answers at postgres:\/\/postgres@127\.0\.0\.1:\d+\/postgres after [\d.]+ s$/),
      expect.stringMatching(/^temporal: answers at 127\.0\.0\.1:\d+ after [\d.]+ s$/),
    ])

    const processes = [...processesOf(services.temporal.pid!), ...processesOf(services.postgres.pid!)]
    // The server's own, and PostgreSQL's for writing.
    expect(processes.length).toBeGreaterThan(3)
    expect(readdirSync(folder)).toHaveLength(1)
    await stop()
    await stop()
    expect(alive(processes)).toEqual([])
    expect(readdirSync(folder)).toEqual([])
    expect(services.temporal.pid).toBeUndefined()
  })

  test('of two starts are apart', async () => {
    const [one, other] = await Promise.all([start(['postgres']), start(['postgres'])])
    expect(one.addresses.postgres).not.toBe(other.addresses.postgres)
    await query(one.addresses.postgres, 'CREATE TABLE mine ()')
    await one.stop()
    expect(await query(other.addresses.postgres, `SELECT to_regclass('mine') AS mine`)).toEqual([{ mine: null }])
  })

  test('that a variable gives are used as they are, and nobody ends them', async () => {
    const theirs = await start(['postgres'])
    setVariables(theirs.env)
    const { addresses, services, stop } = await start(['postgres'])
    expect(addresses).toEqual(theirs.addresses)
    expect(services.postgres).toMatchObject({ given: true, pid: undefined })
    const remedy = /^postgres at postgres:.* is given by FNFLOW_TEST_POSTGRES and can't be killed: start one with \{ own: true \}$/
    await expect(services.postgres.kill()).rejects.toThrow(remedy)
    await expect(services.postgres.restart()).rejects.toThrow("can't be restarted")
    await stop()
    expect(await query(addresses.postgres, 'SELECT 1 AS one')).toEqual([{ one: 1 }])

    const own = await start(['postgres'], { own: true })
    expect(own.addresses.postgres).not.toBe(addresses.postgres)
    const told = await start(['postgres'], { options: { postgres: { settings: { work_mem: '5MB' } } } })
    expect(await query(told.addresses.postgres, 'SHOW work_mem')).toEqual([{ work_mem: '5MB' }])
  })

  test('that a variable gives, but that do not answer, are missed at once', async () => {
    setVariables({ FNFLOW_TEST_TEMPORAL: '127.0.0.1:1', FNFLOW_TEST_POSTGRES: 'postgres://me:secret@127.0.0.1:1/postgres' })
    await expect(startServices(['temporal'])).rejects.toThrow(
      /^temporal at 127\.0\.0\.1:1, which FNFLOW_TEST_TEMPORAL gives, does not answer: connect ECONNREFUSED 127\.0\.0\.1:1\. Start it, or unset FNFLOW_TEST_TEMPORAL$/,
    )
    await expect(startServices(['postgres'])).rejects.toThrow(
      /^postgres at postgres:\/\/me:\*\*\*@127\.0\.0\.1:1\/postgres, .* does not answer: connect ECONNREFUSED .* unset FNFLOW_TEST_POSTGRES$/,
    )
  })

  test('are told what the caller says', async () => {
    const { addresses } = await start(['temporal', 'postgres'], {
      options: {
        temporal: { dynamicConfig: { 'limit.maxIDLength': 20 }, namespaces: ['mine'] },
        postgres: { settings: { work_mem: '5MB' } },
      },
    })
    expect(await query(addresses.postgres, 'SHOW work_mem')).toEqual([{ work_mem: '5MB' }])
    expect(await namespaces(addresses.temporal)).toContain('mine')
    const begin = (workflowId: string) =>
      withTemporal(addresses.temporal, ({ workflowService }) =>
        workflowService.startWorkflowExecution({
          namespace: 'mine',
          workflowId,
          requestId: 'one',
          workflowType: { name: 'nothing' },
          taskQueue: { name: 'nobody' },
        }),
      )
    await expect(begin('short')).resolves.toMatchObject({ started: true })
    await expect(begin('longer than twenty characters')).rejects.toThrow(/length exceeds limit/)
  })
})

describe('a server', () => {
  test('that is killed is there again, with its data, on the same ports', async () => {
    const { addresses, services } = await start(['temporal', 'postgres'], { options: { temporal: { namespaces: ['kept'] } } })
    await query(addresses.postgres, 'CREATE TABLE kept AS SELECT 7 AS number')
    for (const service of [services.temporal, services.postgres]) {
      const processes = processesOf(service.pid!)
      await service.kill()
      expect(alive(processes)).toEqual([])
      expect(service.pid).toBeUndefined()
    }
    await expect(query(addresses.postgres, 'SELECT 1')).rejects.toThrow()
    await Promise.all([services.temporal.restart(), services.postgres.restart()])
    expect(services.postgres.pid).toBeGreaterThan(0)
    expect(await query(addresses.postgres, 'SELECT number FROM kept')).toEqual([{ number: 7 }])
    expect(await namespaces(addresses.temporal)).toContain('kept')
  })

  test('that runs, or is paused, is restarted too', async () => {
    const { addresses, services } = await start(['postgres'])
    const before = services.postgres.pid
    await services.postgres.kill('SIGSTOP')
    expect(services.postgres.pid).toBe(before)
    await services.postgres.restart()
    expect(services.postgres.pid).not.toBe(before)
    expect(await query(addresses.postgres, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  })

  test('that ends by itself is reported', async () => {
    const lines: string[] = []
    const { services } = await start(['postgres'], { log: (line) => void lines.push(line) })
    process.kill(services.postgres.pid!, 'SIGINT')
    await expect
      .poll(() => lines.join('\n'))
      .toMatch(/postgres: ended by itself with code 0; it last printed:\n.*database system is shut down/s)
  })

  test('that does not start says why, and leaves nothing', async () => {
    const folder = temporaryFolder()
    setVariables({ TMPDIR: folder })
    const starting = startServices(['postgres'], { log: () => undefined, options: { postgres: { settings: { work_mem: 'much' } } } })
    await expect(starting).rejects.toThrow(
      /^postgres did not start: it ended with code 1 before it answered; it last printed:\n.*invalid value for parameter "work_mem": "much"/s,
    )
    expect(readdirSync(folder)).toEqual([])
  })
})
