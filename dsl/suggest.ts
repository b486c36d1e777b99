/** Work that one check spends on suggestions; beyond it messages come without, so that a hostile file costs no time. */
const BUDGET = 4_000_000
const MAX_LENGTH = 80

/** Finds what somebody probably meant. One per check: its work is bounded. */
export class Suggester {
  #left = BUDGET

  /** `; did you mean "next"?`, or an empty text where nothing is near. */
  hint(word: string, candidates: Iterable<string>): string {
    const found = this.#nearest(word, candidates)
    return found?.near === true ? `; did you mean "${found.word}"?` : ''
  }

  /** `did you mean "next"?`, `the nearest is "next"` where that is far, or an empty text where there is none. */
  nearest(word: string, candidates: Iterable<string>): string {
    const found = this.#nearest(word, candidates)
    if (found === undefined) return ''
    return found.near ? `did you mean "${found.word}"?` : `the nearest is "${found.word}"`
  }

  /** The candidate that takes the fewest edits, the first of equals; near, if they are at most half of the word's length. */
  #nearest(word: string, candidates: Iterable<string>): { word: string; near: boolean } | undefined {
    if (word.length > MAX_LENGTH) return undefined
    let best: string | undefined
    let least = Infinity
    for (const candidate of candidates) {
      if (this.#left <= 0) break
      this.#left -= 1
      if (candidate.length > MAX_LENGTH || Math.abs(candidate.length - word.length) >= least) continue
      this.#left -= word.length * candidate.length
      const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
      if (distance < least) {
        least = distance
        best = candidate
      }
    }
    return best === undefined ? undefined : { word: best, near: least <= Math.ceil(word.length / 2) }
  }
}

/** Levenshtein's distance, a swap of neighbours counting as one edit. */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(previous[j]! + 1, current[j - 1]! + 1, previous[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1)
      current.push(cost)
    }
    before = previous
    previous = current
  }
  return previous[b.length]!
}
