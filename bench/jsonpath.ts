import type { Json } from '../dsl/json.ts'
import { builtJsonPath } from './built.ts'
import { median, range } from './measure.ts'
import { atLeast, rounded, type Bench, type BenchResult, type BenchSettings } from './result.ts'

interface Document {
  readonly a?: { readonly b?: readonly ({ readonly c?: number } | undefined)[] }
}

const LOOK_UPS = 1_000_000

/** Of several shapes, as those of a flow are; the last has nothing at the path. */
const DOCUMENTS: readonly Json[] = [
  { a: { b: [{ c: 1 }] } },
  { x: 1, a: { b: [{ c: 2, d: 1 }, { c: 3 }] } },
  { a: { y: 'text', b: [{ z: null, c: 4 }] }, w: [] },
  { a: { b: [] } },
]

export const jsonpath: readonly Bench[] = [{ name: 'jsonpath-definite', about: 'look-ups of $.a.b[0].c by a compiled path', run: measure }]

async function measure({ quick, rounds: asked }: BenchSettings): Promise<BenchResult> {
  const { compilePath } = await builtJsonPath()
  const path = compilePath('$.a.b[0].c')
  const sides = [
    { lookUps: (count: number) => byPath(path, count), rates: [] as number[] },
    { lookUps: byHand, rates: [] as number[] },
  ] as const
  const rounds = asked ?? (quick ? 7 : 21)
  for (const { lookUps } of sides) lookUps(LOOK_UPS)
  for (let round = 0; round < rounds; round++) {
    for (const { lookUps, rates } of sides) {
      const start = performance.now()
      const found = lookUps(LOOK_UPS)
      rates.push((LOOK_UPS * 1000) / (performance.now() - start))
      if (found !== (LOOK_UPS / 4) * 7) throw new Error(`the look-ups found ${found}`)
    }
  }
  const [ours, reference] = sides.map(({ rates }) => median(rates)) as [number, number]
  return {
    ours: rounded(ours),
    reference: rounded(reference),
    ratio: rounded(ours / reference),
    unit: 'look-ups/s',
    better: 'higher',
    against: 'optional chaining written by hand',
    spread: { ours: range(sides[0].rates), reference: range(sides[1].rates) },
    rounds,
    target: atLeast('look-ups/s', ours, 5_000_000),
  }
}

function byPath(path: { get(root: Json): Json | undefined }, count: number): number {
  let sum = 0
  for (let i = 0; i < count; i++) sum += (path.get(DOCUMENTS[i & 3]!) as number | undefined) ?? 0
  return sum
}

function byHand(count: number): number {
  let sum = 0
  for (let i = 0; i < count; i++) sum += (DOCUMENTS[i & 3] as Document).a?.b?.[0]?.c ?? 0
  return sum
}
