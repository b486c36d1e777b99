import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { firstLine, fnflow, folderWith, lastLine, type Running } from './support.ts'

const servers: Running[] = []
afterAll(() => {
  for (const { child } of servers) child.kill('SIGKILL')
})

async function serve(cwd: string, ...more: string[]): Promise<{ readonly running: Running; readonly url: string }> {
  const running = fnflow(['serve', '--json', '--port', '0', ...more], { cwd })
  servers.push(running)
  const { address } = JSON.parse(await firstLine(running)) as { address: string }
  return { running, url: address }
}

const status = async (url: string, key?: string, init: RequestInit = {}): Promise<number> =>
  (await fetch(url, { ...init, headers: { ...init.headers, ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) } })).status

const flow = (name: string): object => ({ flow: name, start: 'a', nodes: { a: { type: 'pass' } } })

describe('fnflow keys', () => {
  it('makes keys beside a running server, which asks for one from then on', async () => {
    const folder = folderWith({ 'flows/mine.json': flow('mine'), 'flows/theirs.json': flow('theirs') })
    const { running, url } = await serve(folder)
    expect(await status(`${url}/v1/executions`)).toBe(200)
    const added = await fnflow(['keys', 'add', 'ops', '--role', 'admin'], { cwd: folder })
    expect(added).toMatchObject({ code: 0, stdout: expect.stringMatching(/^fnflow_[\w-]{43}\n$/) as unknown })
    expect(added.stderr).toMatch(/key ops \(admin\); it is shown this once/)
    const ops = added.stdout.trim()
    await expect.poll(() => status(`${url}/v1/executions`)).toBe(401)
    expect(await status(`${url}/v1/executions`, ops)).toBe(200)
    expect(await status(`${url}/healthz`)).toBe(200)

    const json = await fnflow(['keys', 'add', 'shop', '--role', 'operator', '--flow', 'mine', '--flow', 'mine', '--json'], { cwd: folder })
    const shop = JSON.parse(json.stdout) as { key: string }
    expect(shop).toMatchObject({ name: 'shop', role: 'operator', flows: ['mine'] })
    const start = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }
    // at once: a key that is not known is looked for
    expect(await status(`${url}/v1/flows/mine/executions`, shop.key, start)).toBe(202)
    expect(await status(`${url}/v1/flows/theirs/executions`, shop.key, start)).toBe(404)

    const list = await fnflow(['keys', 'list'], { cwd: folder })
    expect(list.stdout).toMatch(/^ops +admin .* all flows$/m)
    expect(list.stdout).toMatch(/^shop +operator .* mine$/m)
    const listed = await fnflow(['keys', 'list', '--json'], { cwd: folder })
    expect(JSON.parse(listed.stdout)).toMatchObject({ items: [{ name: 'ops' }, { name: 'shop', flows: ['mine'] }] })
    const kept = readFileSync(join(folder, 'data/keys.json'), 'utf8')
    for (const key of [ops, shop.key])
      for (const text of [list.stdout, listed.stdout, kept]) expect(text).not.toContain(key.slice('fnflow_'.length))
    expect(statSync(join(folder, 'data/keys.json')).mode & 0o777).toBe(0o600)

    expect(await fnflow(['keys', 'remove', 'shop'], { cwd: folder })).toMatchObject({ code: 0 })
    await expect.poll(() => status(`${url}/v1/executions`, shop.key)).toBe(401)
    // not even the last key's end opens the door
    expect(await fnflow(['keys', 'remove', 'ops'], { cwd: folder })).toMatchObject({ code: 0 })
    await expect.poll(() => status(`${url}/v1/executions`, ops)).toBe(401)
    expect(await status(`${url}/v1/executions`)).toBe(401)
    running.child.kill('SIGTERM')
    const { code, stdout, stderr } = await running
    expect(code).toBe(0)
    for (const key of [ops, shop.key]) expect(stdout + stderr).not.toContain(key.slice('fnflow_'.length))
  })

  it('says what is wrong with what it is told', async () => {
    const folder = folderWith()
    await fnflow(['keys', 'add', 'a', '--role', 'viewer'], { cwd: folder })
    for (const [args, message] of [
      [['keys', 'add', 'a', '--role', 'viewer'], /there is a key a already; fnflow keys remove a/],
      [['keys', 'add', 'b'], /required option '--role <role>' not specified/],
      [['keys', 'add', 'b', '--role', 'king'], /Allowed choices are viewer, operator, admin.*\(see fnflow keys add --help\)/s],
      [['keys', 'add', '../b', '--role', 'viewer'], /a key is named with 1-64 of/],
      [['keys', 'add', 'b', '--role', 'viewer', '--flow', 'a b'], /"a b" is no name of a flow/],
      [['keys', 'remove', 'b'], /no key b; fnflow keys list/],
      [['keys', 'ad'], /Did you mean add\?/],
    ] as const)
      expect(await fnflow(args, { cwd: folder }), args.join(' ')).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(message) as unknown,
      })
    const taken = await fnflow(['keys', 'add', 'a', '--role', 'viewer', '--json'], { cwd: folder })
    expect(lastLine(taken)).toMatchObject({ status: 409, errorType: 'conflict' })
    expect(taken.stdout).toBe('')
    writeFileSync(join(folder, 'data/keys.json'), 'fnflow_secret {')
    for (const args of [
      ['keys', 'list'],
      ['serve', '--port', '0'],
    ]) {
      const broken = await fnflow(args, { cwd: folder })
      expect(broken).toMatchObject({
        code: 3,
        stderr: expect.stringMatching(/store-unusable.*keys\.json cannot be used: it is no JSON/) as unknown,
      })
      expect(broken.stderr).not.toContain('fnflow_secret')
    }
  })
})

describe('fnflow serve', () => {
  it('listens for others only where there is a key', async () => {
    const folder = folderWith()
    const refused = await fnflow(['serve', '--host', '0.0.0.0', '--port', '0'], { cwd: folder })
    expect(refused).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/there is no API key, .* fnflow keys add <name> --role admin makes one/) as unknown,
    })
    const { stdout } = await fnflow(['keys', 'add', 'ops', '--role', 'viewer'], { cwd: folder })
    const { url } = await serve(folder, '--host', '0.0.0.0')
    const { port } = new URL(url)
    const other = Object.values(networkInterfaces())
      .flatMap((all) => all ?? [])
      .find(({ family, internal }) => family === 'IPv4' && !internal)
    for (const host of ['127.0.0.1', ...(other === undefined ? [] : [other.address])]) {
      expect(await status(`http://${host}:${port}/v1/executions`)).toBe(401)
      expect(await status(`http://${host}:${port}/v1/executions`, stdout.trim())).toBe(200)
    }
  })

  it('takes keys of its configuration, and what it says of hosts, pages and rates', async () => {
    const folder = folderWith({
      'fnflow.yaml': `
server:
  keys: [{ name: shop, role: viewer, flows: [mine], key: { from: file, name: shop.key } }]
  cors: [https://app.example]
  rateLimit: { max: 4, window: 1h }
  allowedHosts: [flows.example]
`,
      'shop.key': 'a-key-of-ones-own-123\n',
    })
    const { url } = await serve(folder)
    const key = 'a-key-of-ones-own-123'
    expect(await status(`${url}/v1/executions`)).toBe(401)
    const answer = await fetch(`${url}/v1/executions`, { headers: { authorization: `Bearer ${key}`, origin: 'https://app.example' } })
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, 'https://app.example'])
    for (let at = 0; at < 3; at++) await status(`${url}/v1/executions`, key)
    expect(await status(`${url}/v1/executions`, key)).toBe(429)
  })
})
