import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { LATER_COMMANDS } from '../../cli/later.ts'
import { fnflow, folderWith, lastLine, oneFunction } from './support.ts'

const folder = folderWith({ 'flow.json': oneFunction('hello') })

describe('usage', () => {
  it('--help of the program and of every command has an example, on stdout, exit code 0', async () => {
    for (const args of [
      ['--help'],
      ['run', '--help'],
      ['validate', '--help'],
      ['diagram', '--help'],
      ['serve', '--help'],
      ['worker', '--help'],
      ['completion', '--help'],
      ...['start', 'stop', 'retry', 'rerun', 'show', 'list', 'logs', 'callback', 'invoke', 'deploy', 'publish'].map((command) => [
        command,
        '--help',
      ]),
      ['help', 'run'],
    ]) {
      const { code, stdout, stderr } = await fnflow(args)
      expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' })
      expect(stdout).toMatch(/Examples:\n {2}\$ fnflow /)
    }
  })

  it('--version is that of the package', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
    expect(await fnflow(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` })
  })

  it('without a command the help is on stderr, exit code 2', async () => {
    const { code, stdout, stderr } = await fnflow([])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/Usage: fnflow/)
  })

  it.each([
    [['rnu', 'x'], /Did you mean run\?/],
    [['run', 'flow.json', '--inptu', '{}'], /Did you mean --input\?/],
    [['help', 'nope'], /no command nope; there are run, validate/],
    [['run', 'flow.json', '--input', '@'], /name of a file behind the @/],
    [['list', '--status', 'happy'], /Allowed choices are running, succeeded/],
    [['rerun', 'x', '--dry-run', '--wait'], /nothing to --wait for/],
    [['callback', 'x', '--message', 'y'], /--message goes with --error/],
    [['run'], /missing required argument 'flow'/],
    [['run', 'flwo.json'], /no flow file flwo\.json; did you mean "flow\.json"\?/],
    [['run', '.'], /is a folder; name a flow file in it, such as \.\/flow\.json/],
    [['run', 'flow.json', 'more'], /takes one flow/],
    [['run', 'flow.json', '--functions', 'no.yaml'], /no functions file no\.yaml/],
    [['run', 'flow.json', '--flows', 'nowhere'], /no folder nowhere/],
    [['run', 'flow.json', '--callback', 'x'], /node=JSON/],
    [['run', 'flow.json', '--callback', 'a={'], /the answer of --callback a is not JSON/],
    [['run', 'flow.json', '--callback', 'a=1'], /that node is a function node/],
    [['run', 'flow.json', '--callback', 'b=1'], /no callback node of that name/],
    [['run', 'flow.json', '--engine', 'fast'], /Allowed choices are embedded, express, temporal/],
    [['completion', 'tcsh'], /Allowed choices are bash, zsh, fish/],
    [['run', 'flow.json', '--task-queue', 'q'], /--task-queue goes with --engine temporal/],
    [['run', 'flow.json', '--engine', 'express', '--tls-ca', 'x'], /--tls-ca goes with --engine temporal/],
    [['run', 'flow.json', '--no-worker'], /--no-worker goes with --engine temporal/],
    [['run', 'flow.json', '--engine', 'temporal'], /--store postgres:.* \(or FNFLOW_STORE\) is missing/],
    [['run', 'flow.json', '--engine', 'temporal', '--store', './data'], /--store must be the URL of a PostgreSQL database/],
    [['worker'], /--store postgres:.* \(or FNFLOW_STORE\) is missing/],
    [['worker', '--only'], /--only needs --queues/],
    [['worker', '--queues', 'a,b c'], /--queues b c: expected a queue such as gpu\.nvidia-t4/],
    [['worker', '--queues', 'a:0'], /--queues a:0: expected a queue/],
    [['worker', '--slots', '0'], /a whole number from 1 is expected/],
    [['worker', '--deployment', 'orders'], /write name@build-id, such as orders@/],
    [['worker', 'flow.json'], /too many arguments/],
    [['worker', '--store', 'postgres://x/y', '--functions', 'no.yaml'], /no functions file no\.yaml/],
    [['worker', '--api-key', 'sesame'], /unknown option '--api-key'/],
    [['validate'], /missing required argument 'paths'/],
    [['validate', 'no.yaml'], /no flow file no\.yaml/],
  ])('%j is bad usage', async (args, message) => {
    const { code, stdout, stderr } = await fnflow(args, { cwd: folder, env: { FNFLOW_STORE: undefined } })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/\.js:\d+/)
  })

  it('with --json bad usage ends with an error document, too', async () => {
    expect(lastLine(await fnflow(['run', 'flwo.json', '--json'], { cwd: folder }))).toMatchObject({ errorType: 'UsageError' })
    expect(lastLine(await fnflow(['run', '--json', '--nonsense'], { cwd: folder }))).toMatchObject({
      errorType: 'UsageError',
      errorMessage: expect.stringContaining('--nonsense') as unknown,
    })
  })

  it('commands of later versions say so, with exit code 2', async () => {
    expect(LATER_COMMANDS.size).toBe(3)
    const { code, stderr } = await fnflow(['import', 'asl', 'x.json'])
    expect(code).toBe(2)
    expect(stderr).toMatch(/fnflow import is not there yet/)
  })
})
