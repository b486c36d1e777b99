import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Client } from '../../client/index.ts'
import { firstLine, fnflow, folderWith, ROOT, type Running } from '../cli/support.ts'
import { blocksOf, readDocument, runProgramIn } from '../examples/documents.ts'

let serving: Running
let server: string
beforeAll(async () => {
  // what npm start starts, with a port and a store of its own
  serving = fnflow(['serve', '--config', 'examples/fnflow.yaml', '--json', '--port', '0', '--store', folderWith()])
  server = (JSON.parse(await firstLine(serving)) as { address: string }).address
}, 60_000)
afterAll(async () => {
  serving.child.kill('SIGTERM')
  await serving
})

it('the program of docs/client.md does what it says, by the package as it is installed', async () => {
  const program = blocksOf('docs/client.md').find(({ language }) => language === 'ts')?.text ?? ''
  expect(program).toContain('http://127.0.0.1:8900')
  const said = await runProgramIn(folderWith(), program.replace('http://127.0.0.1:8900', server))
  expect(said).toMatch(/^price succeeded$/m)
  expect(said).toMatch(/status: 'confirmed'/)
}, 60_000)

it('the quick start, by the client: the examples run, wait for an answer, and are listed', async () => {
  const client = new Client({ server })
  const input = JSON.parse(readFileSync(join(ROOT, 'examples/approval/input.json'), 'utf8')) as unknown
  const { id } = await client.start('approval', { input })
  const waiting = async (): Promise<unknown> => (await client.call('listNodes', { path: { id } })).items.at(-1)
  await expect.poll(waiting, { timeout: 30_000 }).toMatchObject({ id: 'ask', status: 'waiting' })
  await client.call('answerNode', { path: { id, node: 'ask' }, body: { status: 'succeeded', output: { approved: true, by: 'mia' } } })
  expect(await client.wait(id)).toMatchObject({ flow: 'approval', status: 'succeeded' })
  const flows: string[] = []
  for await (const { flow } of client.all('listFlows', { query: { limit: 1 } })) flows.push(flow)
  expect(flows).toEqual(expect.arrayContaining(['approval', 'order-flow']))
  const { items } = await client.call('listExecutions', { query: { flow: 'approval', status: ['succeeded', 'failed'] } })
  expect(items.map((one) => one.id)).toContain(id)
}, 60_000)

it('docs/client.md names every command for a server', async () => {
  const page = readDocument('docs/client.md')
  const { stdout } = await fnflow(['--help'])
  const commands = [...stdout.matchAll(/^ {2}(\w+) .*$/gm)].map(([, name]) => name!)
  let remote = 0
  for (const name of commands) {
    const help = (await fnflow([name, '--help'])).stdout
    if (!help.includes('--server <url>')) continue
    remote += 1
    for (const [, option] of help.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm))
      if (!['--help', '--output'].includes(option!)) expect(page, `${name} ${option!}`).toContain(option)
    expect(page).toMatch(new RegExp(`\`fnflow ${name} `))
  }
  expect(remote).toBe(11)
}, 60_000)
