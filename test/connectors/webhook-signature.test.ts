import { inspect } from 'node:util'
import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import { WebhookSecret } from '../../connectors/webhook-signature.ts'

const TEXT = `whsec_${Buffer.alloc(32, 'k').toString('base64')}`

describe('a signature of an event', () => {
  it.each(['{"a":1}', '', '{"text":"größer → ✓"}'])('over %j is what standardwebhooks verifies', (body) => {
    const headers = { ...new WebhookSecret(TEXT).sign('e1/each[0]/a#1', Date.now(), Buffer.from(body)) }
    expect(() => new Webhook(TEXT).verify(body, headers)).not.toThrow()
    expect(() => new Webhook(TEXT).verify(`${body} `, headers)).toThrow('No matching signature')
    expect(() => new Webhook(TEXT).verify(body, { ...headers, 'webhook-id': 'other' })).toThrow('No matching signature')
    const other = `whsec_${Buffer.alloc(32, 'o').toString('base64')}`
    expect(() => new Webhook(other).verify(body, headers)).toThrow('No matching signature')
  })

  it('carries its time: an old one is not taken again', () => {
    const headers = { ...new WebhookSecret(TEXT).sign('e1', Date.now() - 3_600_000, '{}') }
    expect(() => new Webhook(TEXT).verify('{}', headers)).toThrow('too old')
  })

  it('is as in the example of the specification', () => {
    // https://github.com/standard-webhooks/standard-webhooks: the vector of its libraries' tests
    expect(
      new WebhookSecret('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw').sign(
        'msg_p5jXN8AQM9LWM0D4loKWxJek',
        1_614_265_330_000,
        '{"test": 2432232314}',
      ),
    ).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    })
  })

  it('is refused for a secret or an id that cannot be one, without repeating the secret', () => {
    for (const text of ['', 'secret-secret-secret-secret', 'whsec_', 'whsec_c2hvcnQ=', `whsec_${'!'.repeat(40)}`, TEXT.slice(6)])
      expect(() => new WebhookSecret(text), text).toThrow(/^the secret of a signature must be whsec_ and 24 to 64 bytes in base64$/)
    const secret = new WebhookSecret(TEXT)
    for (const id of ['', 'a b', 'a\r\nb', 'ä']) expect(() => secret.sign(id, 0, '')).toThrow(RangeError)
    expect(inspect(secret, { showHidden: true, depth: 5 })).not.toContain('kkkk')
  })
})
