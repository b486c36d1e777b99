import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadFlow } from '../../../dsl/load.ts'
import { HttpLab, type OpenEngine } from './http-lab.ts'

/** Nodes, definitions and deletion of executions (http-api.md, 3), whatever runs the flows. */
export function nodesContract(open: OpenEngine): void {
  let lab: HttpLab
  const tokens = new Map<string, string[]>()

  beforeAll(async () => {
    lab = await HttpLab.open(open, {
      functions: { echo: (event: any) => event, ask: () => null },
      onCallback: ({ execution, token }) => void tokens.set(execution, [...(tokens.get(execution) ?? []), token]),
    })
    await lab.put('std', 'echo')
    await lab.put('quick', 'echo', { mode: 'express' })
    await lab.putWhole({
      flow: 'asks',
      start: 'first',
      nodes: {
        first: { type: 'callback', function: 'ask', next: 'both' },
        both: { type: 'parallel', branches: ['left', 'right'] },
        left: { type: 'callback', function: 'ask', next: 'join' },
        right: { type: 'callback', function: 'ask', next: 'join' },
        join: { type: 'pass' },
      },
    })
    await lab.putWhole({
      flow: 'loops',
      start: 'each',
      nodes: {
        each: { type: 'loop', items: '$.list', nodes: { a: { type: 'pass', next: 'b' }, b: { type: 'pass' } }, next: 'end' },
        end: { type: 'end' },
      },
    })
  })
  afterAll(() => lab?.close())

  const waiting = (id: string, count: number): Promise<void> =>
    expect.poll(() => tokens.get(id)?.length, { timeout: 20_000 }).toBe(count) as Promise<void>

  const pages = async (url: string, limit: number): Promise<any[][]> => {
    const all: any[][] = []
    let cursor = ''
    do {
      const { status, body } = await lab.call('GET', `${url}?limit=${limit}${cursor}`)
      expect(status).toBe(200)
      all.push(body.items)
      cursor = body.nextCursor === undefined ? '' : `&cursor=${body.nextCursor}`
    } while (cursor !== '')
    return all
  }

  describe('nodes', () => {
    it('come in pages, in order of start', async () => {
      const ids = Array.from({ length: 7 }, (_, at) => `n${at}`)
      const nodes = Object.fromEntries(ids.map((id, at) => [id, { type: 'pass', ...(at < 6 ? { next: `n${at + 1}` } : {}) }]))
      await lab.putWhole({ flow: 'seven', start: 'n0', nodes })
      const id = await lab.start('seven')
      await lab.ended(id, 'succeeded')
      const found = await pages(`/v1/executions/${id}/nodes`, 3)
      expect(found.map((page) => page.map((node) => node.id))).toEqual([ids.slice(0, 3), ids.slice(3, 6), ids.slice(6)])
    })

    it('inside of a loop come by iteration', async () => {
      const id = await lab.start('loops', { input: { list: [0, 1, 2, 3, 4] } })
      await lab.ended(id, 'succeeded')
      const found = await pages(`/v1/executions/${id}/nodes/each/iterations`, 2)
      expect(found.map((page) => page.map(({ place }) => place))).toEqual([
        ['each[0]/a', 'each[0]/b', 'each[1]/a', 'each[1]/b'],
        ['each[2]/a', 'each[2]/b', 'each[3]/a', 'each[3]/b'],
        ['each[4]/a', 'each[4]/b'],
      ])
      const [each] = (await lab.call('GET', `/v1/executions/${id}/nodes`)).body.items
      expect(each).toMatchObject({ id: 'each', iterations: { total: 5, succeeded: 5, failed: 0, running: 0 } })
    })

    it('that are not there, and cursors that nobody gave, are refused', async () => {
      const id = await lab.start('loops', { input: { list: [] } })
      await lab.ended(id, 'succeeded')
      for (const node of ['nothing', 'end', 'nothing%5B0%5D%2Feach'])
        expect(await lab.call('GET', `/v1/executions/${id}/nodes/${node}/iterations`)).toMatchObject({
          status: 404,
          body: { code: 'node-not-found' },
        })
      for (const url of [`/v1/executions/${id}/nodes`, `/v1/executions/${id}/nodes/each/iterations`])
        expect(await lab.call('GET', `${url}?cursor=x`)).toMatchObject({ status: 400, body: { code: 'bad-request' } })
      expect(await lab.call('GET', `/v1/executions/${id}/nodes/each/iterations`)).toMatchObject({ status: 200, body: { items: [] } })
      expect(await lab.call('GET', '/v1/executions/nobody/nodes/each/iterations')).toMatchObject({
        status: 404,
        body: { code: 'execution-not-found' },
      })
    })
  })

  describe('callbacks by node', () => {
    it('are answered by id, and by place', async () => {
      const id = await lab.start('asks')
      const answer = (node: string, output: unknown) =>
        lab.call('POST', `/v1/executions/${id}/nodes/${encodeURIComponent(node)}/callback`, { status: 'succeeded', output })
      await waiting(id, 1)
      expect(await answer('nothing', 1)).toMatchObject({ status: 404, body: { code: 'node-not-found' } })
      expect(await answer('both', 1)).toMatchObject({ status: 409, body: { code: 'node-not-waiting' } })
      expect(await answer('left', 1)).toMatchObject({ status: 409, body: { code: 'node-not-waiting' } })
      expect(await answer('first', null)).toMatchObject({ status: 200, body: { status: 'taken' } })
      await waiting(id, 3)
      expect(await answer('first', 1)).toMatchObject({ status: 409, body: { code: 'node-not-waiting' } })
      expect(await answer('both[0]/right', 1)).toMatchObject({ status: 409, body: { code: 'node-not-waiting' } })
      expect((await answer('both[1]/right', 'B')).status).toBe(200)
      expect((await answer('left', 'A')).status).toBe(200)
      expect(await lab.ended(id, 'succeeded')).toMatchObject({ output: { result: ['A', 'B'] } })
      expect(await answer('left', 1)).toMatchObject({ status: 409, body: { code: 'node-not-waiting' } })
      // what was answered so has used its token up
      for (const token of tokens.get(id) ?? [])
        expect(await lab.call('POST', `/v1/callbacks/${token}`, { status: 'succeeded' })).toMatchObject({
          status: 409,
          body: { code: 'callback-already-used' },
        })
    })

    it('may fail the node; of others than standard flows there are none', async () => {
      const id = await lab.start('asks')
      await waiting(id, 1)
      const url = `/v1/executions/${id}/nodes/first/callback`
      expect(await lab.call('POST', url, { status: 'failed', error: { errorType: 'Refused' } })).toMatchObject({ status: 200 })
      expect(await lab.ended(id, 'failed')).toMatchObject({ error: { errorType: 'Refused' } })
      expect(await lab.call('POST', '/v1/executions/nobody/nodes/a/callback', { status: 'succeeded' })).toMatchObject({ status: 404 })
      const quick = await lab.start('quick')
      expect(await lab.call('POST', `/v1/executions/${quick}/nodes/a/callback`, { status: 'succeeded' })).toMatchObject({
        status: 409,
        body: { code: 'express' },
      })
    })
  })

  describe('the definition of an execution', () => {
    it('is the one that it runs, whatever is put meanwhile', async () => {
      const id = await lab.start('asks')
      const before = await lab.call('GET', `/v1/executions/${id}/definition`)
      expect(before).toMatchObject({ status: 200, body: { flow: 'asks', start: 'first' } })
      await lab.putWhole({ flow: 'asks', start: 'first', nodes: { first: { type: 'callback', function: 'ask', timeout: '2h' } } })
      const { body } = await lab.call('GET', `/v1/executions/${id}/definition`)
      expect((await loadFlow(body)).plan).toEqual((await loadFlow(before.body)).plan)
      expect(body.nodes.both.branches).toEqual(['left', 'right'])
      const quick = await lab.start('quick')
      expect((await lab.call('GET', `/v1/executions/${quick}/definition`)).body).toMatchObject({ flow: 'quick', mode: 'express' })
      expect((await lab.call('GET', '/v1/executions/nobody/definition')).status).toBe(404)
      await lab.call('POST', `/v1/executions/${id}/stop`)
    })
  })

  describe('deletion', () => {
    it('takes an ended execution away with all that is of it, but its name', async () => {
      const input = { secret: 'x'.repeat(40_000) }
      const id = await lab.start('std', { name: 'gone', input })
      await lab.ended(id, 'succeeded')
      expect((await lab.call('DELETE', `/v1/executions/${id}`)).status).toBe(204)
      for (const url of ['', '/nodes', '/logs', '/events', '/definition'])
        expect(await lab.call('GET', `/v1/executions/${id}${url}`)).toMatchObject({ status: 404, body: { code: 'execution-not-found' } })
      expect((await lab.call('DELETE', `/v1/executions/${id}`)).status).toBe(404)
      for (const action of ['stop', 'retry', 'rerun'])
        expect((await lab.call('POST', `/v1/executions/${id}/${action}`, action === 'rerun' ? {} : undefined)).status).toBe(404)
      expect((await lab.call('GET', '/v1/executions?flow=std')).body.items.map((item: any) => item.id)).not.toContain(id)
      expect(await lab.call('POST', '/v1/flows/std/executions', { name: 'gone', input })).toMatchObject({
        status: 409,
        body: { code: 'conflict' },
      })
    })

    it('of one that runs, or whose parent does, is 409', async () => {
      await lab.putWhole({
        flow: 'parent',
        start: 'k',
        nodes: {
          k: { type: 'subflow', flow: 'std', params: { n: 1 }, next: 'w' },
          w: { type: 'callback', function: 'ask' },
        },
      })
      const id = await lab.start('parent')
      await waiting(id, 1)
      expect(await lab.call('DELETE', `/v1/executions/${id}`)).toMatchObject({ status: 409, body: { code: 'execution-running' } })
      const children = async (): Promise<any[]> => (await lab.call('GET', `/v1/executions?parent=${id}&status=succeeded`)).body.items
      await expect.poll(children, { timeout: 20_000 }).toHaveLength(1)
      const [child] = await children()
      expect(await lab.call('DELETE', `/v1/executions/${child.id}`)).toMatchObject({ status: 409, body: { code: 'execution-running' } })
      await lab.call('POST', `/v1/executions/${id}/nodes/w/callback`, { status: 'succeeded' })
      await lab.ended(id, 'succeeded')
      expect((await lab.call('DELETE', `/v1/executions/${child.id}`)).status).toBe(204)
      // the parent's story is whole without it
      expect((await lab.call('GET', `/v1/executions/${id}/nodes`)).body.items).toMatchObject([{ id: 'k', output: { n: 1 } }, { id: 'w' }])
      expect((await lab.call('DELETE', `/v1/executions/${id}`)).status).toBe(204)
    })
  })
}
