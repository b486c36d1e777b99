import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { json, scripted } from '../client/server.ts'
import { firstLine, fnflow, folderWith, FUNCTIONS, lastLine, oneFunction, type Outcome, type Running } from './support.ts'

const folder = folderWith({
  ...FUNCTIONS,
  'flows/hello.json': oneFunction('hello'),
  'flows/broken.json': oneFunction('broken'),
  'flows/asks.json': {
    flow: 'asks',
    start: 'a',
    nodes: { a: { type: 'callback', function: 'ask', params: { url: '$$.callback.url' }, next: 'b' }, b: { type: 'pass' } },
  },
  'flows/timed.json': {
    flow: 'timed',
    description: 'What happens at night.',
    triggers: [
      { type: 'timer', name: 'nightly', cron: 'CRON_TZ=Asia/Tokyo 0 30 2 29 2 ?', input: {} },
      { type: 'topic', name: 'alarms', topic: 'alarms' },
    ],
    start: 'a',
    nodes: { a: { type: 'pass' } },
  },
})

let serving: Running
let server: string
beforeAll(async () => {
  serving = fnflow(['serve', '--json', '--port', '0'], { cwd: folder })
  server = (JSON.parse(await firstLine(serving)) as { address: string }).address
})
afterAll(async () => {
  serving.child.kill('SIGTERM')
  await serving
})

const at = (...args: string[]): Running => fnflow(args, { cwd: folder, env: { FNFLOW_SERVER: server, FNFLOW_KEY: undefined } })
const documentOf = ({ stdout }: Outcome): any => JSON.parse(stdout)

describe('the commands for a server', () => {
  it('start prints the id, or waits and prints the output', async () => {
    const { code, stdout } = await at('start', 'calls-hello', '--input', '{"name":"you"}')
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^[\w-]{36}\n$/)])
    const waited = await at('start', 'calls-hello:latest', '-i', '{"name":"ada"}', '--wait')
    expect(waited).toMatchObject({
      code: 0,
      stdout: '{\n  "hello": "ada"\n}\n',
      stderr: expect.stringMatching(/✔ a {2}function {2}succeeded/) as string,
    })
    const quiet = await at('start', 'calls-hello', '--wait', '--json')
    expect(quiet).toMatchObject({ code: 0, stdout: '{"hello":"world"}\n', stderr: '' })
    expect(documentOf(await at('start', 'calls-hello', '--json'))).toMatchObject({ flow: 'calls-hello', version: 'latest' })
  })

  it('start under a name is the same execution again', async () => {
    const first = await at('start', 'calls-hello', '--name', 'once')
    expect(await at('start', 'calls-hello', '--name', 'once')).toMatchObject({ code: 0, stdout: first.stdout })
    expect(await at('start', 'calls-hello', '--name', 'once', '-i', '1')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/conflict/) as string,
    })
  })

  it('an execution that fails is exit code 1, with its error document', async () => {
    const failed = await at('start', 'calls-broken', '--wait', '--json')
    expect([failed.code, failed.stdout]).toEqual([1, ''])
    expect(lastLine(failed)).toMatchObject({ status: 430, errorType: 'TypeError', errorMessage: 'broken on purpose' })
  })

  it('show: a flow with its triggers, and when they fire next', async () => {
    const shown = await at('show', 'timed')
    expect(shown).toMatchObject({ code: 0, stderr: '' })
    expect(shown.stdout).toMatch(
      /^timed {2}standard, 1 node\nWhat happens at night\.\ntimed\/nightly {2}timer {2}running\nnext {6}(\d{4}-02-28T17:30:00Z ?){5}\ntimed\/alarms {2}topic {2}running\n$/,
    )
    const { definition, triggers } = documentOf(await at('show', 'timed', '--json'))
    expect([definition.flow, triggers.map(({ name }: any) => name)]).toEqual(['timed', ['nightly', 'alarms']])
    expect(documentOf(await at('show', 'timed/nightly', '--json'))).toMatchObject({ name: 'nightly', nextFires: triggers[0].nextFires })
    expect((await at('show', 'timed/nightly')).stdout).toMatch(/^timed\/nightly {2}timer/)
    expect(await at('show', 'calls-hello')).toMatchObject({ code: 0, stdout: 'calls-hello  standard, 1 node\n' })
    expect(await at('show', 'timed/nobody')).toMatchObject({ code: 2, stderr: expect.stringMatching(/no trigger nobody/) as string })
    expect(await at('show', 'nowhere')).toMatchObject({ code: 2, stderr: expect.stringMatching(/execution-not-found/) as string })
  })

  it('show, list, logs, retry and rerun', async () => {
    const { id } = documentOf(await at('start', 'calls-broken', '--json'))
    expect(await at('show', id, '--watch')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/TypeError \(430\): broken on purpose/) as string,
    })
    const shown = await at('show', id)
    expect(shown.code).toBe(0)
    expect(shown.stdout).toMatch(/^\S+ {2}failed\nflow {6}calls-broken:latest\n/)
    expect(shown.stdout).toMatch(/✖ a {2}function .* TypeError: broken on purpose/)
    expect(documentOf(await at('show', id, '--json'))).toMatchObject({ execution: { id, status: 'failed' }, nodes: [{ id: 'a' }] })

    const retried = documentOf(await at('retry', id, '--json'))
    expect(retried).toMatchObject({ retryOf: id })
    expect((await at('retry', retried.id, '--wait')).code).toBe(1)
    expect(await at('rerun', id, '--dry-run')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^again {2}a: /) as string })
    expect((await at('rerun', id, '--from', 'nowhere')).code).toBe(2)

    const list = documentOf(await at('list', '--flow', 'calls-broken', '--status', 'failed', '--limit', '2', '--json'))
    expect(list.items).toHaveLength(2)
    const next = documentOf(
      await at('list', '--flow', 'calls-broken', '--status', 'failed', '--limit', '2', '--cursor', list.nextCursor, '--json'),
    )
    expect(next.items.map((one: any) => one.id)).not.toContain(list.items[1].id)
    const table = await at('list', '--flow', 'calls-broken')
    expect(
      table.stdout
        .trimEnd()
        .split('\n')
        .every((line) => / calls-broken:latest {2}failed /.test(line)),
    ).toBe(true)
    expect(await at('list', '--flow', 'nobody')).toMatchObject({ code: 0, stdout: '', stderr: 'no executions\n' })
  })

  it('callback goes on with what waits, and stop ends it', async () => {
    const id = (await at('start', 'asks')).stdout.trim()
    let line = ''
    await expect
      .poll(async () => (line = (await at('logs', id)).stdout), { timeout: 20_000, interval: 200 })
      .toMatch(/ info {2}a {2}hello /)
    const { url } = JSON.parse(/hello (\{.*\})/.exec(line)![1]!) as { url: string }
    expect(await at('callback', url, '--output', '{', '--error', 'x')).toMatchObject({ code: 2 })
    expect(await at('callback', url, '--output', '{"approved":true}')).toMatchObject({ code: 0, stdout: 'taken\n' })
    expect(await at('callback', url.split('/').at(-1)!, '--error', 'Refused')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/callback-already-used/) as string,
    })
    expect(await at('show', id, '--watch', '--json')).toMatchObject({ code: 0, stdout: '{"approved":true}\n' })
    const byNode = (await at('start', 'asks')).stdout.trim()
    const answer = async (): Promise<number | null> => (await at('callback', byNode, '--node', 'a', '--output', '5')).code
    await expect.poll(answer, { timeout: 20_000, interval: 200 }).toBe(0)
    expect(await at('show', byNode, '--watch', '--json')).toMatchObject({ code: 0, stdout: '5\n' })
    const other = (await at('start', 'asks')).stdout.trim()
    const following = at('logs', other, '--follow', '--json')
    await expect.poll(async () => (await at('logs', other)).stdout, { timeout: 20_000, interval: 200 }).toMatch(/hello/)
    expect(await at('stop', other)).toMatchObject({ code: 0, stdout: `${other} cancelled\n` })
    // each line once, however often it was looked for
    const lines = (await following).stdout.trimEnd().split('\n')
    expect(lines.map((one) => (JSON.parse(one) as { text: string }).text)).toEqual([expect.stringMatching(/^hello /)])
    expect(await at('stop', other)).toMatchObject({ code: 2, stderr: expect.stringMatching(/execution-not-running/) as string })
  })

  it('invoke prints the result of a function, its log, or its error', async () => {
    expect(await at('invoke', 'hello', '-i', '{"name":"eve"}', '--log')).toMatchObject({
      code: 0,
      stdout: '{\n  "hello": "eve"\n}\n',
      stderr: expect.stringMatching(/hello \{"name":"eve"\}/) as string,
    })
    expect(await at('invoke', 'default/broken')).toMatchObject({ code: 1, stderr: expect.stringMatching(/TypeError \(430\)/) as string })
    expect(await at('invoke', 'nobody')).toMatchObject({ code: 2, stderr: expect.stringMatching(/function-not-found/) as string })
  })

  it('Ctrl-C ends the command, and not the execution', async () => {
    const id = (await at('start', 'asks')).stdout.trim()
    const watching = at('show', id, '--watch')
    await watching.seen(/a {2}callback/)
    watching.child.kill('SIGINT')
    expect(await watching).toMatchObject({ code: 130, stderr: expect.stringMatching(/what runs on the server goes on/) as string })
    expect(documentOf(await at('show', id, '--json')).execution.status).toBe('running')
    await at('stop', id)
  })
})

describe('a server', () => {
  it('that does not answer is exit code 3, with what to do', async () => {
    const gone = await scripted(() => undefined)
    await gone.close()
    const { code, stderr } = await fnflow(['list', '--server', gone.url])
    expect(code).toBe(3)
    expect(stderr).toMatch(
      /no answer of http:\/\/127\.0\.0\.1:\d+: connect ECONNREFUSED .*fnflow serve starts a server, --server or FNFLOW_SERVER/,
    )
    expect(lastLine(await fnflow(['list', '--json'], { env: { FNFLOW_SERVER: gone.url } }))).toMatchObject({
      errorType: 'ServerUnreachable',
    })
    expect(await fnflow(['list', '--server', 'localhost'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--server localhost: it is an address such as/) as string,
    })
  })

  it('gets the key, and says no with what to do', async () => {
    const unauthorized = {
      type: 'urn:fnflow:problem:unauthorized',
      title: 'Unauthorized',
      status: 401,
      detail: 'no key',
      code: 'unauthorized',
    }
    const strict = await scripted((_request, response) => json(response, 401, unauthorized))
    const refused = await fnflow(['list', '--server', strict.url], { env: { FNFLOW_KEY: 'from-env' } })
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/no key; --key or FNFLOW_KEY gives one/) as string })
    await fnflow(['list', '--server', strict.url, '--key', 'named'], { env: { FNFLOW_KEY: 'from-env' } })
    expect(strict.seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer from-env', 'Bearer named'])
    await strict.close()
  })
})
