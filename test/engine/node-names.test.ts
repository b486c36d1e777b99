import { expect, test } from 'vitest'
import { loadFlow } from '../../dsl/load.ts'
import { lineageOfPlace, placeNamed, requireLoop } from '../../engine/node-names.ts'

test('a node that waits is named by id, lineage or place; of several runs only a place says which', async () => {
  const inner = { type: 'loop', items: '$', nodes: { x: { type: 'pass' } } }
  const { plan } = await loadFlow({
    flow: 'f',
    start: 'ask',
    nodes: { ask: { type: 'callback', function: 'a', next: 'each' }, each: inner },
  })
  const of = { id: 'e', plan: plan! }
  expect(lineageOfPlace('each[17]#2/fetch#1')).toBe('each[17]/fetch')
  for (const name of ['ask', 'ask#3']) expect(placeNamed(['ask#3'], name, of)).toBe('ask#3')
  const two = ['p[0]#1/ask#1', 'p[1]#1/ask#2']
  expect(placeNamed(two, 'p[1]/ask', of)).toBe('p[1]#1/ask#2')
  expect(() => placeNamed(two, 'ask', of)).toThrow(
    expect.objectContaining({ code: 'conflict', message: expect.stringContaining('p[0]/ask') }),
  )
  expect(() => placeNamed([], 'ask', of)).toThrow(expect.objectContaining({ code: 'node-not-waiting' }))
  for (const name of ['nobody', '', 'nobody[1]/ask', 'ask/', '/'])
    expect(() => placeNamed([], name, of)).toThrow(expect.objectContaining({ code: 'node-not-found' }))
  requireLoop('each', of)
  for (const name of ['ask', 'x', 'y']) expect(() => requireLoop(name, of)).toThrow(expect.objectContaining({ code: 'node-not-found' }))
})
