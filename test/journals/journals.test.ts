import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { NODE_KINDS } from '../../dsl/nodes/index.ts'
import { CORE, foldFile, type JournalFile } from './journal-file.ts'
import { SCENES } from './scenes.ts'

const folder = new URL('.', import.meta.url)
const names = readdirSync(folder).filter((name) => name.endsWith('.json'))
const read = (name: string): JournalFile => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as JournalFile

describe('a journal that was written once folds to the same for ever', () => {
  it.for(names)('%s', (name) => {
    const file = read(name)
    expect(name).toContain(`.core-${file.core}.json`)
    expect(foldFile(file)).toEqual(file.expected)
  })
})

it('every scene is recorded for this version of the core, and every kind of node with them', () => {
  const recorded = names.filter((name) => name.endsWith(`.core-${CORE}.json`)).map((name) => name.split('.')[0])
  expect(recorded).toEqual(expect.arrayContaining(Object.keys(SCENES)))
  const kinds = new Set(names.flatMap((name) => Object.values(read(name).plan.nodes).map(({ type }) => type)))
  expect([...kinds].sort()).toEqual([...NODE_KINDS].sort())
})
