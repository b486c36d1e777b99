import { spawn } from 'node:child_process'
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { OwnConnector } from '../../connectors/own.ts'
import { LocalEngine } from '../../engine/internal.ts'
import { ROOT } from '../cli/support.ts'
import { connectorContract } from '../connectors/contract.ts'
import { rejection, until } from '../engine/calls.ts'

const { linesConnector } = (await import(join(ROOT, 'examples/own-connector/lines-connector.mjs'))) as { linesConnector: OwnConnector }
const folder = mkdtempSync(join(tmpdir(), 'fnflow-own-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0

connectorContract({
  kind: 'lines',
  hasOrder: true,
  canSeek: true,
  prepare: (engine) => engine.registerConnector('lines', linesConnector),
  stream: async () => {
    const path = join(folder, `${files++}.jsonl`)
    writeFileSync(path, '')
    return {
      trigger: ({ batch } = {}) => ({
        type: 'custom',
        kind: 'lines',
        options: { path, from: 'earliest', ...(batch === undefined ? {} : { batch }) },
      }),
      produce: async (values) => appendFileSync(path, values.map((value) => `${JSON.stringify(value)}\n`).join('')),
      produceRaw: async (bytes) => appendFileSync(path, Buffer.concat([bytes, Buffer.from('\n')])),
      path: { one: '$.line', batch: '$.lines' },
    }
  },
})

describe('a connector of one’s own', () => {
  const flow = (options: object, kind = 'lines') => ({
    flow: 'f',
    triggers: [{ type: 'custom', name: 't', kind, options }],
    start: 'n',
    nodes: { n: { type: 'pass' } },
  })

  it('checks its options at deployment; one that is not registered is a warning, and a trigger that fails', async () => {
    const engine = await LocalEngine.open({})
    try {
      await engine.deploy(flow({}))
      expect((await engine.check(flow({}))).diagnostics).toMatchObject([
        { rule: 'unknown-connection', severity: 'warning', path: ['triggers', 0, 'kind'] },
      ])
      expect(await engine.triggers.get('f', 't')).toMatchObject({ type: 'custom', state: 'failed', error: { message: /lines/ } } as never)
      engine.registerConnector('lines', linesConnector)
      const wrong = await rejection(engine.deploy(flow({ path: 'x', batch: 0, form: 1 })))
      expect((wrong as { diagnostics: unknown }).diagnostics).toMatchObject([
        { rule: 'schema', severity: 'error', path: ['triggers', 0, 'options', 'batch'] },
        { rule: 'schema', severity: 'error', path: ['triggers', 0, 'options', 'form'] },
      ])
      expect(() => engine.registerConnector('lines', linesConnector)).toThrow(expect.objectContaining({ code: 'conflict' }))
      expect(() => engine.registerConnector('other', {} as never)).toThrow(expect.objectContaining({ code: 'bad-option' }))
      // one whose file is not there tells so, and waits for it
      const path = join(folder, 'later.jsonl')
      await engine.deploy(flow({ path, from: 'earliest' }))
      await until(async () => (await engine.triggers.get('f', 't')).state === 'reconnecting', 'the reason')
      writeFileSync(path, '{"n":1}\n')
      await until(async () => (await engine.triggers.get('f', 't')).counts.started === 1, 'a start')
    } finally {
      await engine.close()
    }
  })

  it('that cannot check or make anything keeps nobody else from it', async () => {
    const engine = await LocalEngine.open({})
    try {
      engine.registerConnector('broken', {
        check: () => {
          throw new Error('never')
        },
        source: () => {
          throw new Error('never')
        },
      })
      expect((await engine.check(flow({}, 'broken'))).diagnostics).toMatchObject([{ message: expect.stringContaining('never') }])
      engine.registerConnector('lazy', {
        source: () => {
          throw new Error('no source')
        },
      })
      await engine.deploy(flow({}, 'lazy'))
      await until(async () => (await engine.triggers.get('f', 't')).error?.message === 'no source', 'the reason')
    } finally {
      await engine.close()
    }
  })
})

it("examples/own-connector: the README's commands do what it says", async () => {
  const readme = readFileSync(join(ROOT, 'examples/own-connector/README.md'), 'utf8')
  expect(readme).toContain('node examples/own-connector/run.mjs')
  const [, line = ''] = /^\$ echo '(.*)' >> measurements\.jsonl$/m.exec(readme) ?? []
  const cwd = mkdtempSync(join(folder, 'run-'))
  appendFileSync(join(cwd, 'measurements.jsonl'), `${line}\n`)
  const child = spawn(process.execPath, [join(ROOT, 'examples/own-connector/run.mjs')], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  try {
    const lines = () => output.trimEnd().split('\n')
    await until(() => lines().length === 1 && output !== '', 'the first')
    appendFileSync(join(cwd, 'measurements.jsonl'), '{"room": "cellar", "celsius": 12}\n{"room": "roof", "celsius": 41}\n')
    await until(() => lines().length === 2, 'the second')
    expect(lines().map((text) => JSON.parse(text) as unknown)).toEqual([
      { warning: 'it is hot', room: 'attic' },
      { warning: 'it is hot', room: 'roof' },
    ])
    expect(existsSync(join(cwd, 'data'))).toBe(true)
  } finally {
    child.kill('SIGKILL')
  }
})
