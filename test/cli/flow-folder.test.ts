import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { FlowFolder } from '../../cli/flow-folder.ts'
import { ServerLog } from '../../cli/server-log.ts'
import type { Engine } from '../../engine/api.ts'
import { createEngine } from '../../engine/create-engine.ts'
import { folderWith } from './support.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** A flow that answers `says`. */
function flowOf(says: string, name = 'greeter'): string {
  return `flow: ${name}\nmode: express\nstart: a\nnodes:\n  a: { type: pass, output: $ }\n# ${says}\n`
}

interface Stage {
  readonly engine: Engine
  readonly folder: FlowFolder
  readonly lines: string[]
  /** The text of the flow as it is served. */
  text(name?: string): Promise<string>
  close(): Promise<void>
}

async function open(store: string, ...folders: string[]): Promise<Stage> {
  const engine = await createEngine({ store })
  const lines: string[] = []
  const log = new ServerLog('text', (text) => lines.push(...text.trimEnd().split('\n')))
  const folder = new FlowFolder(engine, folders, log)
  let open = true
  const close = async (): Promise<void> => {
    if (!open) return
    open = false
    await folder.close()
    await engine.close()
    log.flush()
  }
  closers.push(close)
  await folder.load()
  log.flush()
  return { engine, folder, lines, close, text: async (name = 'greeter') => (await engine.catalogue.get(name)).text }
}

describe('the folder of the flows', () => {
  it('is loaded at the start, with its subfolders; a file that says the same as when it was loaded leaves what was changed since', async () => {
    const store = folderWith()
    const flows = folderWith({
      'greeter.yaml': flowOf('one'),
      'sub/other.json': { flow: 'other', mode: 'express', start: 'a', nodes: { a: { type: 'pass' } } },
    })
    const first = await open(store, flows)
    expect(await first.text()).toBe(flowOf('one'))
    expect((await first.engine.flow('other')).flow).toBe('other')
    await first.engine.deploy(flowOf('by hand'))
    await first.engine.catalogue.remove('other')
    await first.close()

    const second = await open(store, flows)
    expect(await second.text()).toBe(flowOf('by hand'))
    await expect(second.engine.flow('other')).rejects.toMatchObject({ code: 'flow-not-found' })
    await second.close()

    writeFileSync(join(flows, 'greeter.yaml'), flowOf('two'))
    const third = await open(store, flows)
    expect(await third.text()).toBe(flowOf('two'))
    // a file that is gone removes nothing
    rmSync(join(flows, 'greeter.yaml'))
    await third.folder.load()
    expect(await third.text()).toBe(flowOf('two'))
  })

  it('tells of files by their path within it, not by where it lies', async () => {
    const flows = folderWith({
      'sub/good.yaml': flowOf('one', 'good'),
      'sub/bad.yaml': 'flow: bad\nstart: a\nnodes:\n  a: { type: pass, nxt: b }\n',
      'one.yaml': flowOf('1', 'two'),
      'two.yaml': flowOf('2', 'two'),
    })
    const { lines } = await open(folderWith(), flows)
    const text = lines.join('\n')
    for (const told of [
      'deployed good (sub/good.yaml)',
      'sub/bad.yaml:4:20 schema',
      'sub/bad.yaml is not loaded',
      'one.yaml: two.yaml is a flow',
    ])
      expect(text).toContain(told)
    expect(text).not.toContain(flows)
  })

  it('is loaded again when a file changes, is put in its place, or comes to be', async () => {
    const flows = folderWith({ 'greeter.yaml': flowOf('one') })
    const stage = await open(folderWith(), flows)
    stage.folder.watch()
    const shows = (text: string, name?: string) => expect.poll(() => stage.text(name).catch(() => ''), { timeout: 20_000 }).toBe(text)
    writeFileSync(join(flows, 'greeter.yaml'), flowOf('two'))
    await shows(flowOf('two'))
    writeFileSync(join(flows, 'greeter.yaml~'), flowOf('three'))
    renameSync(join(flows, 'greeter.yaml~'), join(flows, 'greeter.yaml'))
    await shows(flowOf('three'))
    mkdirSync(join(flows, 'new'))
    writeFileSync(join(flows, 'new', 'later.yaml'), flowOf('later', 'later'))
    await shows(flowOf('later', 'later'), 'later')
    // nothing of it was told as a mistake, half-written files neither
    expect(stage.lines.filter((line) => /error|not loaded/.test(line))).toEqual([])
  })

  it('a broken file is told of once, with its place, and what was there stays until it is mended', async () => {
    const flows = folderWith({ 'greeter.yaml': flowOf('one') })
    const stage = await open(folderWith(), flows)
    stage.folder.watch()
    writeFileSync(join(flows, 'greeter.yaml'), 'flow: greeter\nstart: nowhere\nnodes:\n  a: { type: pass }\n')
    const told = () => stage.lines.filter((line) => /greeter\.yaml:2:8 unknown-node /.test(line)).length
    await expect.poll(told, { timeout: 20_000 }).toBe(1)
    expect(await stage.text()).toBe(flowOf('one'))
    await stage.folder.load()
    await stage.folder.load()
    expect(told()).toBe(1)
    writeFileSync(join(flows, 'greeter.yaml'), flowOf('mended'))
    await expect.poll(() => stage.text(), { timeout: 20_000 }).toBe(flowOf('mended'))
  })

  it('two files of one flow are told of, and neither is loaded until one is gone', async () => {
    const flows = folderWith({ 'a.yaml': flowOf('a'), 'b.yaml': flowOf('b'), 'c.yaml': flowOf('c', 'lone') })
    const stage = await open(folderWith(), flows)
    expect(stage.lines.filter((line) => /a flow named greeter, too/.test(line))).toMatchObject(
      [/a\.yaml: b\.yaml is/, /b\.yaml: a\.yaml is/].map((one) => expect.stringMatching(one) as unknown),
    )
    await expect(stage.text()).rejects.toMatchObject({ code: 'flow-not-found' })
    expect(await stage.text('lone')).toBe(flowOf('c', 'lone'))
    rmSync(join(flows, 'b.yaml'))
    await stage.folder.load()
    expect(await stage.text()).toBe(flowOf('a'))
  })

  it('may be several, or not there yet', async () => {
    const [one, other] = [folderWith({ 'flow.yaml': flowOf('one') }), folderWith({ 'flow.yaml': flowOf('other', 'other') })]
    const nowhere = join(folderWith(), 'nowhere')
    const store = folderWith()
    const stage = await open(store, one, other, nowhere)
    expect([await stage.text(), await stage.text('other')]).toEqual([flowOf('one'), flowOf('other', 'other')])
    await stage.engine.deploy(flowOf('by hand', 'other'))
    await stage.close()
    const again = await open(store, one, other)
    expect(await again.text('other')).toBe(flowOf('by hand', 'other'))
  })
})

describe('the log of a server', () => {
  const written = async (format: 'json' | 'text', log: (log: ServerLog) => void): Promise<string[]> => {
    const chunks: string[] = []
    const made = new ServerLog(format, (text) => chunks.push(text))
    log(made)
    await new Promise((resolve) => setImmediate(resolve))
    return chunks.join('').trimEnd().split('\n')
  }
  const LINE = { requestId: 'r1', method: 'GET', route: '/v1/flows/:name', status: 200, ms: 1.26, key: 'ci' }

  it('has one JSON document a line, whatever stands in it', async () => {
    const lines = await written('json', (log) => {
      log.request(LINE)
      log.request({ ...LINE, route: '/readyz' })
      log.request({ ...LINE, route: '/readyz', status: 500 })
      log.function({ text: 'a\nb\u001b[2J\u0085', execution: 'e1', node: 'n' })
      log.error('it\nbroke', { requestId: 'r2' })
    })
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { level: 'info', message: 'request', method: 'GET', route: '/v1/flows/:name', status: 200, ms: 1.3, requestId: 'r1', key: 'ci' },
      { route: '/readyz', status: 500 },
      { message: 'a\nb\u001b[2J\u0085', execution: 'e1', node: 'n', source: 'function' },
      { level: 'error', message: 'it\nbroke', requestId: 'r2' },
    ])
    expect(lines.join('')).not.toMatch(/[\0-\x1f\x7f-\x9f]/)
    for (const line of lines) expect(Date.parse((JSON.parse(line) as { time: string }).time)).toBeGreaterThan(0)
  })

  it('is for people otherwise', async () => {
    expect(
      await written('text', (log) => {
        log.info('hello\u001b[2J')
        log.request(LINE)
        log.function({ text: 'printed', execution: 'e1', node: 'n' })
      }),
    ).toEqual(['hello␛[2J', expect.stringMatching(/^\S+Z GET \/v1\/flows\/:name 200 1\.3ms r1 ci$/), '[e1 n] printed'])
  })
})
