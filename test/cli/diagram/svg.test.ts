import { describe, expect, it } from 'vitest'
import { svg } from '../../../cli/diagram/svg.ts'
import { loadFlow } from '../../../dsl/load.ts'
import { NODE_KINDS } from '../../../dsl/nodes/index.ts'
import type { Plan } from '../../../dsl/plan.ts'
import { fnflow, folderWith, oneFunction } from '../support.ts'
import { allOf, parseXml, type Element } from './markup.ts'

async function planOf(flow: object): Promise<Plan> {
  const { plan, diagnostics } = await loadFlow(flow)
  expect(diagnostics).toEqual([])
  return plan as Plan
}

const drawn = async (flow: object): Promise<Element> => parseXml(await svg(await planOf(flow)))

const ALL = {
  flow: 'all',
  start: 'size',
  nodes: {
    size: {
      type: 'condition',
      branches: [
        { when: "$.n < 2 || $.name == 'a'", next: 'fork' },
        { default: true, next: 'each' },
      ],
    },
    fork: { type: 'parallel', complete: 'any', branches: ['left', 'right'] },
    left: { type: 'function', function: 'maths/plus2', label: 'Add "two"', next: 'join' },
    right: { type: 'callback', function: 'ask' },
    join: { type: 'pass' },
    each: {
      type: 'loop',
      items: '$.list',
      nodes: { inside: { type: 'function', function: 'f', next: 'nap' }, nap: { type: 'wait', seconds: 5 } },
      onError: 'oops',
      next: 'svc',
    },
    oops: { type: 'error', catch: [{ when: "$.errorType == 'X'", next: 'tell' }, { next: 'child' }] },
    tell: { type: 'event', channel: 'alarms' },
    child: { type: 'subflow', flow: 'other' },
    svc: { type: 'service', execution: 'serial', nodes: { a: { type: 'function', function: 'f' } }, next: 'done' },
    done: { type: 'end' },
  },
}

const nodeOf = (picture: Element, id: string): Element => allOf(picture).find(({ attributes }) => attributes['data-node'] === id) as Element
const shapeOf = ({ children }: Element): Element => children[1] as Element

describe('svg', () => {
  it('is one document with a title, that needs nothing beside it', async () => {
    const text = await svg(await planOf(ALL))
    const picture = parseXml(text)
    expect(picture).toMatchObject({ name: 'svg', attributes: { xmlns: 'http://www.w3.org/2000/svg', role: 'img' } })
    expect(picture.children[0]).toMatchObject({ name: 'title', text: 'Flow all' })
    expect(new Set(allOf(picture).map(({ name }) => name))).toEqual(
      new Set(['svg', 'title', 'defs', 'marker', 'path', 'rect', 'text', 'g', 'polygon']),
    )
    const used = allOf(picture).flatMap(({ attributes }) => Object.keys(attributes))
    expect(used.filter((name) => /^on|href|src|style/i.test(name))).toEqual([])
    expect([...text.matchAll(/url\(([^)]*)\)/g)].map(([, target]) => target?.[0])).toContain('#')
    expect(text).not.toMatch(/url\((?!#)/)
  })

  it('draws each kind of node in a way of its own', async () => {
    const picture = await drawn(ALL)
    const ids: Record<string, string> = {
      ...Object.fromEntries(Object.entries(ALL.nodes).map(([id, { type }]) => [type, id])),
      wait: 'nap',
    }
    const looks = NODE_KINDS.map((kind) => {
      const node = nodeOf(picture, ids[kind] as string)
      expect(node.attributes['class']).toBe(`node ${kind}`)
      const { name, attributes } = shapeOf(node)
      return `${name} ${attributes['fill']} ${attributes['stroke']}`
    })
    expect(new Set(looks).size).toBe(NODE_KINDS.length)
  })

  it('nests what is within loops and services, with where it begins', async () => {
    const picture = await drawn(ALL)
    const loop = nodeOf(picture, 'each')
    expect(allOf(loop).flatMap(({ attributes }) => attributes['data-node'] ?? [])).toEqual(['each', 'inside', 'nap'])
    expect(allOf(loop).some(({ attributes }) => attributes['class'] === 'node begin')).toBe(true)
    expect(allOf(nodeOf(picture, 'svc')).flatMap(({ attributes }) => attributes['data-node'] ?? [])).toEqual(['svc', 'a'])
  })

  it('labels arrows with their conditions, and dashes those of failures', async () => {
    const picture = await drawn(ALL)
    const labels = allOf(picture).filter(({ attributes }) => attributes['class'] === 'label')
    expect(labels.map(({ children }) => children[0]?.text).sort()).toEqual(
      ["$.n < 2 || $.name == 'a'", "$.errorType == 'X'", 'default', 'failed', 'onError'].sort(),
    )
    const edges = allOf(picture).filter(({ attributes }) => attributes['class']?.startsWith('edge') === true)
    const dashed = edges.filter(({ attributes }) => attributes['stroke-dasharray'] !== undefined)
    expect(edges).toHaveLength(18)
    expect(dashed).toHaveLength(3)
    expect(dashed.every(({ attributes }) => attributes['class'] === 'edge failure')).toBe(true)
  })

  it('is the same every time', async () => {
    const plan = await planOf(ALL)
    const first = await svg(plan)
    await svg(await planOf({ flow: 'other', start: 'a', nodes: { a: { type: 'pass' } } }))
    expect(await svg(plan)).toBe(first)
  })

  it.each([
    ['elements', '</text><script>alert(1)</script>'],
    ['an attribute that ends', '"><image href="http://evil.example/x" onload="alert(1)"/>'],
    ['an attribute in other quotes', "' onmouseover='alert(1)"],
    ['comments and sections', '<!-- ]]> <![CDATA[ --> <?xml-stylesheet href="x"?> <!DOCTYPE x>'],
    ['entities', '&lt;script&gt; &amp;&#60;&x;'],
    ['characters that XML has not, or that turn text round', '\u0000\u0008\u001b[31m\uffff\ud800\u202egnp'],
    ['a long word', 'x'.repeat(5000)],
    ['wide signs', '漢字'.repeat(300)],
    ['signs of several characters', '👩‍👩‍👧'.repeat(100)],
  ])('takes %s as text', async (_name, hostile) => {
    const plain = await planOf({
      flow: 'hostile',
      start: 'a',
      nodes: {
        a: {
          type: 'condition',
          branches: [
            { when: '$.x == 1', next: 'b' },
            { default: true, next: 'c' },
          ],
        },
        b: { type: 'loop', items: '$.list', nodes: { d: { type: 'pass' } } },
        c: { type: 'event', channel: 'x' },
      },
    })
    const replaced = JSON.parse(JSON.stringify(plain), (key, value: unknown) =>
      ['label', 'when', 'items', 'channel', 'flow'].includes(key) ? hostile : value,
    ) as Plan
    const outline = ({ name, attributes, children }: Element): string =>
      `${name} ${Object.keys(attributes).join()} (${children.map(outline).join()})`
    const picture = parseXml(await svg(replaced))
    expect(outline(picture)).toBe(outline(parseXml(await svg(plain))))
    // what is long is cut
    expect(Number(picture.attributes['width'])).toBeLessThan(1500)
  })

  it.each([1, 10, 100])('places %i nodes side by side, none upon another, all of it on the page', async (count) => {
    const picture = await drawn(manyNodes(count))
    const boxes = allOf(picture)
      .filter(({ attributes }) => attributes['class']?.startsWith('node') === true && attributes['data-node'] !== undefined)
      .map(({ attributes, children }) => {
        const [, x = NaN, y = NaN] = /translate\((\S+) (\S+)\)/.exec(attributes['transform'] ?? '')?.map(Number) ?? []
        const shape = (children[1] as Element).attributes
        return { x, y, width: Number(shape['width'] ?? 90), height: Number(shape['height'] ?? 40) }
      })
    expect(boxes).toHaveLength(count)
    for (const [at, a] of boxes.entries()) {
      expect(a.x - a.width / 2).toBeGreaterThanOrEqual(0)
      expect(a.x + a.width / 2).toBeLessThanOrEqual(Number(picture.attributes['width']))
      expect(a.y + a.height / 2).toBeLessThanOrEqual(Number(picture.attributes['height']))
      for (const b of boxes.slice(at + 1))
        expect(Math.abs(a.x - b.x) < (a.width + b.width) / 2 && Math.abs(a.y - b.y) < (a.height + b.height) / 2).toBe(false)
    }
  })
})

/** A chain with conditions that skip ahead. */
function manyNodes(count: number): object {
  const nodes: Record<string, object> = {}
  for (let at = 0; at < count; at++) {
    const next = at + 1 < count ? { next: `n${at + 1}` } : {}
    if (at % 5 === 1 && at + 4 < count)
      nodes[`n${at}`] = {
        type: 'condition',
        branches: [
          { when: `$.n > ${at}`, next: `n${at + 4}` },
          { default: true, next: `n${at + 1}` },
        ],
      }
    else nodes[`n${at}`] = { type: 'function', function: 'f', ...next }
  }
  return { flow: 'many', start: 'n0', nodes }
}

describe('fnflow diagram --format svg', () => {
  const folder = folderWith({ 'flow.json': oneFunction('hello') })

  it('prints the picture on stdout, and refuses other formats', async () => {
    const { code, stdout, stderr } = await fnflow(['diagram', 'flow.json', '--format', 'svg'], { cwd: folder })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(parseXml(stdout.trimEnd()).children[0]?.text).toBe('Flow calls-hello')
    expect(JSON.parse((await fnflow(['diagram', 'flow.json', '--format', 'svg', '--json'], { cwd: folder })).stdout)).toEqual({
      format: 'svg',
      flow: 'calls-hello',
      diagram: stdout.trimEnd(),
    })
    const wrong = await fnflow(['diagram', 'flow.json', '--format', 'gif'], { cwd: folder })
    expect(wrong).toMatchObject({ code: 2, stdout: '' })
    expect(wrong.stderr).toMatch(/Allowed choices are mermaid, svg/)
  })
})
