import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HttpLab, type OpenEngine } from './http-lab.ts'

/** Batches (http-api.md, 3), whatever runs the flows. */
export function batchesContract(open: OpenEngine): void {
  let lab: HttpLab

  beforeAll(async () => {
    lab = await HttpLab.open(open, {
      functions: {
        echo: (event: any) => event,
        fail: () => {
          throw new Error('it broke')
        },
        ask: () => null,
      },
    })
    await lab.put('fails', 'fail')
    await lab.put('works', 'echo')
    await lab.putWhole({ flow: 'asks', start: 'a', nodes: { a: { type: 'callback', function: 'ask' } } })
  })
  afterAll(() => lab?.close())

  const batch = async (body: object): Promise<any> => {
    const begun = await lab.call('POST', '/v1/executions:batch', body)
    expect(begun).toMatchObject({ status: 202, headers: { location: `/v1/batches/${begun.body.id}` } })
    const get = async (): Promise<any> => (await lab.call('GET', `/v1/batches/${begun.body.id}`)).body
    await expect.poll(async () => (await get()).status, { timeout: 30_000 }).toBe('completed')
    return get()
  }

  describe('batches', () => {
    it('stop what runs, retry what failed, delete what has ended', async () => {
      const asking = await Promise.all(Array.from({ length: 30 }, () => lab.start('asks')))
      const failed = await Promise.all(Array.from({ length: 5 }, () => lab.start('fails')))
      for (const id of failed) await lab.ended(id, 'failed')
      await expect
        .poll(async () => (await lab.call('GET', '/v1/executions?flow=asks&status=running&limit=200')).body.items.length, {
          timeout: 20_000,
        })
        .toBe(30)
      const stopped = await batch({ action: 'stop', filter: { flow: 'asks', status: 'running' } })
      expect(stopped).toMatchObject({ action: 'stop', total: 30, succeeded: 30, failed: 0, errors: [] })
      for (const id of asking) await lab.ended(id, 'cancelled')
      const listed = async (): Promise<string[]> =>
        (await lab.call('GET', '/v1/executions?flow=fails&status=failed')).body.items.map(({ id }: any) => id)
      await expect.poll(async () => (await listed()).sort(), { timeout: 20_000 }).toEqual([...failed].sort())
      const retried = await batch({ action: 'retry', filter: { flow: 'fails', trigger: 'api' } })
      expect(retried).toMatchObject({ total: 5, succeeded: 5, failed: 0 })
      const retries = async (): Promise<any[]> =>
        (await lab.call('GET', '/v1/executions?trigger=retry&flow=fails&status=failed')).body.items
      await expect.poll(async () => (await retries()).length, { timeout: 20_000 }).toBe(5)
      expect((await retries()).map(({ retryOf }) => retryOf).sort()).toEqual([...failed].sort())
      const deleted = await batch({ action: 'delete', filter: { flow: ['asks', 'fails'] } })
      expect(deleted).toMatchObject({ total: 40, succeeded: 40 })
      await lab.lists('flow=asks&flow=fails', [])
    })

    it('tell what they could not do', async () => {
      const id = await lab.start('works', { input: { n: 1 } })
      await lab.ended(id, 'succeeded')
      await lab.lists('flow=works&status=succeeded', [id])
      for (const [action, code] of [
        ['retry', 'execution-not-failed'],
        ['stop', 'execution-not-running'],
      ])
        expect(await batch({ action, filter: { flow: 'works' } })).toMatchObject({
          total: 1,
          succeeded: 0,
          failed: 1,
          errors: [{ execution: id, code }],
        })
      expect(await batch({ action: 'stop', filter: { flow: 'nothing' } })).toMatchObject({ total: 0, succeeded: 0, failed: 0 })
    })

    it('need an action and a filter that says something', async () => {
      for (const body of [
        {},
        { action: 'stop' },
        { action: 'stop', filter: {} },
        { action: 'burn', filter: { flow: 'works' } },
        { action: 'stop', filter: { flow: 'works', colour: 'red' } },
        { action: 'stop', filter: { startedAfter: 'yesterday' } },
        { action: 'stop', filter: { flow: [] } },
      ])
        expect(await lab.call('POST', '/v1/executions:batch', body)).toMatchObject({ status: 422, body: { code: 'invalid-body' } })
      expect(await lab.call('GET', '/v1/batches/nobody')).toMatchObject({ status: 404, body: { code: 'batch-not-found' } })
    })
  })

  describe('statistics', () => {
    it('count what has ended, by flow and period', async () => {
      await lab.put('counted', 'echo')
      await lab.put('failing', 'fail')
      const began = Date.now()
      for (let at = 0; at < 3; at++) await lab.ended(await lab.start('counted'), 'succeeded')
      await lab.ended(await lab.start('failing'), 'failed')
      const get = async (query: string): Promise<any[]> => (await lab.call('GET', `/v1/statistics?${query}`)).body.items
      const query = `flow=counted&flow=failing&period=all&from=${began - 3_600_000}`
      await expect
        .poll(async () => (await get(query)).map(({ flow, executions, failures }) => [flow, executions, failures]), { timeout: 20_000 })
        .toEqual([
          ['counted', 3, 0],
          ['failing', 1, 1],
        ])
      const [counted] = await get(query)
      expect(counted.p50).toBeLessThanOrEqual(counted.p95)
      expect(counted.p95).toBeLessThan(Date.now() - began + 1000)
      const days = await get('flow=counted')
      expect(days.reduce((sum, { executions }) => sum + executions, 0)).toBe(3)
      for (const { from, to } of days) expect([from % 86_400_000, to - from]).toEqual([0, 86_400_000])
      expect(await get('flow=counted&period=hour&to=2020-01-01')).toEqual([])
      for (const bad of ['period=week', 'from=5&to=4', 'period=hour&from=0', 'colour=red'])
        expect(await lab.call('GET', `/v1/statistics?${bad}`)).toMatchObject({ status: 400, body: { code: 'bad-request' } })
    })
  })
}
