/** An element of a picture. */
export interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: Element[]
  /** The text in it, that of its children included. */
  text: string
}

const ENTITY = /&(?:#(\d+)|([a-z]+));/g

/** Reads the XML that pictures are written in, and no more: throws where it is not well formed, or has comments, instructions, CDATA or named entities. */
export function parseXml(xml: string): Element {
  if (/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/.test(xml) || !xml.isWellFormed()) throw new Error('a character that XML does not know')
  const root: Element = { name: '', attributes: {}, children: [], text: '' }
  const open: Element[] = [root]
  const tag = /<(\/?)([A-Za-z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/y
  let at = 0
  while (at < xml.length) {
    const next = xml.indexOf('<', at)
    const text = unescaped(xml.slice(at, next === -1 ? undefined : next))
    for (const element of open) element.text += text
    if (next === -1) break
    tag.lastIndex = next
    const found = tag.exec(xml)
    if (found === null) throw new Error(`no tag: ${xml.slice(next, next + 60)}`)
    const [all, closes, name = '', list = '', isEmpty] = found
    at = next + all.length
    if (closes === '/') {
      if (open.pop()?.name !== name || open.length === 0) throw new Error(`</${name}> closes nothing`)
      continue
    }
    const attributes: Record<string, string> = {}
    for (const [, key = '', value = ''] of list.matchAll(/([\w:-]+)="([^"]*)"/g)) attributes[key] = unescaped(value)
    const element: Element = { name, attributes, children: [], text: '' }
    open.at(-1)?.children.push(element)
    if (isEmpty !== '/') open.push(element)
  }
  if (open.length !== 1 || root.children.length !== 1) throw new Error('elements are left open, or there are several roots')
  return root.children[0] as Element
}

/** All elements below one, itself included. */
export function allOf(element: Element): Element[] {
  return [element, ...element.children.flatMap(allOf)]
}

function unescaped(text: string): string {
  if (/&(?!#\d+;)/.test(text) || text.includes('>')) throw new Error(`not escaped: ${text}`)
  return text.replace(ENTITY, (_, code: string) => String.fromCodePoint(Number(code)))
}
