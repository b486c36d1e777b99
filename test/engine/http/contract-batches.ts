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
      await lab.lists('flow=fails&status=failed&limit=5', failed.toReversed())
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
}
