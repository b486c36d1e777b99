import { describe, expect, it } from 'vitest'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fnflow, folderWith, ROOT } from '../cli/support.ts'
import { blockFor, blocksOf, readDocument, runProgramIn } from './documents.ts'

const README_FILES = {
  'flow.yaml': blockFor('README.md', 'flow.yaml'),
  'functions.yaml': blockFor('README.md', 'functions.yaml'),
  'work.mjs': blockFor('README.md', 'work.mjs'),
  'total.py': blockFor('README.md', 'total.py'),
}

describe('README.md', () => {
  it('shows a flow, its functions and its output as they are', async () => {
    const folder = folderWith(README_FILES)
    expect(await fnflow(['validate', '.'], { cwd: folder })).toMatchObject({ code: 0, stdout: '' })
    const session = blocksOf('README.md').find(({ text }) => text.startsWith('$ fnflow run flow.yaml'))?.text ?? ''
    const [, input, output] = /--input '(.*)'\n(.*)\n/.exec(session) ?? []
    expect((await fnflow(['run', 'flow.yaml', '--input', input ?? ''], { cwd: folder })).stdout).toBe(`${output}\n`)
  })

  it('shows a program that runs', async () => {
    const program = blocksOf('README.md').find(({ language }) => language === 'ts')?.text ?? ''
    expect(await runProgramIn(folderWith(), program)).toBe('{ result: 9 }\n')
  })

  it('shows the tree of the order example', async () => {
    const { stderr } = await fnflow(['run', 'examples/order-flow/flow.yaml', '--input', '@examples/order-flow/input.json'])
    const tree = blocksOf('README.md').find(({ text }) => text.startsWith('order-flow'))?.text ?? ''
    const nodes = [...tree.matchAll(/✔ (?:.*\()?(\w+)\)? {2}(\w+) /g)].map(([, id, type]) => `${id} ${type}`)
    expect(nodes.sort()).toEqual(
      [...stderr.matchAll(/✔ (?:\S*\/)?(\w+) {2}(\w+) {2}succeeded/g)].map(([, id, type]) => `${id} ${type}`).sort(),
    )
  })

  it('names commands that exist, in the first screen', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
    expect(readDocument('README.md').slice(0, 1200)).toMatch(/npm install && npm start\b[^]*npm install && npm test\b/)
    expect(scripts).toHaveProperty('start')
    expect(scripts).toHaveProperty('test')
  })
})

describe('docs/functions.md', () => {
  const page = 'docs/functions.md'
  it('shows functions and a flow that run', async () => {
    const folder = folderWith({
      'functions.yaml': blocksOf(page)[0]?.text ?? '',
      'greet/index.py': blockFor(page, 'greet/index.py'),
      'shout/index.mjs': blockFor(page, 'shout/index.mjs'),
      'flow.yaml': blockFor(page, 'flow.yaml'),
    })
    const { input, output } = JSON.parse(blocksOf(page).find(({ language }) => language === 'json')?.text ?? '') as {
      input: unknown
      output: unknown
    }
    const { code, stdout, stderr } = await fnflow(['run', 'flow.yaml', '--input', JSON.stringify(input)], {
      cwd: folder,
      env: { SHOUT_API_KEY: 'secret' },
    })
    expect(code, stderr).toBe(0)
    expect(JSON.parse(stdout)).toEqual(output)
  })
})

describe('docs/embedding.md', () => {
  const programs = blocksOf('docs/embedding.md').filter(({ language }) => language === 'ts' || language === 'js')

  it.each(programs.map(({ text }, at) => [at + 1, text] as const))('program %d prints what its comments say', async (_at, text) => {
    const printed = await runProgramIn(folderWith(README_FILES), text)
    const said = [...text.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, what]) => what as string)
    expect(said.length).toBeGreaterThan(0)
    for (const line of said) expect(printed.split('\n')).toContain(line)
  })

  it('has every method and option', () => {
    const api = readFileSync(join(ROOT, 'engine/api.ts'), 'utf8')
    const members = (name: string): string[] =>
      [
        ...(new RegExp(`export interface ${name} \\{\\n(.*?)\\n\\}`, 's').exec(api)?.[1] ?? '').matchAll(
          /^ {2}(?:readonly )?(\w+)\??[(:]/gm,
        ),
      ].map(([, member]) => member as string)
    const page = readDocument('docs/embedding.md')
    const isShown = (name: string): boolean => page.includes(`| \`${name}(`) || page.includes(`| \`${name}.`)
    const missing = [
      ...members('Engine').filter((name) => !isShown(name)),
      ...members('EngineOptions').filter((name) => !page.includes(`| \`${name}\``)),
    ]
    expect(members('Engine').length).toBeGreaterThan(10)
    expect(missing).toEqual([])
  })
})

describe('links', () => {
  const pages = [
    'README.md',
    ...readdirSync(join(ROOT, 'docs'))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ]
  const examples = readdirSync(join(ROOT, 'examples'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `examples/${name}/README.md`)

  it.each([...pages, ...examples])('of %s lead somewhere', (page) => {
    for (const [, target, anchor] of readDocument(page).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)) {
      const path = target === '' ? page : join(dirname(page), target as string)
      expect(existsSync(join(ROOT, path)), `${page}: ${target}`).toBe(true)
      if (anchor === undefined) continue
      const headings = [...readDocument(path).matchAll(/^#+ (.*)$/gm)].map(([, text]) =>
        (text as string)
          .toLowerCase()
          .replace(/[^\w -]/g, '')
          .replaceAll(' ', '-'),
      )
      expect(headings, `${page}: ${target}#${anchor}`).toContain(anchor)
    }
  })
})
