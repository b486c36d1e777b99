import { afterAll, expect, it } from 'vitest'
import { withoutEffect } from '../../cli/without-effect.ts'
import { firstLine, fnflow, folderWith, type Running } from './support.ts'

let server: Running | undefined
afterAll(() => void server?.child.kill('SIGKILL'))

it('keys that nothing uses yet are told of, unless they say what holds anyway', () => {
  expect(
    withoutEffect({ 'limits.instances': 400, 'limits.memory': 16_384, asyncRetryInterval: 60_000, 'telemetry.otlp': undefined }),
  ).toEqual([])
  const set = { 'limits.instances': 8, 'limits.memory': 512, asyncRetryInterval: 1000, 'telemetry.otlp': 'http://otel:4318' }
  expect(withoutEffect(set).map((told) => told.split(' ')[0])).toEqual(Object.keys(set))
})

it('fnflow serve says at its start what has no effect, and takes tokens as server.jwt says', async () => {
  const flow = { flow: 'f', triggers: [{ type: 'http', name: 'h', path: '/h', auth: 'jwt' }], start: 'a', nodes: { a: { type: 'pass' } } }
  const jwt = { issuer: 'i', audience: 'a', jwksUrl: 'https://id.example/keys' }
  const folder = folderWith({ 'flows/f.json': flow, 'fnflow.yaml': JSON.stringify({ limits: { instances: 5 }, server: { jwt } }) })
  server = fnflow(['serve', '--json', '--port', '0'], { cwd: folder })
  const { address } = JSON.parse(await firstLine(server)) as { address: string }
  expect((await fetch(`${address}/t/h`, { method: 'POST' })).status).toBe(401)
  server.child.kill('SIGTERM')
  const { stderr, code } = await server
  expect(code).toBe(0)
  expect(stderr).toContain('limits.instances has no effect yet')
})
