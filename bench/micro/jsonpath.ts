import type * as JsonPath from '../../dsl/jsonpath/index.ts'

interface Document {
  readonly a?: { readonly b?: readonly ({ readonly c?: number } | undefined)[] }
}

/** Look-ups before the clock starts, and per round; the best of the rounds counts. */
const WARM_UP = 500_000
const LOOKUPS = 1_000_000
const ROUNDS = 5

/**
 * Look-ups a second of `$.a.b[0].c`, compiled, on one core, against optional chaining written by hand. The documents differ in shape,
 * as those of a flow do.
 */
export async function benchJsonpath(): Promise<{ ours: number; reference: number; unit: string }> {
  // The built package is what users run; types come from the sources.
  const built = new URL('../../dist/dsl/jsonpath/index.js', import.meta.url).href
  const { compilePath } = (await import(built)) as typeof JsonPath
  const path = compilePath('$.a.b[0].c')
  const documents = [
    { a: { b: [{ c: 1 }] } },
    { x: 1, a: { b: [{ c: 2, d: 1 }, { c: 3 }] } },
    { a: { y: 'text', b: [{ z: null, c: 4 }] }, w: [] },
    { a: { b: [] } },
  ]
  const ours = best((i) => path.get(documents[i & 3]!) as number | undefined)
  const reference = best((i) => (documents[i & 3] as Document).a?.b?.[0]?.c)
  return { ours, reference, unit: 'look-ups/s' }
}

function best(lookUp: (i: number) => number | undefined): number {
  let found = 0
  for (let i = 0; i < WARM_UP; i++) found += lookUp(i) ?? 0
  let rate = 0
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    for (let i = 0; i < LOOKUPS; i++) found += lookUp(i) ?? 0
    rate = Math.max(rate, (LOOKUPS / (performance.now() - start)) * 1000)
  }
  if (found === 0) throw new Error('the look-ups found nothing')
  return rate
}
