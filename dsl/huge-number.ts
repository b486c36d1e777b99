/** Without one of these every number is finite; within strings they stand, too. */
const MAYBE_HUGE = /[0-9][eE]\+?[0-9]|(?<![0-9])[0-9]{309}/

/**
 * Whether the value of a JSON text has a number beyond 1.8e308, which JSON.parse makes Infinity of, and JSON.stringify null. Without recursion: it may
 * be nested a million deep.
 */
export function hasHugeNumber(text: string, value: unknown): boolean {
  if (!MAYBE_HUGE.test(text)) return false
  const open: unknown[] = [value]
  while (open.length > 0) {
    const one = open.pop()
    if (one === Infinity || one === -Infinity) return true
    if (typeof one === 'object' && one !== null)
      for (const inner of Object.values(one)) if (typeof inner === 'object' || typeof inner === 'number') open.push(inner)
  }
  return false
}
