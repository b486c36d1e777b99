import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fnflow, folderWith, FUNCTIONS, lastLine, oneFunction } from './support.ts'

const folder = folderWith({
  ...FUNCTIONS,
  'hello.yaml':
    'flow: hello\nstart: a\nnodes:\n  a: { type: function, function: hello, next: b }\n  b: { type: pass, params: { got: $.hello } }\n',
  'express.json': oneFunction('hello', { flow: 'express', mode: 'express' }),
  'fails.json': oneFunction('broken', { flow: 'fails' }),
  'long.json': { flow: 'long', timeout: 3600, start: 'a', nodes: { a: { type: 'wait', seconds: 400, next: 'b' }, b: { type: 'pass' } } },
  'parent.json': { flow: 'parent', start: 'a', nodes: { a: { type: 'subflow', flow: 'express' } } },
  'notify.json': { flow: 'notify', start: 'a', nodes: { a: { type: 'event', channel: 'log', data: { n: 1 } } } },
  'loop.json': {
    flow: 'loop',
    start: 'each',
    nodes: { each: { type: 'loop', items: '$.list', nodes: { say: { type: 'function', function: 'hello', params: { name: '$.item' } } } } },
  },
})
const run = (...args: string[]): ReturnType<typeof fnflow> => fnflow(['run', ...args], { cwd: folder })

describe('fnflow run', () => {
  it('prints the output on stdout and everything else on stderr', async () => {
    const { code, stdout, stderr } = await run('hello.yaml', '--input', '{"name":"Ada"}')
    expect({ code, stdout }).toEqual({ code: 0, stdout: '{"got":"Ada"}\n' })
    expect(stderr).toMatch(/✔ a {2}function {2}succeeded in /)
    expect(stderr).toMatch(/^\[a [-0-9a-f]+\] hello \{"name":"Ada"\}$/m)
  })

  it('takes the input from a file, from stdin and by default {}', async () => {
    const withFile = folderWith({ 'in.json': ' {"name": "file"} ' })
    expect((await run('hello.yaml', '--input', `@${withFile}/in.json`)).stdout).toBe('{"got":"file"}\n')
    expect((await fnflow(['run', 'hello.yaml', '-'], { cwd: folder, stdin: '{"name":"stdin"}' })).stdout).toBe('{"got":"stdin"}\n')
    expect((await fnflow(['run', 'hello.yaml', '--input', '-'], { cwd: folder, stdin: '{"name":"stdin"}' })).stdout).toBe(
      '{"got":"stdin"}\n',
    )
    expect((await run('hello.yaml')).stdout).toBe('{"got":"world"}\n')
  })

  it('with --json a success is one JSON document on stdout', async () => {
    const { code, stdout } = await run('express.json', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ hello: 'world' })
  })

  it('with --json a failure leaves stdout empty, and the last line of stderr is the error document', async () => {
    const outcome = await run('fails.json', '--json')
    expect({ code: outcome.code, stdout: outcome.stdout }).toEqual({ code: 1, stdout: '' })
    expect(lastLine(outcome)).toMatchObject({
      status: 430,
      errorType: 'TypeError',
      errorMessage: 'broken on purpose',
      function: 'default/broken:latest',
    })
  })

  it('without --json a failure is told readably, with exit code 1', async () => {
    const { code, stdout, stderr } = await run('fails.json')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/error: TypeError \(430\): broken on purpose\n {2}in function default\/broken:latest, attempt 1/)
  })

  it.each([
    ['an unknown function', 'nowhere', 435, 'FunctionNotFound'],
    ['a handler that is not there', 'gone', 437, 'HandlerNotFound'],
    ['a module that throws while loading', 'unloadable', 443, 'RangeError'],
    ['a BigInt in the result', 'big', 403, 'ResultNotJson'],
    ['a cycle in the result', 'cycle', 403, 'ResultNotJson'],
  ])('%s is an error document', async (_what, name, status, errorType) => {
    const other = folderWith({ ...FUNCTIONS, 'flow.json': oneFunction(name) })
    const outcome = await fnflow(['run', 'flow.json', '--json'], { cwd: other })
    expect({ code: outcome.code, stdout: outcome.stdout }).toEqual({ code: 1, stdout: '' })
    expect(lastLine(outcome)).toMatchObject({ status, errorType })
  })

  it('warns beforehand about functions and flows that are not there', async () => {
    const other = folderWith({ 'flow.json': oneFunction('nowhere') })
    const { stderr } = await fnflow(['run', 'flow.json'], { cwd: other })
    expect(stderr.split('\n')[0]).toMatch(/^flow\.json:1:\d+ unknown-function warning: /)
  })

  it('runs in the mode that --engine names', async () => {
    expect((await run('hello.yaml', '--engine', 'express')).stdout).toBe('{"got":"world"}\n')
    expect((await run('express.json', '--engine', 'embedded')).stdout).toBe('{"hello":"world"}\n')
    const tooLong = await run('long.json', '--engine', 'express')
    expect(tooLong.code).toBe(2)
    expect(tooLong.stderr).toMatch(/^long\.json:1:26 express-duration /m)
    expect((await run('hello.yaml', '--engine', 'temporal')).code).toBe(2)
  })

  it('knows the other flows of the folder as subflows, and those of --flows', async () => {
    expect((await run('parent.json')).stdout).toBe('{"hello":"world"}\n')
    const elsewhere = folderWith({ 'parent.json': { flow: 'parent', start: 'a', nodes: { a: { type: 'subflow', flow: 'express' } } } })
    const { stdout } = await run(join(elsewhere, 'parent.json'), '--flows', folder, '--functions', 'functions.yaml')
    expect(stdout).toBe('{"hello":"world"}\n')
    const alone = await run(join(elsewhere, 'parent.json'), '--json')
    expect(alone.code).toBe(1)
    expect(lastLine(alone)).toMatchObject({ errorType: 'FlowNotFound' })
  })

  it('leaves out broken flows beside it with a warning, unless they are called', async () => {
    const other = folderWith({
      ...FUNCTIONS,
      'good.json': oneFunction('hello', { flow: 'good' }),
      'bad.yaml': 'flow: bad\nstart: nowhere\nnodes:\n  a: { type: pass }\n',
      'calls-bad.json': { flow: 'calls-bad', start: 'a', nodes: { a: { type: 'subflow', flow: 'bad' } } },
    })
    const good = await fnflow(['run', 'good.json'], { cwd: other })
    expect(good.code).toBe(0)
    expect(good.stderr).toMatch(/^warning: bad\.yaml:2:8 unknown-node .*left out/m)
    const calling = await fnflow(['run', 'calls-bad.json', '--json'], { cwd: other })
    expect(calling.code).toBe(2)
    expect(calling.stderr).toMatch(/^bad\.yaml:2:8 unknown-node /m)
    expect(lastLine(calling)).toMatchObject({
      errorType: 'FlowInvalid',
      diagnostics: [{ file: 'bad.yaml', rule: 'unknown-node', line: 2 }],
    })
  })

  it('prints events of the channel log on stderr', async () => {
    const { code, stderr } = await run('notify.json')
    expect(code).toBe(0)
    expect(stderr).toMatch(/\[channel log\] \{"specversion":"1.0".*"data":\{"n":1\}/)
  })

  it('--trace prints every node with input, output, attempts and time, iterations too', async () => {
    const { stderr } = await run('loop.json', '--trace', '--input', JSON.stringify({ list: ['a', 'b'.repeat(2000)] }))
    const trace = stderr.slice(stderr.indexOf('\ntrace\n'))
    expect(trace).toMatch(/^each {2}loop {2}succeeded {2}1 attempt {2}\S+ {2}2\/2$/m)
    expect(trace).toMatch(/^each\[0\]\/say {2}function {2}succeeded {2}1 attempt/m)
    expect(trace).toMatch(/^ {4}output {2}\{"hello":"a"\}$/m)
    expect(trace).toMatch(/^ {4}output {2}\{"hello":"b+… \(2012 bytes in all\)$/m)
  })

  it('says that an express flow keeps no records inside loops', async () => {
    const { stderr, code } = await run('loop.json', '--trace', '--engine', 'express', '--input', '{"list":[1]}')
    expect(code).toBe(0)
    expect(stderr).toMatch(/keeps no records/)
  })

  it('leaves no temporary folder', async () => {
    const env = { TMPDIR: folderWith() }
    expect((await fnflow(['run', 'hello.yaml'], { cwd: folder, env })).code).toBe(0)
    expect(readdirSync(env.TMPDIR).filter((name) => name !== 'node-compile-cache')).toEqual([])
  })

  it.skipIf(!existsSync('/dev/full'))('an output that cannot be written is an error', () => {
    const bin = new URL('../../bin/fnflow.js', import.meta.url).pathname
    const full = openSync('/dev/full', 'w')
    const { status, stderr } = spawnSync(process.execPath, [bin, 'run', 'express.json', '--json'], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', full, 'pipe'],
    })
    closeSync(full)
    expect(status).toBe(1)
    expect(JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({ errorType: 'OutputNotWritten' })
  })

  it('does not mind a reader that goes away', () => {
    const bin = new URL('../../bin/fnflow.js', import.meta.url).pathname
    const { stderr } = spawnSync('bash', ['-c', `set -o pipefail; "${process.execPath}" "${bin}" run hello.yaml | true`], {
      cwd: folder,
      encoding: 'utf8',
    })
    expect(stderr).not.toMatch(/EPIPE|at .*\.js:/)
  })
})
