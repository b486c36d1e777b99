import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HttpLab, type OpenEngine } from './http-lab.ts'

/** Executions (http-api.md, 3), whatever runs the flows. */
export function executionsContract(open: OpenEngine): void {
  let lab: HttpLab
  const tokens = new Map<string, string>()

  beforeAll(async () => {
    lab = await HttpLab.open(open, {
      functions: {
        next: ({ n }: any) => ({ n: n + 1 }),
        fail: () => {
          throw Object.assign(new Error('it broke'), { name: 'Broken' })
        },
        ask: () => null,
      },
      onCallback: ({ execution, token }) => tokens.set(execution, token),
    })
    await lab.put('std', 'next')
    await lab.put('bad', 'fail')
    await lab.put('quick', 'next', { mode: 'express' })
    await lab.putWhole({ flow: 'asks', start: 'a', nodes: { a: { type: 'callback', function: 'ask' } } })
  })
  afterAll(() => lab?.close())

  describe('the document of an execution', () => {
    it('has the revision of its definition, and the name of its start', async () => {
      const id = await lab.start('std', { input: { n: 1 }, name: 'first' })
      const whole = await lab.ended(id, 'succeeded')
      expect(whole).toMatchObject({ id, name: 'first', version: 'latest', mode: 'standard', trigger: { type: 'api' } })
      expect(whole.revision).toBe((await lab.engine.flow('std')).hash)
    })
  })

  describe('express executions', () => {
    it('are read until some time after their end; one that is waited for is its answer only', async () => {
      const id = await lab.start('quick', { input: { n: 1 } })
      expect(await lab.ended(id, 'succeeded')).toMatchObject({ mode: 'express', output: { n: 2 } })
      const { status, body } = await lab.call('POST', '/v1/flows/quick/sync-executions', { input: { n: 1 } })
      expect([status, body.output]).toEqual([200, { n: 2 }])
      const answerOnly = body.execution.id as string
      for (const url of ['', '/definition', '/logs'])
        expect((await lab.call('GET', `/v1/executions/${answerOnly}${url}`)).status, url).toBe(404)
      expect((await lab.call('POST', `/v1/executions/${answerOnly}/stop`)).status).toBe(404)
      const { items } = (await lab.call('GET', '/v1/executions?limit=200')).body
      expect(items.map((item: any) => item.id)).not.toContain(answerOnly)
    })
  })

  describe('names', () => {
    it('make a start repeatable: the same input is the same execution, another one 409', async () => {
      const url = '/v1/flows/asks/executions'
      const first = await lab.call('POST', url, { name: 'order-17', input: { a: 1, b: [2, { c: 3 }] } })
      expect(first).toMatchObject({ status: 202, body: { name: 'order-17', status: 'running' } })
      const { id } = first.body
      // equal as a value
      const again = await lab.call('POST', url, '{"input":{"b":[2.0,{"c":3}],"a":1},"name":"order-17"}')
      expect(again).toMatchObject({ status: 202, body: { id, status: 'running' }, headers: { location: `/v1/executions/${id}` } })
      expect(await lab.call('POST', url, { name: 'order-17', input: { a: 1 } })).toMatchObject({ status: 409, body: { code: 'conflict' } })
      // of another flow, it is another name
      expect((await lab.call('POST', '/v1/flows/std/executions', { name: 'order-17', input: { n: 1 } })).body.id).not.toBe(id)
      await lab.call('POST', `/v1/executions/${id}/stop`)
      await lab.ended(id, 'cancelled')
      const late = await lab.call('POST', url, { name: 'order-17', input: { a: 1, b: [2, { c: 3 }] } })
      expect(late).toMatchObject({ status: 202, body: { id, status: 'cancelled' } })
    })

    it('are one execution, however many start it at one moment', async () => {
      const starts = Array.from({ length: 20 }, () => lab.call('POST', '/v1/flows/std/executions', { name: 'race', input: { n: 1 } }))
      const answers = await Promise.all(starts)
      expect(answers.map(({ status }) => status)).toEqual(starts.map(() => 202))
      expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
      await lab.lists('name=race', [answers[0]!.body.id])
    })

    it('are not for express flows, and only of plain characters', async () => {
      expect(await lab.call('POST', '/v1/flows/quick/executions', { name: 'x' })).toMatchObject({ status: 409, body: { code: 'express' } })
      for (const name of ['', 'a b', 'x'.repeat(129), 7])
        expect(await lab.call('POST', '/v1/flows/std/executions', { name })).toMatchObject({ status: 422, body: { code: 'invalid-body' } })
    })
  })

  describe('lists', () => {
    it('go by flow, status, trigger, time, parent and name', async () => {
      await lab.put('kid', 'next')
      await lab.putWhole({
        flow: 'parent',
        start: 'k',
        nodes: { k: { type: 'subflow', flow: 'kid', params: { n: 1 } } },
      })
      const before = Date.now()
      const parent = await lab.start('parent')
      await lab.ended(parent, 'succeeded')
      const failed = await lab.start('bad', { name: 'f' })
      await lab.ended(failed, 'failed')
      const retried = (await lab.call('POST', `/v1/executions/${failed}/retry`)).body.id
      await lab.ended(retried, 'failed')
      const fired = (await lab.engine.start('std', { input: { n: 1 }, trigger: { type: 'cron', name: 'nightly', event: { n: 1 } } })).id
      await lab.ended(fired, 'succeeded')
      const plain = (await lab.engine.start('std', { input: { n: 1 }, trigger: { type: 'cron' } })).id
      await lab.ended(plain, 'succeeded')
      await lab.lists('name=f', [failed])
      await lab.lists('name=f&flow=std', [])
      await lab.lists('name=f&status=succeeded', [])
      await lab.lists('trigger=retry', [retried])
      await lab.lists('trigger=retry&flow=std', [])
      await lab.lists('trigger=cron', [plain, fired])
      await lab.lists('trigger=cron/nightly&status=succeeded&status=failed', [fired])
      await lab.lists('trigger=cron/monthly', [])
      await lab.lists('flow=bad&flow=parent', [retried, failed, parent])
      await lab.lists('flow=bad&flow=parent&trigger=api', [failed, parent])
      const [child] = (await lab.call('GET', `/v1/executions?parent=${parent}`)).body.items
      expect(child).toMatchObject({ flow: 'kid', parent: { execution: parent } })
      await lab.lists(`parent=${parent}&status=failed`, [])
      await lab.lists(`startedAfter=${before}&flow=parent&flow=kid`, [child.id, parent])
      await lab.lists(`startedAfter=${new Date(before).toISOString()}&trigger=retry`, [retried])
      await lab.lists(`startedBefore=${before}&flow=parent`, [])
      await lab.lists(`startedAfter=${Date.now() + 60_000}`, [])
    })

    it('refuse filters that say nothing', async () => {
      for (const query of ['startedAfter=yesterday', 'startedBefore=', 'name=a%20b', 'trigger=', 'status=happy', 'flow=', 'started=1'])
        expect(await lab.call('GET', `/v1/executions?${query}`)).toMatchObject({ status: 400, body: { code: 'bad-request' } })
    })
  })
}
