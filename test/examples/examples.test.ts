import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fnflow, folderWith, ROOT } from '../cli/support.ts'

const EXAMPLES = join(ROOT, 'examples')
const read = (...path: string[]): string => readFileSync(join(EXAMPLES, ...path), 'utf8')
const json = (...path: string[]): unknown => JSON.parse(read(...path))

/** What a README's command needs besides the input. */
const MORE: Readonly<Record<string, readonly string[]>> = { approval: ['--callback', 'ask={"approved": true, "by": "mia"}'] }
const runnable = readdirSync(EXAMPLES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'invalid')
  .map(({ name }) => name)

function run(name: string, input: string, ...more: string[]): ReturnType<typeof fnflow> {
  return fnflow(['run', `examples/${name}/flow.yaml`, '--input', input, '--json', ...more])
}

describe('the examples', () => {
  it('are these', () => {
    expect(runnable.sort()).toEqual([
      'approval',
      'batch-report',
      'kafka-orders',
      'mail',
      'nightly',
      'order-flow',
      'own-connector',
      'webhook',
    ])
  })

  describe.each(runnable)('%s', (name) => {
    it('has no diagnostics', async () => {
      expect(await fnflow(['validate', `examples/${name}`])).toMatchObject({ code: 0, stdout: '' })
    })

    // three days of waiting are too long for an express flow
    it.each(name === 'approval' ? ['embedded'] : ['embedded', 'express'])('gives the expected output on the %s engine', async (engine) => {
      const { code, stdout, stderr } = await run(name, `@examples/${name}/input.json`, '--engine', engine, ...(MORE[name] ?? []))
      expect(code, stderr).toBe(0)
      expect(JSON.parse(stdout)).toEqual(json(name, 'expected-output.json'))
    })

    it('shows that output in its README', () => {
      const blocks = [...read(name, 'README.md').matchAll(/```json\n(.*?)```/gs)].map(([, text]) => JSON.parse(text as string) as unknown)
      expect(blocks[0]).toEqual(json(name, 'expected-output.json'))
    })

    it('shows its command in the README', () => {
      expect(read(name, 'README.md')).toContain(`$ fnflow run examples/${name}/flow.yaml --input @examples/${name}/input.json`)
    })
  })
})

describe('order-flow', () => {
  it('tries the bank again', async () => {
    expect((await run('order-flow', '@examples/order-flow/input.json')).stderr).toMatch(
      /✔ pay {2}function {2}succeeded in \S+ {2}2 attempts/,
    )
  })

  it('goes the other ways that its README shows', async () => {
    const commands = [...read('order-flow', 'README.md').matchAll(/--input '(.*)'$/gm)].map(([, input]) => input as string)
    expect(commands).toHaveLength(3)
    const [review, declined, failed] = await Promise.all(commands.map((input) => run('order-flow', input)))
    expect(JSON.parse(review?.stdout ?? '')).toEqual({ status: 'in review', orderId: '7', total: 1076.4 })
    expect(JSON.parse(declined?.stdout ?? '')).toMatchObject({ status: 'declined' })
    expect(failed?.code).toBe(1)
    expect(failed?.stderr).toMatch(/"errorType":"OutOfStock"/)
  })
})

describe('batch-report', () => {
  it('apologises when the subflow fails, as its README says', async () => {
    const [, second] = [...read('batch-report', 'README.md').matchAll(/```json\n(.*?)```/gs)]
    const [, input] = /--input '(.*)'/.exec(read('batch-report', 'README.md')) ?? []
    expect(JSON.parse((await run('batch-report', input ?? '')).stdout)).toEqual(JSON.parse(second?.[1] ?? ''))
  })
})

describe('approval', () => {
  it('may be refused', async () => {
    const { stdout } = await run('approval', '@examples/approval/input.json', '--callback', 'ask={"approved": false, "reason": "too far"}')
    expect(JSON.parse(stdout)).toEqual({ status: 'refused', reason: 'too far' })
  })

  it('waits in the store until somebody answers', async () => {
    const store = folderWith()
    const waiting = run('approval', '@examples/approval/input.json', '--store', store)
    await waiting.seen(/callback ask of approval waits/)
    waiting.child.kill('SIGKILL')
    await waiting
    const { stdout, stderr } = await run('approval', '@examples/approval/input.json', '--store', store, ...(MORE['approval'] ?? []))
    expect(JSON.parse(stdout)).toEqual(json('approval', 'expected-output.json'))
    expect(stderr).toMatch(/approval {2}succeeded after/)
  })
})

describe('invalid', () => {
  it('has the diagnostics that its README shows', async () => {
    const { code, stdout } = await fnflow(['validate', 'examples/invalid'])
    expect(code).toBe(2)
    expect(/```text\n(.*?)```/s.exec(read('invalid', 'README.md'))?.[1]).toBe(stdout)
  })

  it('does not run', async () => {
    expect(await fnflow(['run', 'examples/invalid/flow.yaml'])).toMatchObject({ code: 2, stdout: '' })
  })
})
