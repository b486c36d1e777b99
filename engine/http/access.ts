/**
 * Who may do what (http-api.md, 1). Every route says in its `config` which role it takes; the hook here finds out who asks, and holds paths that
 * name a flow or an execution to that key's flow list, so that no route can forget it. Routes that list things filter by `request.access.flows`,
 * and those that start or define flows which their path does not name ask `request.access.sees`.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { Engine } from '../api.ts'
import { EngineError } from '../errors.ts'
import { ROLES, type Role } from '../keys/api-key.ts'
import { Problem } from './problem.ts'

/** Who asks: what `authenticate` answers. */
export interface Caller {
  /** Of the API key. */
  readonly name?: string
  readonly role: Role
  /** The only flows that it sees; default: all. */
  readonly flows?: readonly string[]
}

/** Finds out who asks; undefined where nobody is known by what the request has: 401. */
export type Authenticate = (request: FastifyRequest) => Promise<Caller | undefined> | Caller | undefined

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The least role that a route takes; null: no key is needed. */
    role?: Role | null
  }
  interface FastifyRequest {
    /** Who asks. On routes that need no key: somebody without a name, who sees no flow. */
    access: Access
  }
}

/** What the one who asks may do. */
export class Access {
  /** Name of the API key; undefined where there are no keys. */
  readonly key: string | undefined
  readonly role: Role
  /** The only flows that are seen, undefined: all. */
  readonly flows: readonly string[] | undefined

  constructor({ name, role, flows }: Caller) {
    this.key = name
    this.role = role
    this.flows = flows
  }

  /** Whether a flow, given by its name, is in the flow list. */
  sees(flow: string): boolean {
    return this.flows === undefined || this.flows.includes(flow)
  }

  /** The filter `flow` of a list, narrowed to what is seen: to be spread into the options of the list. */
  narrowed(flow: string | readonly string[] | undefined): { readonly flow?: string | readonly string[] } {
    if (flow !== undefined) return { flow: [flow].flat().filter((name) => this.sees(name)) }
    return this.flows === undefined ? {} : { flow: this.flows }
  }

  has(role: Role): boolean {
    return ROLES.indexOf(this.role) >= ROLES.indexOf(role)
  }

  /** Throws Problem `forbidden` where the role is less. */
  require(role: Role): void {
    if (!this.has(role)) throw new Problem('forbidden', `this takes a key of the role ${role}; this one has the role ${this.role}`)
  }
}

const NOBODY = new Access({ role: 'viewer', flows: [] })
/** Where nobody is asked who they are: an embedding application's own matter, or a server for this machine alone. */
const EVERYBODY = new Access({ role: 'admin' })

/** Adds `request.access` and the checks to an application, before its routes are added. A route without a role does not register. */
export function guardRoutes(app: FastifyInstance, engine: Engine, authenticate: Authenticate | undefined): void {
  app.decorateRequest('access')
  app.addHook('onRoute', (route) => {
    if (route.config?.role === undefined) throw new Error(`the route ${String(route.method)} ${route.url} has no config.role`)
    const check = checkOfPath(route, engine)
    if (check !== undefined) route.preHandler = [check, ...[route.preHandler ?? []].flat()]
  })
  app.addHook('onRequest', (request, reply, done) => {
    request.access = NOBODY
    const role = request.is404 ? null : (request.routeOptions.config.role ?? null)
    if (role === null) return done()
    const take = (caller: Caller | undefined): void => admit(request, reply, role, caller)
    if (authenticate === undefined) {
      request.access = EVERYBODY
      return done()
    }
    attempt(() => {
      const caller = authenticate(request)
      return isThenable(caller) ? Promise.resolve(caller).then(take) : take(caller)
    }, done)
  })
}

/** As a route's role, where it is known only when the request is there: of a trigger. Throws Problem `unauthorized`, `forbidden`. */
export async function admitLate(
  request: FastifyRequest,
  reply: FastifyReply,
  role: Role,
  authenticate: Authenticate | undefined,
): Promise<void> {
  if (authenticate === undefined) request.access = EVERYBODY
  else admit(request, reply, role, await authenticate(request))
}

/** Runs what may or may not be asynchronous, without a promise where it is not: each request passes here. */
function attempt(work: () => Promise<void> | void, done: (error?: Error) => void): void {
  let working: Promise<void> | void
  try {
    working = work()
  } catch (error) {
    return done(error as Error)
  }
  if (working === undefined) done()
  else working.then(() => done(), done)
}

function admit(request: FastifyRequest, reply: FastifyReply, role: Role, caller: Caller | undefined): void {
  if (caller === undefined) {
    const { authorization } = request.headers
    void reply.header('www-authenticate', `Bearer realm="fnflow"${authorization === undefined ? '' : ', error="invalid_token"'}`)
    throw new Problem(
      'unauthorized',
      authorization === undefined ? 'this takes an API key: Authorization: Bearer <key>' : 'the API key is not known here',
    )
  }
  const access = accessOf(caller)
  access.require(role)
  request.access = access
}

/** What looks like a promise is one: also that of another library. */
function isThenable(caller: Promise<Caller | undefined> | Caller | undefined): caller is Promise<Caller | undefined> {
  return typeof (caller as Partial<Promise<unknown>> | undefined)?.then === 'function'
}

let lastAccess = NOBODY

/** Most requests come from whoever has sent the one before. */
function accessOf(caller: Caller): Access {
  const { name, role, flows } = caller
  if (lastAccess.key !== name || lastAccess.role !== role || lastAccess.flows !== flows) lastAccess = new Access(caller)
  return lastAccess
}

type PathCheck = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => void

/** The check of a path that names a flow or an execution: what is outside of the flow list is answered as what is not there. */
function checkOfPath({ url, prefix }: RouteOptions & { readonly prefix: string }, engine: Engine): PathCheck | undefined {
  const path = url.slice(prefix.length)
  const byFlow = /^\/v1\/flows\/:(\w+)|^\/v1\/[\w-]+\/:(flow)(?=\/|$)/.exec(path)
  if (byFlow !== null) {
    const name = byFlow[1] ?? byFlow[2]!
    return ({ access, params }, _reply, done) => {
      const flow = (params as Readonly<Record<string, string>>)[name]!
      done(access.sees(flow) ? undefined : new EngineError('flow-not-found', `no flow ${flow}`))
    }
  }
  if (!path.startsWith('/v1/executions/:id')) return undefined
  return ({ access, params }, _reply, done) => {
    if (access.flows === undefined) return done()
    const { id } = params as { readonly id: string }
    attempt(async () => {
      const { flow } = await engine.describe(id)
      if (!access.sees(flow)) throw new EngineError('execution-not-found', `no execution ${id}`)
    }, done)
  }
}
