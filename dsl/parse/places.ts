import type { DocumentPath } from '../diagnostics.ts'

/** Where one value of the document stands: offsets into the text. */
export interface Place {
  /** Offset of the value. */
  readonly value: number
  /** Offset of the key that holds it; the value's own where there is none (list items, the root). */
  readonly key: number
  /** Places of the members or items, where the value has any. */
  readonly children?: ReadonlyMap<string, Place> | readonly Place[]
}

export interface Position {
  /** From 1. */
  readonly line: number
  /** From 1, in UTF-16 units, as editors count. */
  readonly column: number
}

/** Offsets to lines and columns; built on first use, since most documents have nothing to report. */
export class LineIndex {
  readonly #text: string
  #starts: number[] | undefined

  constructor(text: string) {
    this.#text = text
  }

  position(offset: number): Position {
    const starts = (this.#starts ??= lineStarts(this.#text))
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (starts[middle]! <= offset) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: offset - starts[low]! + 1 }
  }
}

/**
 * Follows a path through the places. What is not there (a missing field) is answered with the nearest
 * place above it, so that every diagnostic has a position.
 */
export function placeOf(root: Place, path: DocumentPath): Place {
  let place = root
  for (const step of path) {
    const child = childOf(place, step)
    if (child === undefined) return place
    place = child
  }
  return place
}

function childOf(place: Place, step: string | number): Place | undefined {
  const { children } = place
  if (children === undefined) return undefined
  return children instanceof Map ? children.get(String(step)) : (children as readonly Place[])[Number(step)]
}

function lineStarts(text: string): number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}
