import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { expect, it, onTestFinished } from 'vitest'
import { createEngine } from '../../../engine/create-engine.ts'
import { createServer } from '../../../engine/http/server.ts'
import { rejection } from '../calls.ts'
import { Receiver } from '../http/receiver.ts'

const FLOW = {
  flow: 'f',
  triggers: [{ type: 'http', name: 'hook', path: '/hook', auth: 'jwt' }],
  start: 'a',
  nodes: { a: { type: 'pass' } },
}

it('a trigger that names no issuer takes tokens of the server’s own, and is refused where there is none', async () => {
  const keys = new Receiver()
  await keys.listen()
  onTestFinished(() => keys.close())
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }
  keys.answer = () => ({ status: 200, body: JSON.stringify({ keys: [jwk] }) })
  const jwt = { issuer: 'https://id.example', audience: 'flows', jwksUrl: `${keys.url}/keys` }
  const engine = await createEngine({ jwt, outbound: { allowPrivate: ['127.0.0.1'] } })
  const app = await createServer({ engine })
  onTestFinished(async () => void (await Promise.all([app.close(), engine.close()])))
  await engine.deploy(FLOW)
  const send = async (issuer: string): Promise<number> => {
    const token = await new SignJWT({ sub: 'noah' })
      .setProtectedHeader({ alg: 'ES256', kid: 'k' })
      .setIssuer(issuer)
      .setAudience(jwt.audience)
      .setExpirationTime('5m')
      .sign(privateKey)
    const headers = { host: 'localhost', authorization: `Bearer ${token}` }
    return (await app.inject({ method: 'POST', url: '/t/hook', headers, payload: {} })).statusCode
  }
  expect([await send(jwt.issuer), await send('https://other.example')]).toEqual([202, 401])

  const without = await createEngine()
  onTestFinished(() => without.close())
  expect(await rejection(without.deploy(FLOW))).toMatchObject({
    code: 'flow-invalid',
    diagnostics: [{ rule: 'schema', message: expect.stringContaining('or configure server.jwt') }],
  })
})
