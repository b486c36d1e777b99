/*
 * One instance: the processes that work on one function's requests.
 *
 * - C1. A request is in `#requests` from `take` until it is settled, given back, or given up by the engine; it leaves
 *   only once, so it is settled at most once from here.
 * - C2. After `kill` the instance takes nothing more. Its requests are settled at its exit (or a second later, should the
 *   kernel not let go of it), so that whoever sees the error document finds the processes gone.
 * - C3. The exit of the first process counts, not the end of its pipes: its children may hold those for ever.
 * - C4. What was written before an answer is logged before it. Pipes that were filled before the answer was written are
 *   readable in the same turn of the event loop, so answers, and the exit, wait for the turn's end (setImmediate).
 * - C5. A request that the process never took (no `a` frame) when it died of itself goes back to the pool: no user code ran.
 * - C6. While idle nothing of it keeps the engine's event loop alive.
 */
import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { jsonDepthExceeds } from '../dsl/json-copy.ts'
import { STATUS, type ErrorDocument } from '../dsl/errors.ts'
import type { Json } from '../dsl/json.ts'
import type { FunctionSpec, Invocation, LogLine } from './contract.ts'
import { capLines, capText, failure } from './error-documents.ts'
import { FrameReader } from './frames.ts'
import { launch, type Command } from './launch.ts'
import { hideFolder } from './code-folder.ts'
import { LineSplitter } from './log-lines.ts'
import { unwatchMemory, watchMemory, type Watched } from './memory-watch.ts'
import { INSTANCE_VARIABLE, kill, killTrees, sweepLeftovers } from './process-tree.ts'
import { maskDocument, maskSecrets } from './secrets.ts'
import { newMarker, unwatchGroup, watchGroup } from './watchdog.ts'

/** What an instance tells its pool. */
export interface InstanceOwner {
  /** Code loaded, initializer run. `info` is what the shim says of itself. */
  ready(instance: Instance, info: Json): void
  /** It ended before it was ready. */
  failed(instance: Instance, error: ErrorDocument): void
  /** It has room for another request. */
  free(instance: Instance): void
  /** It died before it took this request, for the reason given. */
  returned(invocation: Invocation, error: ErrorDocument): void
  /** It takes nothing more. */
  closed(instance: Instance): void
  /** All its processes are gone. */
  gone(instance: Instance): void
}

interface Request {
  readonly seq: number
  readonly invocation: Invocation
  taken: boolean
  timer: NodeJS.Timeout | undefined
  /** Why it was killed; settled with this at the exit. */
  error: ErrorDocument | undefined
}

export interface InstanceOptions {
  readonly spec: FunctionSpec
  readonly command: Command
  readonly folder: string
  readonly environment: Record<string, string>
  /** Secret values that log lines and error texts must not show. */
  readonly secrets: readonly string[]
  readonly owner: InstanceOwner
  /** On whose behalf it starts: gets the log of the start. */
  readonly starter: Invocation | undefined
}

type State = 'starting' | 'ready' | 'draining' | 'closed'

const LEVELS: Readonly<Record<string, LogLine['level']>> = { d: 'debug', i: 'info', w: 'warn', e: 'error' }
/** How long the kernel may take to end killed processes before their requests are settled all the same. */
const KILL_GRACE_MS = 1000
/** How long a process that closed its pipe may take to end before it is taken for one that only closed its pipe. */
const CLOSED_GRACE_MS = 250

export class Instance implements Watched {
  readonly spec: FunctionSpec
  readonly marker = newMarker()
  readonly memoryLimitKb: number
  readonly pid: number
  /** When it last became idle, in ms of the monotonic clock. */
  idleSince = 0
  #state: State = 'starting'
  readonly #owner: InstanceOwner
  readonly #secrets: readonly string[]
  readonly #child: ChildProcess | undefined
  readonly #input: Socket | undefined
  readonly #requests = new Map<number, Request>()
  #seq = 0
  #answers: string[] = []
  /** Gets the lines that no request of now can be found for. */
  #latest: Invocation | undefined
  #startTimer: NodeJS.Timeout | undefined
  #startError: ErrorDocument | undefined
  #heapFull = false
  #killed = false
  #ended = false
  readonly #out = new LineSplitter((line) => this.#logLine('info', line))
  readonly #err = new LineSplitter((line) => this.#logLine('error', line))

  constructor(options: InstanceOptions) {
    const { spec, owner, starter } = options
    this.spec = spec
    this.memoryLimitKb = spec.memoryMb * 1024
    this.#owner = owner
    this.#secrets = options.secrets
    this.#latest = starter
    let child: ChildProcess
    try {
      child = launch(options.command, options.folder, { ...options.environment, [INSTANCE_VARIABLE]: this.marker })
    } catch (error) {
      this.pid = -1
      this.#notStarted(error)
      return
    }
    this.#child = child
    this.pid = child.pid ?? -1
    this.#input = child.stdio[3] as Socket
    const output = child.stdio[4] as Socket
    for (const stream of [child.stdout, child.stderr, this.#input, output] as Socket[]) {
      // EPIPE, ECONNRESET: the process is ending; its exit says the rest.
      stream.on('error', () => undefined)
      stream.unref()
    }
    if (child.pid === undefined) {
      child.on('error', (error) => this.#notStarted(error))
      return
    }
    child.on('error', () => undefined)
    child.on('exit', (code, signal) => {
      // Now, as long as the number is nobody else's: its children, where there is no /proc to find them in.
      kill(-this.pid)
      setImmediate(() => this.#exited(code, signal))
    })
    watchGroup(this.pid)
    const reader = new FrameReader(
      (line) => this.#frame(line),
      () => this.#broken('wrote a line that is too long to the runtime’s own pipe (fd 4)'),
    )
    output.on('data', (chunk: Buffer) => reader.push(chunk))
    output.on('end', () => this.#pipeClosed(4))
    this.#input.on('end', () => this.#pipeClosed(3))
    // Nobody has to write there; unread it would only fill up.
    this.#input.resume()
    child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#out.push(text))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes('JavaScript heap out of memory')) this.#heapFull = true
      this.#err.push(text)
    })
    this.#input.write(`${JSON.stringify(startMessage(spec))}\n`)
    this.#startTimer = setTimeout(() => this.#tooSlow(), spec.initializerTimeoutMs)
    watchMemory(this)
  }

  get running(): number {
    return this.#requests.size
  }

  get hasRoom(): boolean {
    return this.#state === 'ready' && this.#requests.size < this.spec.concurrency.perInstance
  }

  /** Hands over a request; `body` is its JSON. Only while {@link hasRoom}. */
  take(invocation: Invocation, body: string): void {
    const seq = ++this.#seq
    const { timeoutMs } = this.spec
    const request: Request = { seq, invocation, taken: false, timer: undefined, error: undefined }
    if (this.#requests.size === 0) {
      this.#child?.ref()
      watchMemory(this)
    }
    this.#requests.set(seq, request)
    this.#latest = invocation
    invocation.onAbort = () => this.#giveUp(request)
    if (timeoutMs !== undefined) request.timer = setTimeout(() => this.#expire(request), timeoutMs)
    const left = Math.max(0, invocation.deadline - Date.now())
    const head = [
      seq,
      invocation.requestId,
      invocation.attempt,
      Math.min(left, timeoutMs ?? left),
      invocation.callback ?? null,
      invocation.traceparent ?? null,
      invocation.functionRef,
    ]
    this.#input?.write(`q${JSON.stringify(head)}\n${body}\n`)
  }

  /** Ends all its processes at once. Requests that are still with it are settled with `reason`, or as 439. */
  kill(reason?: ErrorDocument): void {
    if (this.#prepareKill(reason)) killTrees([this])
  }

  /** Ends many at the price of one look at the process table. Their requests are abandoned, unsettled. */
  static abandonAll(instances: readonly Instance[]): void {
    const doomed = instances.filter((instance) => {
      for (const request of instance.#requests.values()) instance.#remove(request)
      return instance.#prepareKill(undefined)
    })
    if (doomed.length > 0) killTrees(doomed)
  }

  outOfMemory(usedKb: number): void {
    const error = outOfMemory(this.spec, `its processes have ${Math.ceil(usedKb / 1024)} MB`)
    if (this.#state === 'starting') this.#startError ??= error
    this.kill(error)
  }

  #prepareKill(reason: ErrorDocument | undefined): boolean {
    if (this.#killed || this.#ended || this.pid < 0) return false
    this.#killed = true
    for (const request of this.#requests.values()) {
      request.error ??= reason
      clearTimeout(request.timer)
    }
    this.#close()
    this.#child?.ref()
    if (this.#requests.size > 0) {
      setTimeout(() => {
        for (const request of this.#requests.values()) this.#fail(request, request.error ?? this.#exitError(null, 'SIGKILL'))
      }, KILL_GRACE_MS).unref()
    }
    return true
  }

  #close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    clearTimeout(this.#startTimer)
    unwatchMemory(this)
    this.#owner.closed(this)
  }

  #frame(line: string): void {
    switch (line[0]) {
      case 'a': {
        const request = this.#requests.get(Number(line.slice(1)))
        if (request !== undefined) request.taken = true
        return
      }
      case 'r':
      case 'e':
      case 'E':
        // A request that is no longer here was given up. After `E` the process is as good as dead: see C2.
        if (this.#answers.push(line) === 1) setImmediate(() => this.#flushAnswers())
        return
      case 'y':
        return this.#ready(line)
      case 'f': {
        const error = documentOf(line.slice(1))
        if (this.#state !== 'starting' || error === undefined) break
        this.#startError ??= this.#shown(error)
        setImmediate(() => this.kill())
        return
      }
    }
    this.#broken('wrote to the runtime’s own pipe (fd 4)')
  }

  #ready(line: string): void {
    const info = parse(line.slice(1))
    if (this.#state !== 'starting' || info === undefined) return this.#broken('wrote to the runtime’s own pipe (fd 4)')
    clearTimeout(this.#startTimer)
    this.#state = 'ready'
    this.#becameIdle()
    this.#owner.ready(this, info)
  }

  #flushAnswers(): void {
    const answers = this.#answers
    this.#answers = []
    for (const line of answers) this.#answer(line)
  }

  #answer(line: string): void {
    const space = line.indexOf(' ')
    const request = this.#requests.get(Number(line.slice(1, space)))
    // One that was killed for is settled at the exit, with the reason.
    if (request === undefined || request.error !== undefined || space < 0) return
    if (line[0] === 'r') {
      const value = parse(line.slice(space + 1))
      if (value === undefined) return this.#broken('wrote to the runtime’s own pipe (fd 4)')
      if (!onlyNumbersOfJson(value))
        return this.#settle(request, failure(STATUS.resultNotJson, 'the result cannot become JSON: it holds a number out of range'))
      if (line.length > 1024 && jsonDepthExceeds(value)) {
        return this.#settle(request, failure(STATUS.responseTooLarge, 'the result is nested over 512 levels', 'PayloadTooDeep'))
      }
      return this.#settle(request, undefined, value === 0 ? 0 : value)
    }
    const error = documentOf(line.slice(space + 1))
    if (error === undefined) return this.#broken('wrote to the runtime’s own pipe (fd 4)')
    if (line[0] === 'E') {
      request.error = this.#shown(error)
      request.taken = true
      // The others on this instance go down with it.
      return this.kill()
    }
    this.#settle(request, this.#shown(error))
  }

  /** Without secrets, and without the folders of this machine. */
  #shown(error: ErrorDocument): ErrorDocument {
    return hideFolder(maskDocument(error, this.#secrets), this.spec.code)
  }

  /** Frees the place first: what the settlement starts may go straight on with this instance. */
  #settle(request: Request, error: ErrorDocument | undefined, value: Json = null): void {
    if (this.#requests.size === 1) this.#flushLog()
    this.#remove(request)
    if (this.#requests.size === 0) this.#becameIdle()
    if (this.#state === 'ready') this.#owner.free(this)
    if (error === undefined) request.invocation.succeed(value)
    else request.invocation.fail(error)
  }

  #fail(request: Request, error: ErrorDocument): void {
    this.#remove(request)
    request.invocation.fail(error)
  }

  #remove(request: Request): void {
    this.#requests.delete(request.seq)
    clearTimeout(request.timer)
    request.invocation.onAbort = undefined
  }

  #becameIdle(): void {
    if (this.#state === 'draining') return this.kill()
    if (this.#state !== 'ready') return
    this.idleSince = performance.now()
    this.#child?.unref()
    unwatchMemory(this)
  }

  /** The engine has settled it: deadline or cancellation. */
  #giveUp(request: Request): void {
    if (!this.#requests.has(request.seq)) return
    this.#remove(request)
    this.#stopOne(request)
  }

  #expire(request: Request): void {
    if (!this.#requests.has(request.seq) || this.#killed) return
    const limit = seconds(this.spec.timeoutMs ?? 0)
    const error = failure(STATUS.timeout, `function ${request.invocation.functionRef} timed out after ${limit}`)
    if (this.#requests.size === 1) return this.kill(error)
    this.#fail(request, error)
    this.#stopOne(request)
  }

  /** Work cannot be taken back from a process: it ends, but not under the hands of its other requests. */
  #stopOne(request: Request): void {
    if (this.#requests.size === 0) return this.kill()
    this.#input?.write(`c${request.seq}\n`)
    if (this.#state === 'ready') {
      this.#state = 'draining'
      this.#owner.closed(this)
    }
  }

  #tooSlow(): void {
    const limit = seconds(this.spec.initializerTimeoutMs)
    this.#startError ??= failure(STATUS.initTimeout, `function ${this.spec.app}/${this.spec.name} was not ready within ${limit}`)
    this.kill()
  }

  #pipeClosed(fd: number): void {
    if (this.#killed || this.#ended) return
    setTimeout(() => this.#broken(`closed the runtime’s own pipe (fd ${fd})`), CLOSED_GRACE_MS).unref()
  }

  #broken(what: string): void {
    if (this.#killed || this.#ended) return
    const error = failure(STATUS.processExited, `function ${this.spec.app}/${this.spec.name} ${what} and was ended`)
    if (this.#state === 'starting') this.#startError ??= { ...error, status: STATUS.loadError, errorType: 'UserCodeError' }
    for (const request of this.#requests.values()) request.taken = true
    this.kill(error)
  }

  #notStarted(error: unknown): void {
    // Later than the constructor, which the pool is still in.
    setImmediate(() => {
      if (this.#ended) return
      this.#ended = true
      this.#close()
      const text =
        (error as NodeJS.ErrnoException).code === 'E2BIG'
          ? 'its variables and secrets are larger than the machine allows (E2BIG)'
          : error instanceof Error
            ? error.message
            : String(error)
      this.#owner.failed(this, failure(445, `the process of function ${this.spec.app}/${this.spec.name} could not be started: ${text}`))
      this.#owner.gone(this)
    })
  }

  #exited(code: number | null, signal: NodeJS.Signals | null): void {
    this.#flushAnswers()
    this.#ended = true
    const wasStarting = this.#state === 'starting' || this.#startError !== undefined
    this.#close()
    this.#flushLog()
    const error = this.#exitError(code, signal)
    for (const request of this.#requests.values()) {
      this.#remove(request)
      if (request.error !== undefined) request.invocation.fail(request.error)
      else if (!request.taken && !this.#killed) this.#owner.returned(request.invocation, error)
      else request.invocation.fail(error)
    }
    if (wasStarting) this.#owner.failed(this, this.#startError ?? this.#deathAtStart(error))
    sweepLeftovers(this.marker, () => this.#cleared())
  }

  /** Its group is gone or killed with it; what fled from there has the marker still. */
  #cleared(): void {
    unwatchGroup(this.pid)
    for (const stream of this.#child?.stdio ?? []) stream?.destroy()
    this.#owner.gone(this)
  }

  #exitError(code: number | null, signal: NodeJS.Signals | null): ErrorDocument {
    if (this.#heapFull) return outOfMemory(this.spec, 'its heap is full')
    const how = signal === null ? `exited with code ${code}` : `was ended by signal ${signal}`
    return failure(STATUS.processExited, `the process of function ${this.spec.app}/${this.spec.name} ${how} while it was running`)
  }

  #deathAtStart(error: ErrorDocument): ErrorDocument {
    if (error.status === STATUS.outOfMemory) return error
    return failure(STATUS.loadError, error.errorMessage.replace('while it was running', 'before it was ready'))
  }

  #flushLog(): void {
    this.#out.flush()
    this.#err.flush()
  }

  #logLine(level: LogLine['level'], line: string): void {
    let invocation = this.#latest
    let text = line
    if (line.charCodeAt(0) === 0) {
      const marked = /^\0([diwe])(\d*) ([^]*)$/.exec(line)
      if (marked !== null) {
        level = LEVELS[marked[1] as string] as LogLine['level']
        invocation = this.#requests.get(Number(marked[2]))?.invocation ?? invocation
        text = marked[3] as string
      }
    }
    invocation?.log({ time: Date.now(), requestId: invocation.requestId, level, text: maskSecrets(text, this.#secrets) })
  }
}

function startMessage(spec: FunctionSpec): Record<string, Json> {
  return {
    handler: spec.handler,
    initializer: spec.initializer ?? null,
    perInstance: spec.concurrency.perInstance,
    app: spec.app,
    name: spec.name,
    memoryMb: spec.memoryMb,
    timeoutMs: spec.timeoutMs ?? null,
    initializerTimeoutMs: spec.initializerTimeoutMs,
    userData: { ...spec.environment.variables, ...spec.environment.secrets },
  }
}

function outOfMemory(spec: FunctionSpec, how: string): ErrorDocument {
  return failure(STATUS.outOfMemory, `function ${spec.app}/${spec.name} is out of memory: ${how}, its limit is ${spec.memoryMb} MB`)
}

function seconds(ms: number): string {
  return ms === 1000 ? '1 second' : `${ms / 1000} seconds`
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}

/**
 * False if a number is beyond what a double holds (Python's integers may be), which JSON.parse makes Infinity. Turns -0,
 * which Python writes as such, into the 0 that it becomes wherever else JSON is written.
 */
function onlyNumbersOfJson(value: Json): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || value === null) return true
  const rest: Record<string, Json>[] = [value as Record<string, Json>]
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    for (const [key, item] of Object.entries(next)) {
      if (typeof item === 'number') {
        if (!Number.isFinite(item)) return false
        if (Object.is(item, -0)) next[key] = 0
      } else if (typeof item === 'object' && item !== null) rest.push(item as Record<string, Json>)
    }
  }
  return true
}

/** The error document that a shim reports; undefined if it is none. */
function documentOf(text: string): ErrorDocument | undefined {
  const value = parse(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const { status, errorType, errorMessage, stackTrace } = value
  if (typeof status !== 'number' || typeof errorType !== 'string' || typeof errorMessage !== 'string') return undefined
  const document: ErrorDocument = { status, errorType: errorType.slice(0, 1024), errorMessage: capText(errorMessage) }
  if (Array.isArray(stackTrace)) document.stackTrace = capLines(stackTrace.filter((line) => typeof line === 'string'))
  return document
}
