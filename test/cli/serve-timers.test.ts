import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, it } from 'vitest'
import { firstLine, fnflow, folderWith, type Running } from './support.ts'

const FLOW = {
  flow: 'f',
  triggers: [{ type: 'timer', name: 'tick', cron: '@every 1s', input: {}, catchUp: '1h' }],
  start: 'n',
  nodes: { n: { type: 'pass', params: { time: '$$.trigger.event.time' } } },
}

let running: Running | undefined
afterAll(() => running?.child.kill('SIGKILL'))

it('@every 1s: a server that is killed again and again fires every tick once', async () => {
  const folder = folderWith({ 'flows/f.json': FLOW })
  let url = ''
  const start = async (): Promise<void> => {
    running = fnflow(['serve', '--json', '--port', '0', '--store', 'store', '--flows', 'flows'], { cwd: folder })
    url = (JSON.parse(await firstLine(running)) as { address: string }).address
  }
  const get = async (path: string): Promise<any> => (await fetch(url + path)).json()
  const ticks = async (): Promise<number[]> => {
    const { items } = await get('/v1/executions?flow=f&limit=200')
    const all = await Promise.all(items.map(({ id }: { id: string }) => get(`/v1/executions/${id}?wait=20`)))
    return all.map(({ output }) => Date.parse(output.time) / 1000).sort((a, b) => a - b)
  }

  await start()
  for (let round = 0; round < 5; round++) {
    const before = (await ticks()).length
    await expect.poll(async () => (await ticks()).length, { timeout: 60_000 }).toBeGreaterThan(before)
    // around the next tick, and some while it is gone
    await sleep(Math.random() * 1200)
    running?.child.kill('SIGKILL')
    await running
    await sleep(Math.random() * 2500)
    await start()
  }
  const last = Math.floor(Date.now() / 1000)
  await expect.poll(async () => (await ticks()).at(-1), { timeout: 60_000 }).toBeGreaterThan(last)
  const all = await ticks()
  expect(all).toEqual(all.map((_, index) => all[0]! + index))
  const trigger = await get('/v1/triggers/f/tick')
  expect(trigger).toMatchObject({ type: 'timer', state: 'running', counts: { skipped: 0, deduplicated: 0 } })
  expect(trigger.nextFires).toHaveLength(5)
  running?.child.kill('SIGTERM')
  expect((await running)?.code).toBe(0)
}, 300_000)
