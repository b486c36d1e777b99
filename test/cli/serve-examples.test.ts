import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, it } from 'vitest'
import { curl } from './curl.ts'
import { fnflow, folderWith, ROOT, type Running } from './support.ts'

const servers: Running[] = []
afterAll(() => {
  for (const { child } of servers) child.kill('SIGKILL')
})

const hasCurl = await promisify(execFile)('curl', ['--version']).then(
  () => true,
  () => false,
)

/** Run by a shell where there is curl. */
async function said(line: string): Promise<any> {
  return JSON.parse(hasCurl ? (await promisify(execFile)('sh', ['-c', line])).stdout : await curl(line)) as unknown
}

it('npm start: serves the examples, and prints lines that work as they are printed; README.md shows them', async () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: { start: string } }
  const [node, bin, ...args] = scripts.start.split(' ')
  expect([node, bin]).toEqual(['node', 'bin/fnflow.js'])
  const running = fnflow([...args, '--port', '0', '--store', folderWith()], { cwd: ROOT })
  servers.push(running)
  let printed = ''
  running.child.stdout?.on('data', (text: string) => (printed += text))
  await expect.poll(() => printed, { timeout: 30_000 }).toMatch(/\/readyz\n/)
  const [, url = ''] = /^listening at (\S+)$/m.exec(printed) ?? []
  const lines = printed.split('\n').filter((line) => line.startsWith('curl '))

  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  for (const line of lines.filter((one) => / order-flow|order-flow\/|limit=5/.test(one)))
    expect(readme).toContain(line.replace(url, 'http://127.0.0.1:8900'))

  const answers = new Map<string, any>()
  for (const line of lines) answers.set(/\/v1\/flows\/([\w-]+)\/|\/(\w+)[^/]*$/.exec(line)?.slice(1).find(Boolean) ?? '', await said(line))
  expect([...answers.keys()]).toEqual(['order-flow', 'approval', 'batch-report', 'executions', 'readyz'])
  expect(answers.get('executions').items.length).toBeGreaterThanOrEqual(3)
  expect(answers.get('readyz')).toMatchObject({ status: 'ready' })
  const { id } = answers.get('order-flow')
  const ended = await said(`curl -s '${url}/v1/executions/${id}?wait=60'`)
  expect(ended).toMatchObject({ status: 'succeeded', output: { status: 'confirmed', total: 106.56 } })
  running.child.kill('SIGINT')
  expect((await running).code).toBe(0)
})
