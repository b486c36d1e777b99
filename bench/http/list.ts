import { quantile, median, range } from '../measure.ts'
import { atMost, pair, rounded, type Bench, type BenchResult, type BenchSettings } from '../result.ts'
import { FEW, filled, manyOf } from '../store.ts'
import { endServer, loadOf, Program, startServer, type Scenario, type Server } from './processes.ts'

const MOST_MS = 20

/** `GET /v1/executions` of a store with a million ended executions, against one with a page of them. */
export const list: readonly Bench[] = [
  {
    name: 'http-list-million',
    about: 'GET /v1/executions by all filters, first and second pages: a store of a million ended executions',
    run: measure,
  },
]

async function measure(settings: BenchSettings): Promise<BenchResult> {
  const [full, small] = [await filled(settings, manyOf(settings)), await filled(settings, FEW)]
  const servers = { full: await startServer('ours', [full, '[]']), small: await startServer('ours', [small, '[]']) }
  const client = await Program.start('load')
  try {
    const rounds = settings.rounds ?? (settings.quick ? 3 : 9)
    const ms = settings.quick ? 500 : 1500
    const paths = { full: await pathsOf(servers.full), small: await pathsOf(servers.small) }
    const found = { full: [] as number[], small: [] as number[], rates: [] as number[], smallRates: [] as number[] }
    for (let round = -1; round < rounds; round++) {
      for (const side of ['full', 'small'] as const) {
        const scenario: Scenario = { kind: 'get', paths: paths[side] }
        const load = await loadOf(client, servers[side], 1, ms, scenario)
        if (round < 0) continue
        found[side].push(...load.latencies)
        found[side === 'full' ? 'rates' : 'smallRates'].push((load.count * 1000) / load.ms)
      }
    }
    const slowest = await slowestOf(client, servers.full, paths.full)
    const [ours, reference] = [Float64Array.from(found.full).sort(), Float64Array.from(found.small).sort()]
    const p99 = pair(quantile(ours, 0.99), quantile(reference, 0.99))
    const rate = median(found.rates)
    return {
      ours: rounded(rate),
      reference: rounded(median(found.smallRates)),
      ratio: rounded(rate / median(found.smallRates)),
      unit: 'lists/s',
      better: 'higher',
      against: `a store of ${FEW} ended executions`,
      spread: { ours: range(found.rates), reference: range(found.smallRates) },
      rounds,
      latencyMs: { p50: pair(quantile(ours, 0.5), quantile(reference, 0.5)), p99 },
      target: atMost('p99, ms', p99.ours, MOST_MS),
      more: {
        slowest: slowest.map(([path, median]) => `${path} ${median} ms`).join(', '),
        ...(settings.quick ? { note: '--quick: 100,000 executions, not a million' } : {}),
      },
    }
  } finally {
    await client.end()
    await endServer(servers.full)
    await endServer(servers.small)
  }
}

/** First pages by every filter, such as match nothing too, and a second page. */
async function pathsOf({ port }: Server): Promise<string[]> {
  const page = '/v1/executions'
  const { items, nextCursor } = (await (await fetch(`http://127.0.0.1:${port}${page}`)).json()) as {
    items: { startedAt: number; id: string }[]
    nextCursor?: string
  }
  const at = new Date(items[0]?.startedAt ?? 0).toISOString()
  return [
    page,
    `${page}?limit=200`,
    `${page}?flow=w1`,
    `${page}?flow=w1&status=succeeded`,
    `${page}?status=succeeded&status=failed`,
    `${page}?status=failed`,
    `${page}?status=running`,
    `${page}?flow=nobody`,
    `${page}?parent=nobody`,
    `${page}?name=nobody`,
    `${page}?flow=w1&name=nobody`,
    `${page}?trigger=api`,
    `${page}?trigger=timer`,
    `${page}?startedAfter=${at}`,
    `${page}?startedBefore=${at}`,
    ...(nextCursor === undefined ? [] : [`${page}?cursor=${encodeURIComponent(nextCursor)}`]),
  ]
}

/** The three slowest of the paths, with the median of some requests each, ms. */
async function slowestOf(client: Program, server: Server, paths: readonly string[]): Promise<(readonly [string, number])[]> {
  const found: (readonly [string, number])[] = []
  for (const path of paths) {
    const { latencies } = await loadOf(client, server, 1, 100, { kind: 'get', paths: [path] })
    found.push([path.replace('/v1/executions', ''), rounded(median(latencies))])
  }
  return found.sort((a, b) => b[1] - a[1]).slice(0, 3)
}
