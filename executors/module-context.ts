import type { Json, JsonObject } from '../dsl/json.ts'
import type { FunctionSpec, Invocation, LogLine } from './contract.ts'
import { cpuOf } from './names.ts'
import { maskSecrets, secretValues } from './secrets.ts'

/**
 * The `context` of an in-process handler (functions.md, 2), made once per invocation in the fastest path of the product:
 * one field, everything else is computed when read.
 */
export class ModuleContext {
  readonly #invocation: Invocation

  constructor(invocation: Invocation) {
    this.#invocation = invocation
  }

  /** 1 for the first invocation of a node, then counting. */
  get attempt(): number {
    return this.#invocation.attempt
  }

  /** Aborts when the invocation is cancelled or out of time. */
  get signal(): AbortSignal {
    return this.#invocation.signal
  }

  /** In callback nodes `{ token, url }`. */
  get callback(): { readonly token: string; readonly url: string } | undefined {
    return this.#invocation.callback
  }

  /** Idempotency key: the same for every delivery of one attempt. */
  get requestId(): string {
    return this.#invocation.requestId
  }

  get traceparent(): string | undefined {
    return this.#invocation.traceparent
  }

  get logger(): ModuleLogger {
    return new ModuleLogger(this.#invocation)
  }

  get request_id(): string {
    return this.#invocation.requestId
  }

  get function_name(): string {
    return this.#spec.name
  }

  get function_version(): string {
    return versionOf(this.#invocation, '$LATEST')
  }

  get namespace(): string {
    return this.#spec.app
  }

  get memory_limit_in_mb(): number {
    return this.#spec.memoryMb
  }

  get time_limit_in_ms(): number {
    return this.#spec.timeoutMs ?? Math.max(0, this.#invocation.deadline - Date.now())
  }

  get environment(): string {
    return `{"SCF_NAMESPACE": "${this.#spec.app}"}`
  }

  get environ(): string {
    return `SCF_NAMESPACE=${this.#spec.app};SCF_NAMESPACE=${this.#spec.app}`
  }

  get tencentcloud_region(): string {
    return ''
  }

  get tencentcloud_appid(): string {
    return ''
  }

  get tencentcloud_uin(): string {
    return ''
  }

  getRequestID(): string {
    return this.#invocation.requestId
  }

  getRemainingTimeInMilliSeconds(): number {
    return Math.max(0, this.#invocation.deadline - Date.now())
  }

  /** A variable or secret of the function; undefined if there is none of that name. */
  getUserData(key: string): string | undefined {
    const { variables, secrets } = this.#spec.environment
    if (Object.hasOwn(secrets, key)) return secrets[key]
    return Object.hasOwn(variables, key) ? variables[key] : undefined
  }

  getFunctionName(): string {
    return this.#spec.name
  }

  /** FunctionGraph's name for the function's timeout, in seconds. */
  getRunningTimeInSeconds(): number {
    return Math.ceil(this.time_limit_in_ms / 1000)
  }

  getVersion(): string {
    return versionOf(this.#invocation, 'latest')
  }

  getMemorySize(): number {
    return this.#spec.memoryMb
  }

  getCPUNumber(): number {
    return cpuOf(this.#spec.memoryMb)
  }

  getPackage(): string {
    return this.#spec.app
  }

  getProjectID(): string {
    return ''
  }

  getToken(): string {
    return ''
  }

  getAccessKey(): string {
    return ''
  }

  getSecretKey(): string {
    return ''
  }

  getSecurityAccessKey(): string {
    return ''
  }

  getSecuritySecretKey(): string {
    return ''
  }

  getSecurityToken(): string {
    return ''
  }

  getLogger(): ModuleLogger {
    return this.logger
  }

  /** What JSON shows of it: SCF's keys. */
  toJSON(): JsonObject {
    const shown: Record<string, Json> = {}
    for (const key of SCF_KEYS) shown[key] = this[key]
    return shown
  }

  get #spec(): FunctionSpec {
    return this.#invocation.spec
  }
}

const SCF_KEYS = [
  'memory_limit_in_mb',
  'time_limit_in_ms',
  'request_id',
  'environment',
  'environ',
  'function_version',
  'function_name',
  'namespace',
  'tencentcloud_region',
  'tencentcloud_appid',
  'tencentcloud_uin',
] as const

/** The version that the reference names; SCF and FunctionGraph write the editable one differently. */
function versionOf(invocation: Invocation, latest: string): string {
  const reference = invocation.functionRef
  const colon = reference.indexOf(':')
  const qualifier = colon < 0 ? 'latest' : reference.slice(colon + 1)
  return qualifier === 'latest' || qualifier === '$LATEST' ? latest : qualifier
}

/** The `logger` of an in-process handler; `%s` and its kin are filled in. */
export class ModuleLogger {
  readonly #invocation: Invocation

  constructor(invocation: Invocation) {
    this.#invocation = invocation
  }

  debug(...values: unknown[]): void {
    this.#write('debug', values)
  }

  info(...values: unknown[]): void {
    this.#write('info', values)
  }

  warn(...values: unknown[]): void {
    this.#write('warn', values)
  }

  error(...values: unknown[]): void {
    this.#write('error', values)
  }

  #write(level: LogLine['level'], values: unknown[]): void {
    const { requestId } = this.#invocation
    const time = Date.now()
    // Not imported above: few handlers log, and the module costs every start-up some milliseconds.
    const { format } = process.getBuiltinModule('node:util')
    const shown = maskSecrets(format(...values), secretValues(this.#invocation.spec))
    for (const text of shown.split('\n')) this.#invocation.log({ time, requestId, level, text })
  }
}
