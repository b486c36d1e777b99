import { describe, expect, it } from 'vitest'
import { fnflow, folderWith, FUNCTIONS, lastLine, oneFunction } from './support.ts'

const folder = folderWith({
  ...FUNCTIONS,
  'nap.json': { flow: 'nap', start: 'nap', nodes: { nap: { type: 'wait', seconds: 60, next: 'b' }, b: { type: 'pass' } } },
  'endless.json': oneFunction('endless', { nodes: { a: { type: 'function', function: 'endless', timeout: 600 } } }),
})

describe('an interrupted run', () => {
  it.each([
    ['SIGINT', 'embedded'],
    ['SIGTERM', 'embedded'],
    ['SIGINT', 'express'],
  ] as const)('%s stops the execution first (%s), exit code 130', async (signal, engine) => {
    const running = fnflow(['run', 'nap.json', '--engine', engine, '--json'], { cwd: folder })
    await running.seen(/nap {2}wait {2}waiting/)
    running.child.kill(signal)
    const outcome = await running
    expect({ code: outcome.code, stdout: outcome.stdout }).toEqual({ code: 130, stdout: '' })
    expect(outcome.stderr).toMatch(/⊘ nap {2}wait {2}cancelled/)
    expect(lastLine(outcome)).toMatchObject({ status: 499, errorType: 'Cancelled' })
  })

  it('a signal while the input is awaited ends the program at once', async () => {
    const running = fnflow(['run', 'nap.json', '--json', '-'], { cwd: folder, stdin: null })
    await new Promise((resolve) => setTimeout(resolve, 500))
    running.child.kill('SIGTERM')
    const outcome = await running
    expect({ code: outcome.code, stdout: outcome.stdout }).toEqual({ code: 130, stdout: '' })
    expect(lastLine(outcome)).toMatchObject({ status: 499, errorType: 'Cancelled' })
  })

  it('stops a function in a busy loop, too', async () => {
    const running = fnflow(['run', 'endless.json'], { cwd: folder })
    await running.seen(/● a {2}function {2}running/)
    await new Promise((resolve) => setTimeout(resolve, 500))
    running.child.kill('SIGINT')
    expect((await running).code).toBe(130)
  })

  it('leaves what it was finishing in the store', async () => {
    const store = folderWith()
    const first = fnflow(['run', 'nap.json', '--store', store], { cwd: folder })
    await first.seen(/nap {2}wait {2}waiting/)
    first.child.kill('SIGKILL')
    await first
    for (const _ of [1, 2]) {
      const again = fnflow(['run', 'nap.json', '--store', store], { cwd: folder })
      await again.seen(/one execution was left/)
      again.child.kill('SIGINT')
      expect((await again).code).toBe(130)
    }
  })
})
