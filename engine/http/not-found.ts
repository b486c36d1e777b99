import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Engine } from '../api.ts'
import { Problem, problemOf, type ProblemDocument } from './problem.ts'
import type { RouteTable } from './route-table.ts'

interface Services {
  readonly engine: Engine
  readonly table: RouteTable
  answer(reply: FastifyReply, problem: ProblemDocument): FastifyReply
}

/** Answers what no route takes: 404, or 405 with `Allow` where a route, or a trigger, takes other methods. */
export function answerNotFound(app: FastifyInstance, { engine, table, answer }: Services): void {
  const triggers = `${app.prefix}/t/`
  const methodsOf = async (method: string, path: string): Promise<readonly string[]> => {
    if (!path.startsWith(triggers)) return table.methodsOf(path)
    const found = await engine.triggers.route(method, path.slice(triggers.length - 1))
    return 'flow' in found ? [found.trigger.method] : found.allowed
  }
  const refuse = async ({ method, url }: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const [path = ''] = url.split('?')
    try {
      const allowed = await methodsOf(method, path)
      if (allowed.length === 0) throw new Problem('not-found', `there is nothing at ${path}`)
      void reply.header('allow', allowed.join(', '))
      throw notAllowed(method, path, allowed)
    } catch (error) {
      answer(reply, problemOf(error))
    }
  }
  // before the body is read: what is wrong with it is nobody's matter here
  app.addHook('onRequest', (request, reply, done) => {
    if (request.is404) void refuse(request, reply)
    else done()
  })
  app.setNotFoundHandler((request, reply) => void refuse(request, reply))
}

/** 405. */
export function notAllowed(method: string, path: string, allowed: readonly string[]): Problem {
  return new Problem('method-not-allowed', `${path} takes ${allowed.join(', ')}, not ${method}`)
}
