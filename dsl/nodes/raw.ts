import type { Reference, RawNode } from './node.ts'

/** The items of a list field; nothing where it is no list. */
export function listOf(node: RawNode, field: string): readonly unknown[] {
  const value = member(node, field)
  return Array.isArray(value) ? value : []
}

/** A field of something that may be anything. */
export function member(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, field) ? (value as RawNode)[field] : undefined
}

/** The references `<field>[i].next`. */
export function nextOfEach(node: RawNode, field: string, role: Reference['role']): Reference[] {
  return listOf(node, field).flatMap((item, index) => {
    const to = member(item, 'next')
    return typeof to === 'string' ? [{ to, role, path: [field, index, 'next'] }] : []
  })
}

/** A missing or empty list of branches is a dead end, and nothing else (flow-language.md, 3). */
export function branchesMissing(node: RawNode): 'key' | 'value' | undefined {
  if (!Object.hasOwn(node, 'branches')) return 'key'
  const branches = node['branches']
  return Array.isArray(branches) && branches.length === 0 ? 'value' : undefined
}
