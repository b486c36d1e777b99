/**
 * What a request passes before its route: which hosts and pages may ask, who asks, and how often (http-api.md, 1).
 *
 * Without keys the server is for this machine alone. Its browser could be made to ask for others: by a page of another site, or by a name that the
 * other site has made to be this machine's (DNS rebinding). So only known hosts may be named, and only pages of such hosts may ask.
 */
import { BlockList } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { StoredKey } from '../keys/api-key.ts'
import { KeyRing } from '../keys/key-ring.ts'
import type { Caller } from './access.ts'
import { Problem } from './problem.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose key the request brought; undefined: nobody's. For {@link Gate}. */
    caller: Caller | undefined
  }
}

export interface RateLimit {
  /** Requests of one key, or of one address where there is no key, within a window. */
  readonly max: number
  readonly windowMs: number
}

export interface GateOptions {
  /** Default: none, and none is needed. */
  readonly keys?: KeyRing
  /** Where others reach the server: its host may be named. */
  readonly publicUrl?: string
  /** Further hosts that a request may name; with keys and an empty list any. */
  readonly allowedHosts?: readonly string[]
  /** Origins whose pages may ask, and read the answers; `*` is any, of a server with keys. */
  readonly cors?: readonly string[]
  readonly rateLimit?: RateLimit
}

/** Everybody, while no key is needed. */
const EVERYBODY: Caller = { role: 'admin' }

/** Headers that pages may send and read, beside those that every page may. */
const SENT = [
  'authorization',
  'content-type',
  'idempotency-key',
  'if-match',
  'if-none-match',
  'last-event-id',
  'traceparent',
  'x-request-id',
]
const SENT_TO_FUNCTIONS = ['x-invoke-type', 'x-log-type']
const READ = [
  'allow',
  'etag',
  'idempotency-replayed',
  'location',
  'retry-after',
  'www-authenticate',
  'x-request-id',
  'x-function-status',
  'x-function-log',
]
const PREFLIGHT_SECONDS = 600

export class Gate {
  private readonly options: GateOptions
  private readonly keys: KeyRing
  private readonly hosts: ReadonlySet<string>
  private readonly origins: ReadonlySet<string>
  /** Who has passed last while no key was needed: address, host and origin. Neither holds a space. */
  private passed: string | undefined

  constructor(options: GateOptions) {
    this.options = options
    this.keys = options.keys ?? new KeyRing()
    const { publicUrl, allowedHosts = [], cors = [] } = options
    this.hosts = new Set([...(publicUrl === undefined ? [] : [hostOf(publicUrl)]), ...allowedHosts.map((host) => hostOf(`http://${host}`))])
    this.origins = new Set(cors)
  }

  /** Adds what is asked before any route. To be called before routes are registered. */
  async guard(app: FastifyInstance): Promise<void> {
    app.decorateRequest('caller', undefined)
    app.addHook('onRequest', (request, _reply, done) => {
      try {
        const entering = this.enter(request)
        if (entering === undefined) done()
        else entering.then(() => done(), done)
      } catch (error) {
        done(error as Error)
      }
    })
    if (this.origins.size > 0) await this.addCors(app)
    if (this.options.rateLimit !== undefined) await this.addLimit(app, this.options.rateLimit)
  }

  /** Who asks: for `authenticate`. */
  callerOf(request: FastifyRequest): Caller | undefined {
    return request.caller
  }

  /** Throws, or rejects with, Problem `forbidden` and what the keys' store throws. */
  private enter(request: FastifyRequest): Promise<void> | undefined {
    const needed = this.keys.areNeeded()
    if (typeof needed === 'boolean') return this.enterWith(request, needed)
    // there was no key as long as they could be read
    return (isProbe(request) ? needed.catch(() => false) : needed).then((areNeeded) => this.enterWith(request, areNeeded))
  }

  private enterWith(request: FastifyRequest, areNeeded: boolean): Promise<void> | undefined {
    const { host = '', origin, authorization } = request.headers
    if (!areNeeded) {
      this.refuseOthers(request, host, origin)
      request.caller = EVERYBODY
      return undefined
    }
    if ((this.options.allowedHosts ?? []).length > 0 && !this.isKnown(hostOf(`http://${host}`)))
      throw new Problem('forbidden', `the host ${host} is not known here`)
    const [, key] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? []
    if (key === undefined) return undefined
    const found = this.keys.find(key)
    if (found instanceof Promise)
      return (isProbe(request) ? found.catch(() => undefined) : found).then((one) => this.remember(request, one))
    this.remember(request, found)
    return undefined
  }

  private remember(request: FastifyRequest, key: StoredKey | undefined): void {
    request.caller = key
  }

  private refuseOthers({ socket }: FastifyRequest, host: string, origin: string | undefined): void {
    // the same client asks again and again, and reading addresses and URLs takes a good part of what a request does
    const asking = `${socket.remoteAddress} ${host} ${origin}`
    if (asking === this.passed) return
    // it does not listen for others: a second lock, where a name that was taken for this machine's is not
    const isHere = socket.remoteAddress === undefined || isLoopback(socket.remoteAddress)
    if (!isHere) throw new Problem('forbidden', 'without API keys this server is for its own machine')
    if (!this.isKnown(hostOf(`http://${host}`)))
      throw new Problem('forbidden', `this server is for this machine: the host ${host} is not known here`)
    if (origin !== undefined && !this.origins.has(origin) && !this.isKnown(hostOf(origin)))
      throw new Problem('forbidden', `requests of pages of ${origin} are not taken`)
    this.passed = asking
  }

  private isKnown(host: string): boolean {
    if (host === '') return false
    const parent = host.includes('.') ? host.slice(host.indexOf('.') + 1) : ''
    return host === 'localhost' || isLoopback(host) || this.hosts.has(host) || this.hosts.has(`*.${parent}`)
  }

  private async addCors(app: FastifyInstance): Promise<void> {
    const { default: cors } = await import('@fastify/cors')
    await app.register(cors, {
      origin: this.origins.has('*') ? '*' : [...this.origins],
      methods: ['GET', 'POST', 'PUT', 'DELETE'],
      allowedHeaders: [...SENT, ...SENT_TO_FUNCTIONS],
      exposedHeaders: READ,
      maxAge: PREFLIGHT_SECONDS,
    })
  }

  /** Also counts what is refused afterwards, so that whoever tries keys is held up by address. */
  private async addLimit(app: FastifyInstance, { max, windowMs }: RateLimit): Promise<void> {
    const { default: rateLimit } = await import('@fastify/rate-limit')
    await app.register(rateLimit, { global: false })
    const count = app.createRateLimit({ max, timeWindow: windowMs, keyGenerator: (request) => this.clientOf(request) })
    app.addHook('onRequest', async (request, reply) => {
      if (isProbe(request)) return
      const counted = await count(request)
      if (counted.isAllowed || !counted.isExceeded) return
      void reply.header('retry-after', Math.max(1, Math.ceil(counted.ttl / 1000)))
      throw new Problem('rate-limited', `more than ${max} requests within ${windowMs / 1000} s`)
    })
  }

  private clientOf(request: FastifyRequest): string {
    const name = request.caller?.name
    return name === undefined ? `address ${networkOf(request.ip)}` : `key ${name}`
  }
}

/** Whoever keeps the server alive asks often, from one address, without a key, and while the store of the keys is away. */
const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz'])

function isProbe({ routeOptions }: FastifyRequest): boolean {
  return PROBES.has(routeOptions.url ?? '')
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** True for an address of this machine alone; in brackets, too. */
function isLoopback(address: string): boolean {
  const plain = address.replace(/^\[(.*)\]$/, '$1')
  try {
    return LOOPBACK.check(plain, plain.includes(':') ? 'ipv6' : 'ipv4')
  } catch {
    return false
  }
}

/** Of IPv6 whoever has an address has 2^64 of them. */
function networkOf(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address
  const [head = '', tail] = address.split('::') as [string, string?]
  const groups = head === '' ? [] : head.split(':')
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length)
  return [...groups, ...Array<string>(missing).fill('0'), ...(tail ?? '').split(':')].slice(0, 4).join(':')
}

/** The host in a URL, without its port; the empty text where it is no URL. */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : ''
}
