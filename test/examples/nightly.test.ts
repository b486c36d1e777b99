import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { firstLine, fnflow, folderWith, ROOT } from '../cli/support.ts'

it("examples/nightly: the README's commands do what it says", async () => {
  const readme = readFileSync(join(ROOT, 'examples/nightly/README.md'), 'utf8')
  const [serve = '', show = '', list = ''] = [...readme.matchAll(/^\$ fnflow ((?:serve|show|list) .*)$/gm)].map(([, line]) => line)
  const [, shown = ''] = [...readme.matchAll(/```json\n(.*?)```/gs)].map(([, text]) => text)
  const running = fnflow([...serve.replace('./data', folderWith()).split(' '), '--json', '--port', '0'], { cwd: ROOT })
  try {
    const { address } = JSON.parse(await firstLine(running)) as { address: string }
    const asked = async (line: string): Promise<any> => {
      const { stdout } = await fnflow([...line.split(' '), '--json'], { env: { FNFLOW_SERVER: address, FNFLOW_KEY: undefined } })
      return JSON.parse(stdout) as unknown
    }
    const { triggers } = await asked(show)
    expect(triggers.map(({ name, nextFires }: any) => [name, nextFires.length])).toEqual([
      ['night', 5],
      ['pulse', 5],
    ])
    for (const time of triggers[0].nextFires as number[]) {
      const parts = new Intl.DateTimeFormat('en-GB', {
        timeZone: 'Europe/Berlin',
        weekday: 'short',
        hour: '2-digit',
        minute: '2-digit',
      })
      expect(parts.format(time)).toMatch(/^(Mon|Tue|Wed|Thu|Fri),? 02:30$/)
    }
    const ended = async (): Promise<any[]> => (await asked(list)).items.filter(({ status }: any) => status === 'succeeded')
    await expect.poll(async () => (await ended()).length, { timeout: 60_000 }).toBeGreaterThanOrEqual(2)
    const outputs = await Promise.all((await ended()).map(async ({ id }) => (await asked(`show ${id}`)).execution.output))
    const { title } = JSON.parse(shown) as { title: string }
    for (const output of outputs) expect(output).toEqual({ title, asOf: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) })
    const times = outputs.map(({ asOf }) => Date.parse(asOf)).sort((a, b) => a - b)
    for (const [index, time] of times.entries()) expect((time - times[0]!) % 2000, String(index)).toBe(0)
    expect(new Set(times).size).toBe(times.length)
  } finally {
    running.child.kill('SIGTERM')
    await running
  }
})
