import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Engine } from '../../api.ts'
import { EngineMetrics, type TriggerLag } from '../metrics.ts'
import { Problem } from '../problem.ts'
import { answer, processStatus, readiness, textAnswer } from '../schemas/answers.ts'
import { problems } from '../schemas/problems.ts'

/** `GET /healthz` (this process answers), `GET /readyz` (it can take work), `GET /metrics`. */
export async function healthRoutes(plain: FastifyInstance, { engine }: { readonly engine: Engine }): Promise<void> {
  const app = plain.withTypeProvider<ZodTypeProvider>()
  const { lifecycle } = plain
  const alive = {
    operationId: 'getHealth',
    tags: ['server'],
    summary: 'Whether this process answers',
    response: { 200: answer('it does', processStatus), ...problems() },
  }
  app.get('/healthz', { config: { role: null }, schema: alive }, async () => ({ status: 'ok' as const }))

  const ready = {
    operationId: 'getReadiness',
    tags: ['server'],
    summary: 'Whether this process takes work, and how what it stands on is',
    description: 'Not ready is 503 `not-ready`, with `state` and `dependencies`.',
    response: { 200: answer('it does', readiness), ...problems('not-ready') },
  }
  app.get('/readyz', { config: { role: null }, schema: ready }, async () => {
    const { dependencies, triggers = [] } = await engine.health()
    const all = Object.entries(dependencies)
    const of = (state: string, required: boolean): string[] =>
      all.filter(([, health]) => health.state === state && (health.required ?? true) === required).map(([name]) => name)
    const failed = of('failed', true)
    if (failed.length > 0) throw notReady('unavailable', `no answer from: ${failed.join(', ')}`, dependencies)
    if (of('recovering', true).length > 0) throw notReady('recovering', 'what ran before is being read', dependencies)
    if (lifecycle.startingWith !== null) throw notReady('starting', `not there yet: ${lifecycle.startingWith}`, dependencies)
    const isDegraded = of('failed', false).length > 0 || triggers.some(({ state, reason }) => state === 'failed' || reason !== undefined)
    return {
      status: isDegraded ? ('degraded' as const) : ('ready' as const),
      dependencies,
      ...(triggers.length === 0 ? {} : { triggers }),
    }
  })

  const metrics = new EngineMetrics(engine, () => lagsOf(engine))
  plain.addHook('onClose', async () => metrics.close())
  const figures = {
    operationId: 'getMetrics',
    tags: ['server'],
    summary: "Metrics, in Prometheus' text format; to a key with a list of flows of those alone",
    response: {
      200: textAnswer('the metrics', 'text/plain', 'fnflow_executions_started_total{flow="order"} 3\n'),
      ...problems(),
    },
  }
  app.get('/metrics', { config: { role: 'viewer' }, schema: figures }, async ({ access }, reply) => {
    const text = await metrics.text(access.flows === undefined ? undefined : (flow) => access.sees(flow))
    return reply.header('content-type', metrics.contentType).send(text)
  })
}

/** None where they are not known: the other metrics are wanted most while the store is away. */
async function lagsOf({ triggers }: Engine): Promise<TriggerLag[]> {
  try {
    return (await triggers.list()).flatMap(({ flow, name, lag }) => (typeof lag === 'number' ? [{ flow, trigger: name, lag }] : []))
  } catch {
    return []
  }
}

function notReady(state: string, detail: string, dependencies: object): Problem {
  return new Problem('not-ready', `the server is not ready: ${detail}`, { state, dependencies })
}
