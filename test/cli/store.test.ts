import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fnflow, folderWith, FUNCTIONS, lastLine } from './support.ts'

const FILES = {
  ...FUNCTIONS,
  'flow.json': {
    flow: 'naps',
    start: 'first',
    nodes: {
      first: { type: 'function', function: 'hello', next: 'nap' },
      nap: { type: 'wait', seconds: '$.seconds', input: '$$.execution.input', next: 'last' },
      last: { type: 'pass', params: { name: '$.name' } },
    },
  },
  'approval.json': { flow: 'approval', start: 'p', nodes: { p: { type: 'subflow', flow: 'child' } } },
  'child.json': { flow: 'child', start: 'ask', nodes: { ask: { type: 'callback', function: 'ask' } } },
}

describe('fnflow run --store', () => {
  it('finishes after kill -9 what was left, says so, and then runs the new one', async () => {
    const folder = folderWith(FILES)
    const first = fnflow(['run', 'flow.json', '--store', 'data', '--input', '{"name":"left","seconds":2}'], { cwd: folder })
    await first.seen(/nap {2}wait {2}waiting/)
    first.child.kill('SIGKILL')
    expect((await first).code).toBe(null)
    const { code, stdout, stderr } = await fnflow(
      ['run', 'flow.json', '--store', 'data', '--input', '{"name":"new","seconds":0}', '--json'],
      { cwd: folder },
    )
    expect({ code, stdout }).toEqual({ code: 0, stdout: '{"name":"new"}\n' })
    expect(stderr).toMatch(
      /one execution was left in the store; finishing it first\n {2}(\S+) {2}naps {2}started \S+\n(?:.*\n)* {2}\1 {2}naps {2}succeeded after /,
    )
    // nothing is left now
    expect(
      (await fnflow(['run', 'flow.json', '--store', 'data', '--input', '{"name":"x","seconds":0}'], { cwd: folder })).stderr,
    ).not.toMatch(/left in the store/)
  })

  it('a callback that waited is answered by the next run, in a child, too', async () => {
    const folder = folderWith(FILES)
    const first = fnflow(['run', 'approval.json', '--store', 'data'], { cwd: folder })
    const [, token] = (await first.seen(
      /callback ask of child waits\n {2}token {2}(\S+)\n {2}url {4}\S+\/v1\/callbacks\/\1\n/,
    )) as unknown as [string, string]
    expect(token.length).toBeGreaterThan(20)
    first.child.kill('SIGKILL')
    await first
    const { code, stdout, stderr } = await fnflow(['run', 'approval.json', '--store', 'data', '--callback', 'ask={"yes":true}'], {
      cwd: folder,
    })
    expect({ code, stdout }).toEqual({ code: 0, stdout: '{"yes":true}\n' })
    expect(stderr).toMatch(/2 executions were left in the store/)
    expect(stderr.match(/succeeded after/g)).toHaveLength(2)
  })

  it('warns of an answer for a node that the flows do not have', async () => {
    const args = ['run', 'flow.json', '--store', 'data', '--input', '{"name":"x","seconds":0}', '--callback', 'nobody=1']
    const { code, stderr } = await fnflow(args, { cwd: folderWith(FILES) })
    expect(code).toBe(0)
    expect(stderr).toMatch(/^warning: --callback nobody: no callback node .*left in the store$/m)
  })

  it('a store in use by another process is refused with exit code 3', async () => {
    const folder = folderWith(FILES)
    const first = fnflow(['run', 'flow.json', '--store', 'data', '--input', '{"seconds":60}'], { cwd: folder })
    await first.seen(/nap {2}wait {2}waiting/)
    const second = await fnflow(['run', 'flow.json', '--store', 'data', '--json'], { cwd: folder })
    expect({ code: second.code, stdout: second.stdout }).toEqual({ code: 3, stdout: '' })
    expect(lastLine(second)).toMatchObject({ status: 503, errorType: 'store-locked' })
    first.child.kill('SIGINT')
    expect((await first).code).toBe(130)
  })

  it('a store that is no store is a clear error', async () => {
    const folder = folderWith({ ...FILES, 'data/fnflow.db': 'not a database, at all '.repeat(100) })
    const { code, stderr } = await fnflow(['run', 'flow.json', '--store', 'data'], { cwd: folder })
    expect(code).toBe(3)
    expect(stderr).toMatch(/store in data cannot be used/)
    expect(readFileSync(join(folder, 'data/fnflow.db'), 'utf8')).toMatch(/^not a database/)
  })
})

describe('fnflow run --callback', () => {
  it.each(['express', 'embedded'])('answers at once on the %s engine', async (engine) => {
    const folder = folderWith(FILES)
    const { code, stdout } = await fnflow(['run', 'child.json', '--engine', engine, '--callback', 'ask=[1, "x=y"]'], { cwd: folder })
    expect({ code, stdout }).toEqual({ code: 0, stdout: '[1,"x=y"]\n' })
  })
})
