// Runs one Node.js function in its own process. The wire is described in executors/frames.ts: requests on fd 3, answers on
// fd 4, both apart from stdout and stderr, which are the function's own. Node 22 or later; no dependencies.
//
// Answers are written with writeSync: when user code ends the process right behind its result, the result has left.
import { AsyncLocalStorage } from 'node:async_hooks'
import { readFileSync, statSync, writeSync } from 'node:fs'
import { createRequire, registerHooks } from 'node:module'
import { Socket } from 'node:net'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { format } from 'node:util'
import { compileFunction } from 'node:vm'

const PAYLOAD_LIMIT = 6 * 1024 * 1024
const TEXT_LIMIT = 64 * 1024
const SHIM = fileURLToPath(import.meta.url)
const EXTENSIONS = ['', '.js', '.mjs', '.cjs', '.ts', '.mts', '.cts']

// Taken before user code can replace them.
const { stringify, parse } = JSON
const now = performance.now.bind(performance)
// Lines must have left before the answer does, and not be lost at the end: without this a full pipe would be written to later.
for (const stream of [process.stdout, process.stderr]) stream._handle?.setBlocking?.(true)
const stdoutWrite = process.stdout.write.bind(process.stdout)
const stderrWrite = process.stderr.write.bind(process.stderr)

const running = new Map()
const current = new AsyncLocalStorage()
let start
let handler
/** Hands on what a request wrote without a newline; only needed where lines are marked. */
let endOutput = () => {}

function send(line) {
  const bytes = Buffer.from(`${line}\n`)
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(4, bytes, at)
    } catch (error) {
      if (error.code === 'EAGAIN') continue
      // The engine is gone, or user code closed the pipe: there is nobody left to tell.
      process.exit(1)
    }
  }
}

class Logger {
  #seq
  constructor(seq) {
    this.#seq = seq
  }
  debug(...values) {
    this.#write('d', values)
  }
  info(...values) {
    this.#write('i', values)
  }
  warn(...values) {
    this.#write('w', values)
  }
  error(...values) {
    this.#write('e', values)
  }
  #write(level, values) {
    let lines = ''
    for (const text of format(...values).split('\n')) lines += `\0${level}${this.#seq} ${text}\n`
    stdoutWrite(lines)
  }
}

/** Both clouds' context: SCF's keys are its own members, everything else is not shown by JSON. */
class Context {
  #request
  constructor(request) {
    this.#request = request
    this.memory_limit_in_mb = start.memoryMb
    this.time_limit_in_ms = start.timeoutMs ?? request.limitMs
    this.request_id = request.requestId
    this.environment = `{"SCF_NAMESPACE": "${start.app}"}`
    this.environ = `SCF_NAMESPACE=${start.app};SCF_NAMESPACE=${start.app}`
    this.function_version = request.version === 'latest' ? '$LATEST' : request.version
    this.function_name = start.name
    this.namespace = start.app
    this.tencentcloud_region = process.env.TENCENTCLOUD_REGION ?? ''
    this.tencentcloud_appid = process.env.TENCENTCLOUD_APPID ?? ''
    this.tencentcloud_uin = process.env.TENCENTCLOUD_UIN ?? ''
  }
  get attempt() {
    return this.#request.attempt
  }
  get signal() {
    return (this.#request.controller ??= new AbortController()).signal
  }
  get callback() {
    return this.#request.callback ?? undefined
  }
  get traceparent() {
    return this.#request.traceparent ?? undefined
  }
  get requestId() {
    return this.#request.requestId
  }
  get logger() {
    return new Logger(this.#request.seq)
  }
  getRequestID() {
    return this.#request.requestId
  }
  getRemainingTimeInMilliSeconds() {
    return Math.max(0, Math.round(this.#request.endsAt - now()))
  }
  getRunningTimeInSeconds() {
    return Math.ceil((start.timeoutMs ?? this.#request.limitMs) / 1000)
  }
  getUserData(key) {
    return Object.hasOwn(start.userData, key) ? start.userData[key] : undefined
  }
  getFunctionName() {
    return start.name
  }
  getVersion() {
    return this.#request.version
  }
  getMemorySize() {
    return start.memoryMb
  }
  getCPUNumber() {
    return Number(process.env.RUNTIME_CPU)
  }
  getPackage() {
    return start.app
  }
  getProjectID() {
    return process.env.RUNTIME_PROJECT_ID ?? ''
  }
  getToken() {
    return ''
  }
  getAccessKey() {
    return ''
  }
  getSecretKey() {
    return ''
  }
  getSecurityAccessKey() {
    return ''
  }
  getSecuritySecretKey() {
    return ''
  }
  getSecurityToken() {
    return ''
  }
  getLogger() {
    return this.logger
  }
}

function errorDocument(status, thrown) {
  const document = { status, errorType: 'Error', errorMessage: 'an error without a readable message' }
  try {
    document.errorType = typeOf(thrown)
    document.errorMessage = cut(messageOf(thrown))
    const stack = thrown !== null && typeof thrown === 'object' ? thrown.stack : undefined
    if (typeof stack === 'string' && stack !== '') document.stackTrace = stackLines(stack)
  } catch {
    // A getter or toString that throws.
  }
  return document
}

function typeOf(thrown) {
  if (typeof thrown !== 'object' || thrown === null) return 'Error'
  const named = typeof thrown.name === 'string' && thrown.name !== ''
  if (named && Object.hasOwn(thrown, 'name')) return thrown.name
  if (!(thrown instanceof Error) && !named) return 'Error'
  const { constructor } = thrown
  if (named && typeof constructor === 'function' && constructor.prototype && Object.hasOwn(constructor.prototype, 'name'))
    return thrown.name
  const className = constructor?.name
  return typeof className === 'string' && className !== '' && className !== 'Object' ? className : named ? thrown.name : 'Error'
}

function messageOf(thrown) {
  if (typeof thrown === 'object' && thrown !== null) {
    if (typeof thrown.message === 'string') return thrown.message
    const text = stringify(thrown)
    if (text !== undefined) return text
  }
  return String(thrown)
}

function cut(text) {
  return text.length > TEXT_LIMIT ? text.slice(0, TEXT_LIMIT) : text
}

/** The function's own frames: what lies below the shim, and the insides of Node, are no news to anybody. */
function stackLines(stack) {
  const lines = []
  let size = 0
  for (const line of stack.split('\n')) {
    if (line.includes(SHIM) || size >= TEXT_LIMIT) break
    if (line === '' || /^ +at .*\bnode:internal\//.test(line)) continue
    size += line.length
    lines.push(size > TEXT_LIMIT ? line.slice(0, line.length - (size - TEXT_LIMIT)) : line)
  }
  return lines
}

class NotJson extends Error {}

function refuse(key, value) {
  if (typeof value === 'function' || typeof value === 'symbol')
    throw new NotJson(`it holds a ${typeof value}${key === '' ? '' : ` at ${key}`}`)
  return value
}

function finish(request, value) {
  if (!running.delete(request.seq)) return
  endOutput(request.seq)
  let text
  try {
    text = value === undefined ? 'null' : (stringify(value, refuse) ?? 'null')
  } catch (error) {
    const deep = error instanceof RangeError && /call stack/.test(error.message)
    const huge = error instanceof RangeError && !deep
    if (deep) return reply(request, 407, 'PayloadTooDeep', 'the result is nested over 512 levels')
    if (huge) return reply(request, 407, 'PayloadTooLarge', `the result is over 6 MiB (${PAYLOAD_LIMIT} bytes) of JSON`)
    return reply(request, 403, 'ResultNotJson', `the result cannot become JSON: ${cut(messageOf(error))}`)
  }
  if (text.length > PAYLOAD_LIMIT || (text.length * 3 > PAYLOAD_LIMIT && Buffer.byteLength(text) > PAYLOAD_LIMIT)) {
    return reply(request, 407, 'PayloadTooLarge', `the result is over 6 MiB (${PAYLOAD_LIMIT} bytes) of JSON`)
  }
  send(`r${request.seq} ${text}`)
}

function reply(request, status, errorType, errorMessage) {
  send(`e${request.seq} ${stringify({ status, errorType, errorMessage })}`)
}

function fail(request, thrown) {
  if (!running.delete(request.seq)) return
  endOutput(request.seq)
  send(`e${request.seq} ${stringify(errorDocument(430, thrown))}`)
}

function isThenable(value) {
  return typeof value === 'object' && value !== null && typeof value.then === 'function'
}

function invoke(request, event) {
  const context = new Context(request)
  let first
  let listening = false
  const settle = () => (first.error === null || first.error === undefined ? finish(request, first.value) : fail(request, first.error))
  const callback = (error, value) => {
    if (first !== undefined) return
    first = { error, value }
    if (listening) settle()
  }
  let result
  try {
    result = handler.length > 2 ? handler(event, context, callback) : handler(event, context)
    if (isThenable(result)) {
      result.then(
        (value) => finish(request, value),
        (error) => fail(request, error),
      )
      return
    }
  } catch (error) {
    return fail(request, error)
  }
  if (handler.length <= 2) return finish(request, result)
  listening = true
  if (first !== undefined) settle()
}

// An exception that nobody caught ends the process, as it does without the shim. While a request runs it is that request's
// failure; Node prints it and ends with code 1 right after this. A handler of the user's own decides for itself.
process.on('uncaughtExceptionMonitor', (error) => {
  if (process.listenerCount('uncaughtException') > 0) return
  if (handler === undefined) send(`f${stringify(errorDocument(443, error))}`)
  for (const seq of running.keys()) send(`E${seq} ${stringify(errorDocument(430, error))}`)
  running.clear()
})

/** With several requests at once each line is marked with the request in whose course it was written. */
function markOutput(stream, write, level) {
  const rests = new Map()
  stream.write = (chunk, encoding, done) => {
    const seq = current.getStore() ?? ''
    const text = (rests.get(seq) ?? '') + (typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8'))
    const lines = text.split('\n')
    const rest = lines.pop()
    if (rest === '') rests.delete(seq)
    else rests.set(seq, rest)
    if (lines.length > 0) write(lines.map((line) => (line.startsWith('\0') ? line : `\0${level}${seq} ${line}`) + '\n').join(''))
    const then = typeof encoding === 'function' ? encoding : done
    if (typeof then === 'function') process.nextTick(then)
    return true
  }
  return (seq) => {
    const rest = rests.get(seq)
    rests.delete(seq)
    if (rest !== undefined) write(`\0${level}${seq} ${rest}\n`)
  }
}

function locate(code, file) {
  for (const extension of EXTENSIONS) {
    const path = resolve(code, file + extension)
    if (statSync(path, { throwIfNoEntry: false })?.isFile()) return path
  }
  return undefined
}

class StartError extends Error {
  constructor(document) {
    super(document.errorMessage)
    this.document = document
  }
}

function notFound(errorMessage) {
  return new StartError({ status: 437, errorType: 'HandlerNotFound', errorMessage })
}

async function load(reference) {
  const dot = reference.lastIndexOf('.')
  if (dot <= 0 || dot === reference.length - 1) throw notFound(`handler ${reference} is not of the form file.function`)
  const code = process.env.RUNTIME_CODE_ROOT ?? process.cwd()
  const path = locate(code, reference.slice(0, dot))
  if (path === undefined)
    throw notFound(`handler ${reference}: no file ${reference.slice(0, dot)}.js, .mjs or .cjs in the folder of the code`)
  const name = reference.slice(dot + 1)
  let module
  try {
    module = await importFile(path)
  } catch (error) {
    const document = errorDocument(443, error)
    if (document.errorType === 'Error' && !(error instanceof Error)) document.errorType = 'UserCodeError'
    throw new StartError(document)
  }
  const exported = module?.[name] ?? module?.default?.[name]
  // `toString` and its kin, which every object has, are nobody's handlers.
  if (typeof exported !== 'function' || exported === Object.prototype[name])
    throw notFound(`handler ${reference}: ${basename(path)} exports no function ${name}`)
  return exported
}

/**
 * In the clouds a code folder stands alone. Here it may lie in a project whose package.json has `type: module`, which must not
 * turn the folder's CommonJS into ES modules: without a package.json of its own its .js files are what their syntax says.
 */
function standAlone(root) {
  if (typeof registerHooks !== 'function' || packageType(root) !== undefined || ambientType(dirname(root)) !== 'module') return
  const types = new Map()
  registerHooks({
    load(url, context, nextLoad) {
      if (!/\.[jt]s$/.test(url) || !url.startsWith('file:')) return nextLoad(url, context)
      const path = fileURLToPath(url)
      if (!path.startsWith(root + sep) || ambientType(dirname(path), root) !== undefined) return nextLoad(url, context)
      const suffix = path.endsWith('.ts') ? '-typescript' : ''
      if (!types.has(path)) types.set(path, hasModuleSyntax(path) ? 'module' : 'commonjs')
      return nextLoad(url, { ...context, format: types.get(path) + suffix })
    },
  })
}

/** `type` of the nearest package.json from `folder` upwards, to below `end`; undefined if there is none. */
function ambientType(folder, end) {
  for (;;) {
    if (folder === end) return undefined
    const type = packageType(folder)
    if (type !== undefined) return type
    const parent = dirname(folder)
    if (parent === folder) return undefined
    folder = parent
  }
}

function packageType(folder) {
  try {
    const { type } = parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    return type === 'module' ? 'module' : 'commonjs'
  } catch (error) {
    return error.code === undefined ? 'commonjs' : undefined
  }
}

function hasModuleSyntax(path) {
  try {
    compileFunction(readFileSync(path, 'utf8').replace(/^#!.*/, ''), ['exports', 'require', 'module', '__filename', '__dirname'])
    return false
  } catch (error) {
    return /import statement outside|token 'export'|import\.meta|await is only valid/.test(error.message)
  }
}

/** CommonJS first, for what `require` does beyond `import` (NODE_PATH, live `exports`); ES modules come that way too. */
async function importFile(path) {
  if (/\.m[jt]s$/.test(path)) return import(pathToFileURL(path).href)
  try {
    return createRequire(path)(path)
  } catch (error) {
    // ES modules with top-level await, and Node versions that cannot require ES modules.
    if (error?.code === 'ERR_REQUIRE_ASYNC_MODULE' || error?.code === 'ERR_REQUIRE_ESM') return import(pathToFileURL(path).href)
    throw error
  }
}

async function begin(message) {
  start = message
  if (start.perInstance > 1) {
    const ends = [markOutput(process.stdout, stdoutWrite, 'i'), markOutput(process.stderr, stderrWrite, 'e')]
    endOutput = (seq) => ends.forEach((end) => end(seq))
  }
  try {
    standAlone(resolve(process.env.RUNTIME_CODE_ROOT ?? process.cwd()))
    const loaded = await load(start.handler)
    if (start.initializer !== null) {
      const initializer = await load(start.initializer)
      const seconds = start.initializerTimeoutMs
      const request = {
        seq: '',
        requestId: '',
        attempt: 0,
        limitMs: seconds,
        endsAt: now() + seconds,
        callback: null,
        traceparent: null,
        version: 'latest',
      }
      try {
        await runInitializer(initializer, new Context(request))
      } catch (error) {
        throw new StartError(errorDocument(443, error))
      }
    }
    handler = loaded
  } catch (error) {
    send(`f${stringify(error instanceof StartError ? error.document : errorDocument(443, error))}`)
    process.exit(1)
  }
  send(`y${stringify({ program: process.execPath, version: process.versions.node })}`)
}

/** Takes a callback, too, if it declares one: FunctionGraph's form is `initializer(context, callback)`. */
function runInitializer(initializer, context) {
  if (initializer.length < 2) return initializer(context)
  return new Promise((resolve, reject) => {
    const result = initializer(context, (error, value) => (error === null || error === undefined ? resolve(value) : reject(error)))
    if (isThenable(result)) result.then(resolve, reject)
  })
}

function requested(head, body) {
  const [seq, requestId, attempt, limitMs, callback, traceparent, reference] = head
  const colon = reference.indexOf(':')
  const qualifier = colon < 0 ? 'latest' : reference.slice(colon + 1)
  const version = qualifier === '$LATEST' ? 'latest' : qualifier
  const request = { seq, requestId, attempt, limitMs, endsAt: now() + limitMs, callback, traceparent, version, controller: undefined }
  running.set(seq, request)
  send(`a${seq}`)
  const event = parse(body)
  if (start.perInstance > 1) current.run(seq, invoke, request, event)
  else invoke(request, event)
}

function cancelled(seq) {
  const request = running.get(seq)
  if (request === undefined) return
  request.controller ??= new AbortController()
  request.controller.abort(Object.assign(new Error('the invocation was cancelled'), { name: 'AbortError' }))
}

let head
function line(text) {
  if (head !== undefined) {
    const of = head
    head = undefined
    requested(of, text)
  } else if (text[0] === 'q') {
    head = parse(text.slice(1))
  } else if (text[0] === 'c') {
    cancelled(Number(text.slice(1)))
  } else {
    void begin(parse(text))
  }
}

const parts = []
const input = new Socket({ fd: 3, readable: true, writable: false })
input.on('data', (chunk) => {
  let from = 0
  for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
    parts.push(chunk.subarray(from, end))
    const text = parts.length === 1 ? parts[0].toString('utf8') : Buffer.concat(parts).toString('utf8')
    parts.length = 0
    from = end + 1
    line(text)
  }
  if (from < chunk.length) parts.push(chunk.subarray(from))
})
// The engine is gone.
input.on('end', () => process.exit(0))
input.on('error', () => process.exit(0))
