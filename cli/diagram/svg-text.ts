import { visible } from '../visible.ts'

/** Widths of characters, in parts of the font's size, of the sans-serif fonts that are about; what is drawn is not measured. */
const NARROW = /[ijltfrI.,:;'|!()[\]{} /\\-]/
const WIDE = /[mwMW@%]/
const CAPITAL = /[A-Z&#<>=+~_$?0-9]/
const FULL = 0x1100

/** About how wide a text is; `bold` text is wider. */
export function widthOf(text: string, size: number, bold = false): number {
  let parts = 0
  for (const char of text) {
    if ((char.codePointAt(0) ?? 0) >= FULL) parts += 1
    else if (NARROW.test(char)) parts += 0.36
    else if (WIDE.test(char)) parts += 0.92
    else parts += CAPITAL.test(char) ? 0.66 : 0.57
  }
  return parts * size * (bold ? 1.15 : 1)
}

/** One line of a text, cut where it would be wider than `most`. */
export function clipped(text: string, size: number, most: number, bold = false): string {
  const line = oneLine(text)
  if (widthOf(line, size, bold) <= most) return line
  let kept = ''
  for (const char of line) {
    if (widthOf(`${kept}${char}…`, size, bold) > most) break
    kept += char
  }
  return `${kept.trimEnd()}…`
}

/** Text as it may stand in XML, in an attribute too: nothing of it is markup, nor a character that XML does not know. */
export function escaped(text: string): string {
  return visible(text)
    .toWellFormed()
    .replace(/[\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}
