import { inlineLimit } from '../../workflows/protocol/limits.ts'

/** What one workflow run keeps of its payloads in its history, as workflows/protocol/converter.ts does: the fuller that is, the less. */
export class Budget {
  private used = 0

  /**
   * Payloads of these sizes, `times` over (which need not be whole: what happens with a chance counts as much of it). Returns bytes in the
   * history and in the payload store, for once.
   */
  take(sizes: readonly number[], times: number): { readonly bytes: number; readonly stored: number } {
    if (times <= 0) return divided(sizes, inlineLimit(this.used))
    let left = times
    let bytes = 0
    let stored = 0
    while (left > 0) {
      const limit = inlineLimit(this.used)
      const once = divided(sizes, limit)
      const now = once.bytes === 0 ? left : Math.min(left, Math.max(1, untilNext(this.used) / once.bytes))
      bytes += now * once.bytes
      stored += now * once.stored
      this.used += now * once.bytes
      left -= now
    }
    return { bytes: bytes / times, stored: stored / times }
  }

  /** Bytes that may stay of a payload that is written now. */
  get inline(): number {
    return inlineLimit(this.used)
  }
}

function divided(sizes: readonly number[], limit: number): { readonly bytes: number; readonly stored: number } {
  let bytes = 0
  let stored = 0
  for (const size of sizes) {
    if (size <= limit) bytes += size
    else {
      bytes += REFERENCE_BYTES
      stored += size
    }
  }
  return { bytes, stored }
}

/** Bytes until less may stay. */
function untilNext(used: number): number {
  const limit = inlineLimit(used)
  let from = used
  let to = used + 1024
  while (inlineLimit(to) === limit) {
    from = to
    to *= 2
    if (to > Number.MAX_SAFE_INTEGER) return Infinity
  }
  while (to - from > 1024) {
    const middle = (from + to) / 2
    if (inlineLimit(middle) === limit) from = middle
    else to = middle
  }
  return to - used
}

/** What stands in the history for a payload in the store (engine/temporal/codec.ts). */
export const REFERENCE_BYTES = JSON.stringify({ owner: '-'.repeat(36), sha256: '-'.repeat(64), bytes: 100_000 }).length
