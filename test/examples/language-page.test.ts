import { afterAll, describe, expect, it } from 'vitest'
import { loadFlow } from '../../dsl/load.ts'
import { createEngine } from '../../engine/create-engine.ts'
import type { Json } from '../../dsl/json.ts'
import { blocksOf } from './documents.ts'

class Busy extends Error {
  override name = 'Busy'
}

/** What the page says about its functions. */
const engine = await createEngine({
  channels: { log: { kind: 'log' } },
  functions: {
    same: ({ input }: { input: number }) => ({ result: input }),
    plus2: ({ input }: { input: number }) => ({ result: input + 2 }),
    square: ({ input }: { input: number }) => ({ result: input * input }),
    flaky: ({ fail }: { fail: number }, { attempt }: { attempt: number }) => {
      if (attempt <= fail) throw new Busy(`attempt ${attempt} fails`)
      return { attempt }
    },
    'ask-manager': () => ({}),
  },
})
afterAll(() => engine.close())

const blocks = blocksOf('docs/language.md')
const flows: { name: string; text: string; runs: { input: Json; output: Json }[] }[] = []
for (const { language, text } of blocks) {
  if (language === 'yaml') flows.push({ name: /^flow: (.*)$/m.exec(text)?.[1] ?? '', text, runs: [] })
  else if (language === 'json') flows.at(-1)?.runs.push(JSON.parse(text) as { input: Json; output: Json })
}

describe.each(flows)('the flow $name of docs/language.md', ({ name, text, runs }) => {
  it('is valid', async () => {
    expect((await loadFlow(text)).diagnostics).toEqual([])
    await engine.deploy(text)
  })

  it.each(runs)('makes of $input what the page says', async ({ input, output }) => {
    expect(await engine.run(name, { input })).toEqual(output)
  })
})

it('the page shows a flow for nearly every kind of node', () => {
  expect(flows.length).toBeGreaterThan(10)
  expect(flows.flatMap(({ runs }) => runs).length).toBeGreaterThan(9)
})
