import { existsSync, readdirSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { zipOf } from '../executors/zips.ts'
import { firstLine, fnflow, folderWith, type Running } from './support.ts'

const servers: Running[] = []
afterAll(() => {
  for (const { child } of servers) child.kill('SIGKILL')
})

async function serve(cwd: string): Promise<{ readonly running: Running; readonly url: string }> {
  const running = fnflow(['serve', '--json', '--port', '0', '--store', 'store'], { cwd })
  servers.push(running)
  return { running, url: (JSON.parse(await firstLine(running)) as { address: string }).address }
}

const bodyOf = (name: string, kib: number): string => {
  const noise = Buffer.alloc(kib * 1024, name).toString('base64')
  const files = [
    { name: 'index.mjs', content: `export const handler = () => ${JSON.stringify(name)}` },
    ...Array.from({ length: 40 }, (_, n) => ({ name: `noise-${n}`, method: 0, content: noise })),
  ]
  return JSON.stringify({ runtime: 'nodejs', handler: 'index.handler', timeout: 60, code: zipOf(files).toString('base64') })
}
const put = (url: string, name: string, body: string): Promise<Response> =>
  fetch(`${url}/v1/functions/default/${name}`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body })
const namesAt = async (url: string): Promise<string[]> =>
  ((await (await fetch(`${url}/v1/functions`)).json()) as { items: { name: string }[] }).items.map(({ name }) => name)

describe('fnflow serve', () => {
  it('keeps nothing of a function whose client leaves in the middle', async () => {
    const cwd = folderWith()
    const { url, running } = await serve(cwd)
    const body = bodyOf('half', 4)
    await new Promise<void>((resolve) => {
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
      const asked = request(`${url}/v1/functions/default/half`, { method: 'PUT', headers }, () => undefined)
      asked.on('error', () => resolve())
      asked.write(body.slice(0, body.length / 2), () => asked.destroy(new Error('left')))
    })
    expect((await put(url, 'whole', bodyOf('whole', 1))).status).toBe(201)
    expect(await namesAt(url)).toEqual(['whole'])
    expect(readdirSync(join(cwd, 'store/functions'))).toHaveLength(1)
    running.child.kill('SIGKILL')
    await running
  }, 90_000)

  it('killed while functions are put has each whole, or not at all, when it is back', async () => {
    const cwd = folderWith()
    const acknowledged = new Set<string>()
    const folder = join(cwd, 'store/functions')
    const folders = (): number => (existsSync(folder) ? readdirSync(folder).length : 0)
    for (let round = 0; round < 4; round++) {
      const { url, running } = await serve(cwd)
      const before = folders()
      let answers = 0
      const sent = Array.from({ length: 6 }, async (_, n) => {
        const name = `f${round}-${n}`
        const answer = await put(url, name, bodyOf(name, 64)).catch(() => undefined)
        answers++
        if (answer?.status === 201) acknowledged.add(name)
      })
      // at another moment of the work each time
      await expect.poll(() => folders() > before + round || answers === 6, { timeout: 60_000, interval: 1 }).toBe(true)
      running.child.kill('SIGKILL')
      await Promise.all([running, ...sent])
    }
    const { url, running } = await serve(cwd)
    const names = await namesAt(url)
    for (const name of acknowledged) expect(names).toContain(name)
    expect(readdirSync(join(cwd, 'store/functions'))).toHaveLength(names.length)
    for (const name of names) {
      const answer = await fetch(`${url}/v1/functions/default/${name}/invocations`, { method: 'POST' })
      expect([answer.status, await answer.json()]).toEqual([200, name])
    }
    // another server has no part in it
    const second = await fnflow(['serve', '--json', '--port', '0', '--store', 'store'], { cwd })
    expect(second).toMatchObject({ code: 3, stderr: expect.stringMatching(/store-locked|in use|locked/) as string })
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    running.child.kill('SIGKILL')
    await running
  }, 300_000)
})
