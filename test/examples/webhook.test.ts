import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { firstLine, fnflow, folderWith, ROOT } from '../cli/support.ts'

it("examples/webhook: the README's commands do what it says", async () => {
  const readme = readFileSync(join(ROOT, 'examples/webhook/README.md'), 'utf8')
  const [serving = ''] = /^fnflow serve .*$/m.exec(readme.replaceAll('$ ', '')) ?? []
  const args = serving.replace('./data', folderWith()).split(' ').slice(1)
  const running = fnflow([...args, '--json', '--port', '0'], { cwd: ROOT })
  try {
    const { address } = JSON.parse(await firstLine(running)) as { address: string }
    const curls = [...readme.matchAll(/^\$ curl -s localhost:8900(\S+)(?:.* -d '(.*)')?\n([^$`\n].*)?/gm)]
    expect(curls).toHaveLength(4)
    const answers: unknown[] = []
    // as curl would: it may not be on this machine
    for (const [, path = '', data, shown] of curls) {
      const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: data ?? '' }
      const answer: unknown = await (await fetch(address + path, data === undefined ? {} : post)).json()
      answers.push(answer)
      if (shown !== undefined) expect(answer).toEqual(JSON.parse(shown))
    }
    expect(answers.slice(2)).toMatchObject([
      { messageId: expect.any(String), executions: 1 },
      { flow: 'webhook', name: 'message', type: 'topic', state: 'running', counts: { started: 1, filtered: 0 } },
    ])
  } finally {
    running.child.kill('SIGTERM')
    await running
  }
})
