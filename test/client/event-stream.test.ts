import { describe, expect, it } from 'vitest'
import { eventsOf, type ServerEvent } from '../../client/event-stream.ts'

async function parse(chunks: Iterable<Uint8Array>): Promise<ServerEvent[]> {
  async function* body(): AsyncGenerator<Uint8Array, void, undefined> {
    yield* chunks
  }
  const events: ServerEvent[] = []
  for await (const event of eventsOf(body())) if (event !== undefined) events.push(event)
  return events
}

const TEXT =
  ': connected\n\nevent: node\nid: 1\ndata: {"label":"Größe €𝄞"}\n\nevent: node\r\nid: 2\r\ndata: a\r\ndata:  b\r\n\r\n:\n\ndata\n\nevent: cut\ndata: off'
const EVENTS = [
  { event: 'node', id: '1', data: '{"label":"Größe €𝄞"}' },
  { event: 'node', id: '2', data: 'a\n b' },
  { event: 'message', id: '2', data: '' },
]

describe('an event stream', () => {
  it('is parsed in whatever pieces it comes', async () => {
    const bytes = new TextEncoder().encode(TEXT)
    for (let size = 1; size <= bytes.length; size += size < 10 ? 1 : 17) {
      const chunks: Uint8Array[] = []
      for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
      expect(await parse(chunks), `pieces of ${size}`).toEqual(EVENTS)
    }
  })

  it('tells signs of life, which are no events', async () => {
    const pieces: unknown[] = []
    async function* body(): AsyncGenerator<Uint8Array, void, undefined> {
      yield new TextEncoder().encode(': still here\n\n')
    }
    for await (const event of eventsOf(body())) pieces.push(event)
    expect(pieces).toEqual([undefined])
  })
})
