import { Problem } from './problem.ts'

/** Before the key in each cursor: what no list has given does not begin with it. */
const MARK = 'behind '

/** One page of `all`, which is in the order of its keys. Throws Problem `bad-request` for a cursor that no list has given. */
export function pageBehind<T>(
  all: readonly T[],
  keyOf: (item: T) => string,
  { limit = 50, cursor }: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
): { readonly items: T[]; readonly nextCursor?: string } {
  const behind = cursor === undefined ? '' : keyIn(cursor)
  const rest = all.filter((item) => keyOf(item) > behind)
  const items = rest.slice(0, limit)
  const last = items.at(-1)
  return rest.length > limit && last !== undefined ? { items, nextCursor: encoded(MARK + keyOf(last)) } : { items }
}

/** Negative or positive as `a` comes before or behind `b` in the order that pages have: of code units, whatever the locale. */
export function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function keyIn(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString()
  if (!text.startsWith(MARK) || encoded(text) !== cursor) throw new Problem('bad-request', 'this cursor is not one of a list')
  return text.slice(MARK.length)
}

function encoded(text: string): string {
  return Buffer.from(text).toString('base64url')
}
