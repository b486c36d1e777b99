/*
 * The instances of one function, and the requests that wait for one.
 *
 * - P1. Waiting requests are served in the order in which they came.
 * - P2. No more instances are started than requests wait for, so a failing start fails one request: the oldest. A handler
 *   that is not there (437) would fail them all, and does so at once.
 * - P3. Instances start a few at a time. A burst of short requests is then served by the first few, instead of hundreds of
 *   processes being started for requests that are over before these are ready.
 * - P4. The last one used is used first; the others get old and are stopped.
 */
import { availableParallelism } from 'node:os'
import { STATUS, type ErrorDocument } from '../dsl/errors.ts'
import { PAYLOAD_LIMIT, jsonDepthExceeds, JsonCopyError } from '../dsl/json-copy.ts'
import type { Json } from '../dsl/json.ts'
import { Instance, type InstanceOwner } from './child.ts'
import type { FunctionSpec, InstanceCount, Invocation } from './contract.ts'
import type { Command } from './launch.ts'
import type { InstanceLimits, Limited } from './limits.ts'
import { bodyError } from './module.ts'

/** How instances of one function are started. */
export interface Launcher {
  readonly command: Command
  readonly folder: string
  readonly environment: Record<string, string>
  readonly secrets: readonly string[]
}

export interface PoolOptions {
  readonly spec: FunctionSpec
  readonly limits: InstanceLimits
  /** What to start, or why nothing can be. Asked anew for each instance. */
  launcher(): Launcher | ErrorDocument
  ready(info: Json): void
  /** It has neither instances nor requests. */
  empty(pool: Pool): void
}

interface Waiting {
  /** Undefined once the engine has given up on it. */
  invocation: Invocation | undefined
  readonly body: string
}

const STARTS_AT_ONCE = Math.max(4, 2 * availableParallelism())
/** Below this much free memory of the machine a function with instances gets no more of them. */
const SPARE_MEMORY = 192 * 1024 * 1024
/** Deaths before the request was taken, until it is no longer tried with another instance. */
const MAX_RETURNS = 3
const RESERVED_RETRY_MS = 1000

export class Pool implements InstanceOwner, Limited {
  readonly spec: FunctionSpec
  readonly #options: PoolOptions
  readonly #instances = new Set<Instance>()
  /** Ready ones with room, the last used at the end. */
  readonly #open: Instance[] = []
  readonly #live = new Set<Instance>()
  #waiting: Waiting[] = []
  #first = 0
  readonly #starting = new Set<Instance>()
  #reserved = 0
  #stopped = false
  #drains = false
  #idleTimer: NodeJS.Timeout | undefined
  #reservedTimer: NodeJS.Timeout | undefined
  readonly #returns = new WeakMap<Invocation, number>()
  #whenGone: (() => void) | undefined

  constructor(options: PoolOptions) {
    this.#options = options
    this.spec = options.spec
    options.limits.add(this)
  }

  /** Takes a request; it is settled by an instance, or with the reason why none can be started. */
  submit(invocation: Invocation): void {
    let body: string
    try {
      body = bodyText(invocation.body)
    } catch (error) {
      return invocation.fail(bodyError(error))
    }
    const instance = this.#open.at(-1)
    if (instance !== undefined && this.#first === this.#waiting.length) return this.#give(instance, invocation, body)
    const entry: Waiting = { invocation, body }
    invocation.onAbort = () => {
      entry.invocation = undefined
      this.#trim()
    }
    this.#waiting.push(entry)
    this.#pump()
  }

  /** Keeps as many instances ready as the function reserves. */
  reserve(count: number): void {
    this.#reserved = count
    this.#fillReserved()
  }

  /** Ends instances as soon as they have nothing to do, and keeps none ready. Requests that are there, or still come, are served. */
  drain(): void {
    this.#drains = true
    this.#reserved = 0
    for (const instance of [...this.#open]) if (instance.running === 0) instance.kill()
    this.#leaveIfEmpty()
  }

  count(): InstanceCount {
    const starting = this.#starting.size
    const idle = this.#open.filter(({ running }) => running === 0).length
    return { function: `${this.spec.app}/${this.spec.name}`, starting, busy: Math.max(0, this.#live.size - starting - idle), idle }
  }

  /** Forgets the requests, without settling them, and ends all instances; resolves when their processes are gone. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#waiting = []
    this.#first = 0
    clearTimeout(this.#idleTimer)
    clearTimeout(this.#reservedTimer)
    Instance.abandonAll([...this.#instances])
    if (this.#instances.size > 0) await new Promise<void>((resolve) => (this.#whenGone = resolve))
    this.#options.limits.remove(this)
  }

  evict(): boolean {
    const instance = this.#open.find((open) => open.running === 0)
    if (instance === undefined || this.#live.size <= this.#reserved) return false
    instance.kill()
    return true
  }

  retry(): void {
    this.#pump()
    if (this.#reserved > 0) this.#fillReserved()
  }

  ready(instance: Instance, info: Json): void {
    this.#starting.delete(instance)
    this.#options.ready(info)
    this.#open.push(instance)
    this.#armIdleTimer()
    this.#pump()
    if (this.#drains && instance.running === 0) instance.kill()
  }

  free(instance: Instance): void {
    if (!this.#open.includes(instance)) this.#open.push(instance)
    this.#pump()
    if (instance.running > 0) return
    if (this.#drains || (this.#live.size > this.#reserved && this.#options.limits.mustYield(this))) instance.kill()
  }

  failed(_instance: Instance, error: ErrorDocument): void {
    if (this.#stopped) return
    if (error.status === STATUS.handlerNotFound) {
      for (let next = this.#shift(); next !== undefined; next = this.#shift()) failWaiting(next, error)
    } else {
      const next = this.#shift()
      if (next !== undefined) failWaiting(next, error)
    }
    this.#pump()
  }

  returned(invocation: Invocation, error: ErrorDocument): void {
    if (this.#stopped) return
    const times = (this.#returns.get(invocation) ?? 0) + 1
    this.#returns.set(invocation, times)
    if (times > MAX_RETURNS) {
      const errorMessage = `${error.errorMessage.replace('while it was running', 'before it took the request')}, ${times} times in a row`
      return invocation.fail({ ...error, errorMessage })
    }
    const entry: Waiting = { invocation, body: bodyText(invocation.body) }
    invocation.onAbort = () => {
      entry.invocation = undefined
      this.#trim()
    }
    this.#waiting.splice(this.#first, 0, entry)
    this.#pump()
  }

  closed(instance: Instance): void {
    const at = this.#open.indexOf(instance)
    if (at >= 0) this.#open.splice(at, 1)
    this.#live.delete(instance)
    this.#starting.delete(instance)
  }

  gone(instance: Instance): void {
    this.#instances.delete(instance)
    this.#options.limits.release()
    if (this.#stopped) {
      if (this.#instances.size === 0) this.#whenGone?.()
      return
    }
    this.#pump()
    if (this.#live.size < this.#reserved && this.#reservedTimer === undefined) {
      this.#reservedTimer = setTimeout(() => {
        this.#reservedTimer = undefined
        this.#fillReserved()
      }, RESERVED_RETRY_MS).unref()
    }
    this.#leaveIfEmpty()
  }

  #leaveIfEmpty(): void {
    if (this.#instances.size > 0 || this.#waiting.length > this.#first || this.#reserved > 0) return
    clearTimeout(this.#idleTimer)
    this.#idleTimer = undefined
    this.#options.limits.remove(this)
    this.#options.empty(this)
  }

  #give(instance: Instance, invocation: Invocation, body: string): void {
    // Off the stack before the request is on the wire, so that what it triggers finds a true stack.
    if (instance.running + 1 >= this.spec.concurrency.perInstance) {
      const at = this.#open.lastIndexOf(instance)
      if (at >= 0) this.#open.splice(at, 1)
    }
    instance.take(invocation, body)
  }

  #pump(): void {
    if (this.#stopped) return
    for (let instance = this.#open.at(-1); instance !== undefined; instance = this.#open.at(-1)) {
      if (!instance.hasRoom) {
        this.#open.pop()
        continue
      }
      const next = this.#shift()
      if (next === undefined) return
      this.#give(instance, next.invocation as Invocation, next.body)
    }
    this.#startMore()
  }

  #startMore(): void {
    const { perInstance } = this.spec.concurrency
    let wanted = this.#waiting.length - this.#first - this.#starting.size * perInstance
    // Asked for every request that ends while others wait: what is dear, the machine's memory, comes last.
    while (wanted > 0 && this.#starting.size < STARTS_AT_ONCE && !this.#full) {
      if (this.#live.size > 0 && process.availableMemory() < SPARE_MEMORY) return
      if (!this.#startOne(this.#waiting[this.#first]?.invocation)) return
      wanted = this.#waiting.length - this.#first - this.#starting.size * perInstance
    }
  }

  /** Those that are about to be gone count: they still take up room. */
  get #full(): boolean {
    const { maxInstances } = this.spec.concurrency
    return maxInstances >= 0 && this.#instances.size >= maxInstances
  }

  /** False if there is no room, or nothing to start. */
  #startOne(starter: Invocation | undefined): boolean {
    if (this.#full) return false
    const launcher = this.#options.launcher()
    if ('status' in launcher) {
      for (let next = this.#shift(); next !== undefined; next = this.#shift()) failWaiting(next, launcher)
      return false
    }
    if (!this.#options.limits.acquire(this)) return false
    this.#options.limits.add(this)
    const instance = new Instance({ spec: this.spec, ...launcher, owner: this, starter })
    this.#instances.add(instance)
    this.#live.add(instance)
    this.#starting.add(instance)
    return true
  }

  #fillReserved(): void {
    while (!this.#stopped && this.#live.size < this.#reserved && this.#startOne(undefined));
  }

  #shift(): Waiting | undefined {
    this.#trim()
    const entry = this.#waiting[this.#first]
    if (entry === undefined) return undefined
    this.#first++
    this.#trim()
    return entry
  }

  /** Drops what the engine gave up on from the head, and used places from the array now and then. */
  #trim(): void {
    while (this.#first < this.#waiting.length && this.#waiting[this.#first]?.invocation === undefined) this.#first++
    if (this.#first === this.#waiting.length) {
      this.#waiting = []
      this.#first = 0
    } else if (this.#first > 1000 && this.#first * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first)
      this.#first = 0
    }
  }

  #armIdleTimer(): void {
    if (this.#idleTimer !== undefined || this.#stopped) return
    this.#idleTimer = setTimeout(() => this.#stopIdle(), Math.max(10, this.spec.concurrency.idleTimeoutMs)).unref()
  }

  #stopIdle(): void {
    const { idleTimeoutMs } = this.spec.concurrency
    const now = performance.now()
    let next = Infinity
    for (const instance of [...this.#open]) {
      if (instance.running > 0 || this.#live.size <= this.#reserved) continue
      const left = instance.idleSince + idleTimeoutMs - now
      if (left <= 1) instance.kill()
      else next = Math.min(next, left)
    }
    this.#idleTimer = undefined
    if (this.#live.size > 0) this.#idleTimer = setTimeout(() => this.#stopIdle(), Math.max(10, Math.min(next, idleTimeoutMs))).unref()
  }
}

function failWaiting({ invocation }: Waiting, error: ErrorDocument): void {
  if (invocation === undefined) return
  invocation.onAbort = undefined
  invocation.fail({ ...error })
}

/** @throws JsonCopyError if it is over 6 MiB or nested over 512 levels, or no JSON */
function bodyText(body: Json): string {
  const text = JSON.stringify(body) as string | undefined
  if (text === undefined) throw new JsonCopyError('not-json', '$ is undefined')
  if (text.length > PAYLOAD_LIMIT || (text.length * 3 > PAYLOAD_LIMIT && Buffer.byteLength(text) > PAYLOAD_LIMIT)) {
    throw new JsonCopyError('too-large', 'over 6 MiB')
  }
  if (text.length > 1024 && jsonDepthExceeds(body)) throw new JsonCopyError('too-deep', 'over 512 levels')
  return text
}
