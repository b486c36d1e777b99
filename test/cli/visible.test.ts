import { describe, expect, it } from 'vitest'
import { visible, visibleJson } from '../../cli/visible.ts'

const HOSTILE = '\x1b[2Jgone\x1b]0;title\x07 back\rover\x7f\x9b31m\u0085\u202e'

describe('visible', () => {
  it('shows control characters as signs, one for each', () => {
    expect(visible(HOSTILE)).toBe('␛[2Jgone␛]0;title␇ back␍over␡\ufffd31m\ufffd\ufffd')
    expect(visible(HOSTILE)).toHaveLength(HOSTILE.length)
  })

  it('leaves tabs, line feeds and other scripts', () => {
    const text = 'a\tb\nγλώσσα 漢字 🚀 עברית'
    expect(visible(text)).toBe(text)
  })
})

it('visibleJson keeps values', () => {
  const value = { [HOSTILE]: [HOSTILE, 1] }
  const text = visibleJson(JSON.stringify(value, null, 2))
  expect(JSON.parse(text)).toEqual(value)
  expect(text).not.toMatch(/[\x7f-\x9f\u202e]/)
})
