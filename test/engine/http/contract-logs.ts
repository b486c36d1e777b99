import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect } from 'node:net'
import { HttpLab, type OpenEngine } from './http-lab.ts'

/** What functions have logged (http-api.md, 3), whatever runs the flows. */
export function logsContract(open: OpenEngine): void {
  let lab: HttpLab
  let address: string
  const tokens = new Map<string, string>()

  beforeAll(async () => {
    lab = await HttpLab.open(open, {
      functions: {
        echo: (event: any) => event,
        says: ({ lines, fails }: any, { logger, attempt }: any) => {
          for (const line of lines) logger.info(line)
          if (attempt <= (fails ?? 0)) throw new Error('again')
          return null
        },
        ask: (_event: unknown, { logger }: any) => {
          logger.warn('asking')
          return null
        },
      },
      onCallback: ({ execution, token }) => void tokens.set(execution, token),
    })
    address = await lab.app.listen({ host: '127.0.0.1', port: 0 })
    const onError = { onError: 'x' }
    await lab.putWhole({
      flow: 'says',
      start: 'a',
      nodes: {
        a: { type: 'function', function: 'says', ...onError, next: 'end' },
        x: { type: 'error', retry: { interval: 1, max: 3 } },
        end: { type: 'end' },
      },
    })
    await lab.putWhole({
      flow: 'asks',
      start: 'a',
      nodes: {
        a: { type: 'callback', function: 'ask', next: 'b' },
        b: { type: 'function', function: 'says', params: { lines: ['late ü', 'latest'] } },
      },
    })
    await lab.put('quick', 'echo', { mode: 'express' })
  })
  afterAll(() => lab?.close())

  const linesOf = async (id: string, query = ''): Promise<any> => (await lab.call('GET', `/v1/executions/${id}/logs${query}`)).body
  const logged = (id: string, count: number): Promise<void> =>
    expect.poll(async () => (await linesOf(id, '?limit=200')).items.length, { timeout: 20_000 }).toBe(count) as Promise<void>
  const eventsOf = (body: string): { event: string; id: number; data: any }[] =>
    [...body.matchAll(/^event: (\w+)\nid: (\d+)\ndata: (.*)\n\n/gm)].map(([, event, id, data]) => ({
      event: event as string,
      id: Number(id),
      data: JSON.parse(data as string),
    }))

  describe('logs', () => {
    it('have node, attempt, request and time, and come in pages, by time', async () => {
      const id = await lab.start('says', { input: { lines: ['one', 'two', 'three'], fails: 1 } })
      await lab.ended(id, 'succeeded')
      await logged(id, 6)
      const seen: any[] = []
      let cursor: string | undefined
      do {
        const page = await linesOf(id, `?limit=4${cursor === undefined ? '' : `&cursor=${cursor}`}`)
        seen.push(page.items)
        cursor = page.nextCursor
      } while (cursor !== undefined)
      expect(seen.map((page) => page.length)).toEqual([4, 2])
      const all = seen.flat()
      expect(all.map(({ text, node, attempt }) => [text, node, attempt])).toEqual(
        [1, 2].flatMap((attempt) => ['one', 'two', 'three'].map((text) => [text, 'a', attempt])),
      )
      expect(new Set(all.map(({ requestId }) => requestId)).size).toBe(2)
      for (const { time } of all) expect(Math.abs(time - Date.now())).toBeLessThan(60_000)
    })

    it('are followed while they come, until the execution has ended', async () => {
      const id = await lab.start('asks')
      const response = await fetch(`${address}/v1/executions/${id}/logs?follow=true`)
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
      let body = ''
      const reading = (async () => {
        for await (const text of response.body!.pipeThrough(new TextDecoderStream())) body += text
      })()
      await expect.poll(() => eventsOf(body).map(({ data }) => data.text), { timeout: 20_000 }).toEqual(['asking'])
      await expect.poll(() => tokens.has(id), { timeout: 20_000 }).toBe(true)
      await lab.call('POST', `/v1/callbacks/${tokens.get(id)}`, { status: 'succeeded', output: 1 })
      await reading
      const events = eventsOf(body)
      expect(events.map(({ event, data }) => [event, data.text, data.node])).toEqual([
        ['log', 'asking', 'a'],
        ['log', 'late ü', 'b'],
        ['log', 'latest', 'b'],
        ['end', undefined, undefined],
      ])
      // from a position on; one that it never gave tells all
      const first = String(events[0]!.id)
      const from = async (last: string): Promise<unknown[]> =>
        eventsOf((await lab.call('GET', `/v1/executions/${id}/logs?follow=true`, undefined, { 'last-event-id': last })).body).map(
          ({ data }) => data.text,
        )
      expect(await from(first)).toEqual(['late ü', 'latest', undefined])
      expect(await from(String(events[2]!.id))).toEqual([undefined])
      for (const unknown of ['999999999999', 'nonsense']) expect(await from(unknown)).toEqual(['asking', 'late ü', 'latest', undefined])
    })

    it('a client that leaves, or does not read, holds up nothing', async () => {
      const id = await lab.start('asks')
      const stalled = connect(Number(new URL(address).port), '127.0.0.1').pause()
      stalled.write(`GET /v1/executions/${id}/logs?follow=true HTTP/1.1\r\nhost: localhost\r\n\r\n`)
      const left = new AbortController()
      await fetch(`${address}/v1/executions/${id}/logs?follow=true`, { signal: left.signal })
      left.abort()
      expect((await lab.call('POST', `/v1/executions/${id}/stop`)).status).toBe(202)
      await lab.ended(id, 'cancelled')
      await logged(id, 1)
      stalled.destroy()
    })

    it('of what is not there, or keeps none, and cursors that nobody gave, are refused', async () => {
      for (const query of ['', '?follow=true'])
        expect(await lab.call('GET', `/v1/executions/nobody/logs${query}`)).toMatchObject({
          status: 404,
          body: { code: 'execution-not-found' },
        })
      const quick = await lab.start('quick')
      for (const query of ['', '?follow=true'])
        expect(await lab.call('GET', `/v1/executions/${quick}/logs${query}`)).toMatchObject({ status: 409, body: { code: 'express' } })
      const id = await lab.start('says', { input: { lines: [] } })
      for (const query of ['cursor=!', 'limit=0', 'limit=201', 'follow=maybe', 'colour=red', 'follow=true&limit=3'])
        expect(await lab.call('GET', `/v1/executions/${id}/logs?${query}`)).toMatchObject({ status: 400, body: { code: 'bad-request' } })
      expect(await linesOf(id, '?follow=false')).toEqual({ items: [] })
    })
  })
}
