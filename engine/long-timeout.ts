/** What Node's timers can hold; beyond it they fire at once. */
const LONGEST = 2 ** 31 - 1

export interface LongTimeout {
  clear(): void
}

/** `setTimeout` for any duration. */
export function setLongTimeout(ms: number, fire: () => void): LongTimeout {
  let left = Math.max(0, ms)
  let timer: NodeJS.Timeout
  const arm = (): void => {
    const part = Math.min(left, LONGEST)
    left -= part
    timer = setTimeout(() => (left > 0 ? arm() : fire()), part)
  }
  arm()
  return { clear: () => clearTimeout(timer) }
}
