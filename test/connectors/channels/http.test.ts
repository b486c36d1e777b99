import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Webhook } from 'standardwebhooks'
import { createEngine } from '../../../engine/create-engine.ts'
import type { Engine } from '../../../engine/api.ts'
import type { ExecutionFailed } from '../../../engine/errors.ts'
import { rejection } from '../../engine/calls.ts'
import { readCloudEvent } from './cloud-events.ts'
import { Receiver } from '../../engine/http/receiver.ts'

const SECRET = `whsec_${Buffer.from('a secret of thirty-two bytes …!!').toString('base64')}`
const FLOW = {
  flow: 'teller',
  mode: 'express',
  start: 'tell',
  nodes: {
    tell: { type: 'event', channel: 'out', data: { order: '$.id' }, subject: 'größe "1" %', eventType: 'test.told', source: '/tests' },
  },
}

describe('a channel of kind http', () => {
  let receiver: Receiver
  let engine: Engine | undefined

  beforeEach(async () => {
    receiver = new Receiver()
    await receiver.listen()
  })
  afterEach(async () => {
    await engine?.close()
    await receiver.close()
  })

  async function tell(options: object = {}, outbound = { allowPrivate: ['127.0.0.1'] }): Promise<any> {
    const url = `${receiver.url}/events`
    engine = await createEngine({ channels: { out: { kind: 'http', url, ...options } }, outbound })
    await engine.deploy(FLOW)
    return engine.run('teller', { input: { id: 17 } })
  }

  it('sends the data as body and the rest as headers', async () => {
    const { eventId } = await tell({ headers: { 'x-own': 'yes' } })
    expect(receiver.received).toHaveLength(1)
    const [{ method, url, headers, body }] = receiver.received as [Receiver['received'][number]]
    expect([method, url, JSON.parse(body)]).toEqual(['POST', '/events', { order: 17 }])
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': eventId,
      'ce-source': '/tests',
      'ce-type': 'test.told',
      'ce-subject': 'gr%C3%B6%C3%9Fe%20%221%22%20%25',
      'ce-time': expect.stringMatching(/^\d{4}-/),
      'x-own': 'yes',
    })
    expect(headers).not.toHaveProperty('webhook-signature')
  })

  it('sends the whole event in mode structured', async () => {
    const { eventId } = await tell({ mode: 'structured' })
    const [{ headers, body }] = receiver.received as [Receiver['received'][number]]
    expect(headers['content-type']).toMatch(/^application\/cloudevents\+json/)
    expect(JSON.parse(body)).toMatchObject({ specversion: '1.0', id: eventId, subject: 'größe "1" %', data: { order: 17 } })
  })

  it.each(['binary', 'structured'])('sends in mode %s what the SDK of CloudEvents reads, and Standard Webhooks verify', async (mode) => {
    const { eventId } = await tell({ mode, secret: SECRET })
    const [{ headers, body }] = receiver.received as [Receiver['received'][number]]
    const sent = headers as Record<string, string>
    const subject = 'größe "1" %'
    const event = readCloudEvent(sent, body)
    expect(event).toMatchObject({ specversion: '1.0', id: eventId, source: '/tests', type: 'test.told', data: { order: 17 } })
    // the SDK leaves the escapes of headers to its user
    expect(mode === 'binary' ? decodeURIComponent(event.subject!) : event.subject).toBe(subject)
    new Webhook(SECRET).verify(body, sent)
  })

  it.each([
    ['$.id', '17'],
    ['all of one', 'all of one'],
    ['$.both', '{"a":1,"b":[2]}'],
    ['$.gone', undefined],
    ['$.none', undefined],
  ])('says the key of an event: %s', async (key, partitionkey) => {
    engine = await createEngine({
      channels: { out: { kind: 'http', url: receiver.url, mode: 'structured' } },
      outbound: { allowPrivate: ['127.0.0.1'] },
    })
    await engine.deploy({ ...FLOW, nodes: { tell: { ...FLOW.nodes.tell, key } } })
    await engine.run('teller', { input: { id: 17, both: { a: 1, b: [2] }, none: null } })
    const [{ headers, body }] = receiver.received as [Receiver['received'][number]]
    expect(JSON.parse(body).partitionkey).toBe(partitionkey)
    expect(readCloudEvent(headers as Record<string, string>, body)['partitionkey']).toBe(partitionkey)
  })

  it('signs what it sends, so that the receiver can verify it', async () => {
    await tell({ secret: SECRET })
    const [{ headers, body }] = receiver.received as [Receiver['received'][number]]
    expect(new Webhook(SECRET).verify(body, headers as Record<string, string>)).toEqual({ order: 17 })
    expect(() => new Webhook(SECRET).verify(`${body} `, headers as Record<string, string>)).toThrow()
  })

  it('tries again after 5xx, 429 and a broken connection, with the same ids', async () => {
    const answers = [{ status: 503 }, { status: 429, headers: { 'retry-after': '0' } }, null, { status: 204 }]
    receiver.answer = (_request, count) => answers[count - 1] as (typeof answers)[number]
    const { eventId } = await tell({ secret: SECRET })
    expect(receiver.received.map(({ headers }) => headers['ce-id'])).toEqual([eventId, eventId, eventId, eventId])
    expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual([eventId, eventId, eventId, eventId])
  })

  it.each([400, 404, 410, 301])('fails the node at once for %i', async (status) => {
    receiver.answer = () => ({ status, headers: { location: `${receiver.url}/elsewhere` } })
    const error = (await rejection(tell())) as ExecutionFailed
    expect(error.error).toMatchObject({ errorType: 'PublishFailed', errorMessage: expect.stringContaining(String(status)) })
    expect(receiver.received).toHaveLength(1)
  })

  it('does not send to this network unless that is allowed', async () => {
    const error = (await rejection(tell({}, { allowPrivate: [] }))) as ExecutionFailed
    expect(error.error).toMatchObject({ errorType: 'PublishFailed', errorMessage: expect.stringContaining('public internet') })
    expect(receiver.received).toEqual([])
  })

  it.each([
    [{ url: 'ftp://files.example' }],
    [{ url: 'https://user:pw@files.example' }],
    [{ url: 5 }],
    [{ url: 'https://a.example', mode: 'loud' }],
    [{ url: 'https://a.example', secret: 'planted-secret' }],
    [{ url: 'https://a.example', headers: { 'bad header': 'x' } }],
    [{ url: 'https://a.example', colour: 'red' }],
  ])('is refused as %j', async (options) => {
    const error = (await rejection(createEngine({ channels: { out: { kind: 'http', ...options } as never } }))) as Error
    expect(error).toMatchObject({ code: 'bad-option', message: expect.stringMatching(/^channel out: /) })
    expect(error.message).not.toContain('planted-secret')
  })
})
