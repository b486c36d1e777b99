/** docs/cluster.md: what it prints is what happens. Commands of other programs (npm, docker, temporal, export) are not run here. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { blockFor, blocksOf, runProgramIn } from '../examples/documents.ts'
import { newDatabase, newNamespace, temporalServices } from '../engine/temporal/services.ts'
import { firstLine, fnflow, folderWith, type Running } from './support.ts'

const PAGE = 'docs/cluster.md'
const { address } = temporalServices()
const env: { [name: string]: string } = {}
beforeAll(async () => {
  const [store, namespace] = await Promise.all([newDatabase(), newNamespace()])
  Object.assign(env, { FNFLOW_STORE: store, FNFLOW_TEMPORAL_ADDRESS: address, FNFLOW_TEMPORAL_NAMESPACE: namespace })
})

const workers: Running[] = []
afterAll(async () => {
  for (const { child } of workers) child.kill('SIGKILL')
  await Promise.all(workers)
})

interface Command {
  readonly args: readonly string[]
  /** What the page shows of stdout. */
  readonly shown: string
}

function commands(): Command[] {
  return blocksOf(PAGE)
    .filter(({ language }) => language === 'console')
    .flatMap(({ text }) => text.split(/^\$ /m).slice(1))
    .map((entry) => {
      const [line = '', ...shown] = entry.split('\n')
      const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => (quoted ?? word) as string)
      return { args: words, shown: shown.join('\n').trimEnd() }
    })
    .filter(({ args }) => args[0] === 'fnflow')
    .map(({ args, shown }) => ({ args: args.slice(1), shown }))
}

describe(PAGE, () => {
  const folder = folderWith({
    'flow.yaml': blockFor(PAGE, 'flow.yaml'),
    'functions.yaml': blockFor(PAGE, 'functions.yaml'),
    'pictures.mjs': blockFor(PAGE, 'pictures.mjs'),
  })

  it.each(commands().map((command) => [`fnflow ${command.args.join(' ')}`, command] as const))('$ %s', async (_line, { args, shown }) => {
    const running = fnflow(args, { cwd: folder, env })
    if (args[0] !== 'worker') {
      const { code, stdout, stderr } = await running
      expect(code, stderr).toBe(0)
      expect(stdout.trimEnd()).toBe(shown)
      return
    }
    workers.push(running)
    const line = await firstLine(running)
    expect(line).toMatch(/^polling fnflow/)
    const asShown = line.replace(address, '127.0.0.1:7233').replace(env['FNFLOW_TEMPORAL_NAMESPACE'] as string, 'default')
    if (shown !== '') expect(asShown).toBe(shown)
  })

  it('has commands and a program', () => {
    expect(commands().map(({ args }) => args[0])).toEqual(expect.arrayContaining(['run', 'worker']))
    expect(program).not.toBe('')
  })

  const program = blocksOf(PAGE).find(({ language }) => language === 'ts')?.text ?? ''

  it('shows a program that prints what its comment says', async () => {
    Object.assign(process.env, env)
    const [, said] = /console\.log\(.*\) \/\/ (.*)$/m.exec(program) ?? []
    expect((await runProgramIn(folderWith(), program)).trimEnd()).toBe(said)
  })

  it('shows a configuration that is one', async () => {
    const pem = '-----BEGIN CERTIFICATE-----\n'
    const yaml = blocksOf(PAGE).find(({ text }) => text.startsWith('engine: temporal'))?.text ?? ''
    const files = { 'certificates/ca.pem': pem, 'certificates/worker.pem': pem, 'certificates/worker.key': pem }
    const cwd = folderWith({ 'fnflow.yaml': yaml, 'functions.yaml': blockFor(PAGE, 'functions.yaml'), ...files })
    const { code, stderr } = await fnflow(['worker'], { cwd, env: { DATABASE_URL: env['FNFLOW_STORE'], FNFLOW_STORE: '' } })
    // read, and found good, but for the certificate that is none
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/cert is not a certificate/) as unknown })
  })
})
