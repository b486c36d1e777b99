import { describe, expect, it } from 'vitest'
import { renderTree, symbolsFor } from '../../cli/tree.ts'
import type { NodeRecord } from '../../engine/api.ts'

const plain = { symbols: symbolsFor({ LANG: 'en_US.UTF-8' }), style: (_style: string, text: string) => text, now: 10_000, width: 80 }

function node(place: string, type: string, more: Partial<NodeRecord> = {}): NodeRecord {
  const id = place.replace(/^.*\//, '')
  return { id, place, type, label: id, status: 'succeeded', attempts: 1, startedAt: 1000, endedAt: 1250, ...more }
}

describe('renderTree', () => {
  it('indents what lies inside a container, by branch and then in order of start', () => {
    const running = { status: 'running', endedAt: undefined } as unknown as Partial<NodeRecord>
    const records = [
      node('price', 'function', { label: 'Price the order' }),
      node('fork', 'parallel', running),
      node('fork[1]/right', 'function', {
        status: 'failed',
        attempts: 3,
        error: { status: 430, errorType: 'TypeError', errorMessage: 'no\n such   thing' },
      }),
      node('fork[0]/inner', 'parallel', running),
      node('fork[0]/inner[0]/a', 'function'),
      node('fork[0]/inner[1]/b', 'wait', { ...running, status: 'waiting' }),
      node('fork[1]/then', 'pass', { status: 'caught' }),
      node('each', 'loop', { ...running, iterations: { total: 100, succeeded: 40, failed: 2, running: 8 } }),
    ]
    expect(`\n${renderTree(records, plain).join('\n')}`).toMatchInlineSnapshot(`
      "
      ✔ Price the order (price)  function  250ms
      ● fork  parallel  9.00s
        ● inner  parallel  9.00s
          ✔ a  function  250ms
          … b  wait  9.00s  waiting
        ✖ right  function  250ms  3 attempts  TypeError: no such thing
        ⚠ then  pass  250ms  caught
      ● each  loop  9.00s  42/100, 8 running, 2 failed"
    `)
  })

  it('cuts lines that are wider than the terminal', () => {
    const [line] = renderTree([node('a', 'function', { label: 'x'.repeat(100) })], { ...plain, width: 40 })
    expect(line).toHaveLength(39)
    expect(line).toMatch(/x…$/)
  })

  it('counts two columns for wide characters, and cuts none in two', () => {
    const [line] = renderTree([node('a', 'function', { label: '🚀漢'.repeat(30) })], { ...plain, width: 41 })
    expect(line).toBe(`✔ ${'🚀漢'.repeat(9)}…`)
  })

  it('shows what others wrote on one line, without control characters', () => {
    const error = { status: 430, errorType: 'Evil\x1b[31m', errorMessage: 'a\x07\nb' }
    const [line] = renderTree([node('a', 'function', { label: 'two\nlines\x1b[2J', error })], plain)
    expect(line).toBe('✔ two lines␛[2J (a)  function  250ms  Evil␛[31m: a␇ b')
  })

  it('shows a nested record at the top where its container is not listed', () => {
    expect(renderTree([node('gone[0]/a', 'function')], plain)).toEqual(['✔ a  function  250ms'])
  })

  it('uses ASCII where the locale is not UTF-8', () => {
    expect(renderTree([node('a', 'function')], { ...plain, symbols: symbolsFor({ LANG: 'C' }) })).toEqual(['+ a  function  250ms'])
  })
})
