// Written by scripts/generate.ts from the OpenAPI document; do not edit.

export type ClientOptions = {
  baseUrl: `${string}://${string}` | (string & {})
}

/**
 * Something that is done to many executions.
 */
export type Batch = {
  /**
   * Id of a batch.
   */
  id: string
  action: 'stop' | 'retry' | 'delete'
  status: 'running' | 'completed'
  /**
   * Executions that matched when it began; grows while they are looked up.
   */
  total: number
  succeeded: number
  failed: number
  /**
   * Why it failed for some: the first hundred.
   */
  errors: Array<{
    /**
     * Id of an execution.
     */
    execution: string
    code: string
    message: string
  }>
  /**
   * Milliseconds since 1970.
   */
  createdAt: number
  /**
   * Milliseconds since 1970.
   */
  endedAt?: number
}

/**
 * How what a callback node waits for has ended.
 */
export type CallbackResult =
  | {
      status: 'succeeded'
      output?: Json
    }
  | {
      status: 'failed'
      error?: {
        errorType?: string
        errorMessage?: string
      }
    }

export type CallbackTaken = {
  status: 'taken'
}

export type DeployedFlow = {
  flow: string
  version: string
  /**
   * Hash of the definition.
   */
  revision: string
  mode: 'standard' | 'express'
  /**
   * Milliseconds since 1970.
   */
  deployedAt: number
  warnings: Array<Diagnostic>
}

/**
 * One finding about a definition.
 */
export type Diagnostic = {
  rule:
    | 'syntax'
    | 'schema'
    | 'duplicate-key'
    | 'unknown-node'
    | 'unreachable-node'
    | 'cycle'
    | 'start-target'
    | 'next-target'
    | 'error-source'
    | 'error-target'
    | 'branch-target'
    | 'condition-default'
    | 'branch-overlap'
    | 'complete-count'
    | 'dead-end'
    | 'loop-body'
    | 'service-body'
    | 'callback-in-service'
    | 'too-many-nodes'
    | 'retry-range'
    | 'loop-concurrency'
    | 'expression-syntax'
    | 'jsonpath-syntax'
    | 'unknown-function'
    | 'unknown-flow'
    | 'unknown-channel'
    | 'express-duration'
    | 'cron-syntax'
    | 'unknown-connection'
    | 'path-taken'
    | 'group-taken'
  severity: 'error' | 'warning'
  message: string
  /**
   * Keys and indexes from the root of the definition.
   */
  path: Array<string | number>
  /**
   * From 1.
   */
  line?: number
  /**
   * From 1.
   */
  column?: number
}

/**
 * What a failed function, node or execution yields.
 */
export type ErrorDocument = {
  /**
   * As functions have it: 430 for code that threw, 433 for a timeout …
   */
  status: number
  errorType: string
  errorMessage: string
  /**
   * `app/name:qualifier`, where a function was invoked.
   */
  function?: string
  attempt?: number
  cause?: ErrorDocument
}

/**
 * An execution, whole.
 */
export type Execution = {
  /**
   * Id of an execution.
   */
  id: string
  flow: string
  version: string
  /**
   * Hash of the definition that it runs.
   */
  revision?: string
  mode: 'standard' | 'express'
  /**
   * That its start gave.
   */
  name?: string
  status: ExecutionStatus
  /**
   * Milliseconds since 1970.
   */
  startedAt: number
  /**
   * Milliseconds since 1970.
   */
  endedAt?: number
  error?: ErrorDocument
  /**
   * Of a child: the node that has started it.
   */
  parent?: {
    execution: string
    node: string
  }
  /**
   * The execution that this one retries or runs again.
   */
  retryOf?: string
  trigger?: {
    type: string
    name?: string
  }
  /**
   * On a cluster: what keeps it from going on, with the remedy.
   */
  problems?: Array<string>
  input?: Json
  output?: Json
}

export type ExecutionPage = {
  items: Array<ExecutionSummary>
  /**
   * For `cursor` of the next request; absent on the last page.
   */
  nextCursor?: string
}

/**
 * State of an execution.
 */
export type ExecutionStatus = 'running' | 'succeeded' | 'failed' | 'cancelled' | 'timedOut'

/**
 * An execution without its input and output.
 */
export type ExecutionSummary = {
  /**
   * Id of an execution.
   */
  id: string
  flow: string
  version: string
  /**
   * Hash of the definition that it runs.
   */
  revision?: string
  mode: 'standard' | 'express'
  /**
   * That its start gave.
   */
  name?: string
  status: ExecutionStatus
  /**
   * Milliseconds since 1970.
   */
  startedAt: number
  /**
   * Milliseconds since 1970.
   */
  endedAt?: number
  error?: ErrorDocument
  /**
   * Of a child: the node that has started it.
   */
  parent?: {
    execution: string
    node: string
  }
  /**
   * The execution that this one retries or runs again.
   */
  retryOf?: string
  trigger?: {
    type: string
    name?: string
  }
  /**
   * On a cluster: what keeps it from going on, with the remedy.
   */
  problems?: Array<string>
}

export type FireTrigger = {
  /**
   * The event document; default: {}.
   */
  event?: Json
}

export type Flow = {
  flow: string
  version: string
  /**
   * Hash of the definition.
   */
  revision: string
  mode: 'standard' | 'express'
  /**
   * Milliseconds since 1970.
   */
  deployedAt: number
}

/**
 * What an alias leads to: a version, or two by their weights.
 */
export type FlowAlias = {
  alias: string
  version?: string
  versions?: Array<{
    version: string
    weight: number
  }>
  /**
   * Milliseconds since 1970.
   */
  updatedAt: number
}

export type FlowAliasPage = {
  items: Array<FlowAlias>
  /**
   * For `cursor` of the next request; absent on the last page.
   */
  nextCursor?: string
}

/**
 * A flow, as docs/language.md has it; flow.schema.json of the package has all of it.
 */
export type FlowDefinition = {
  flow: string
  start: string
  nodes: {
    [key: string]: unknown
  }
  [key: string]: unknown
}

export type FlowPage = {
  items: Array<Flow>
  /**
   * For `cursor` of the next request; absent on the last page.
   */
  nextCursor?: string
}

/**
 * A version of a flow, which never changes.
 */
export type FlowVersion = {
  flow: string
  version: string
  /**
   * Hash of the definition.
   */
  revision: string
  mode: 'standard' | 'express'
  /**
   * Milliseconds since 1970.
   */
  publishedAt: number
  description?: string
}

export type FlowVersionPage = {
  items: Array<FlowVersion>
  /**
   * For `cursor` of the next request; absent on the last page.
   */
  nextCursor?: string
}

export type FlowVersionWithDefinition = {
  flow: string
  version: string
  /**
   * Hash of the definition.
   */
  revision: string
  mode: 'standard' | 'express'
  /**
   * Milliseconds since 1970.
   */
  publishedAt: number
  description?: string
  definition: FlowDefinition
}

/**
 * A function, as functions.yaml has it, without code and secrets.
 */
export type Function = {
  app: string
  name: string
  runtime: string
  handler: string
  initializer?: string
  /**
   * Seconds.
   */
  initializerTimeout: number
  /**
   * Seconds; absent: none of its own.
   */
  timeout?: number
  /**
   * MB.
   */
  memory: number
  environment: {
    variables: {
      [key: string]: string
    }
    /**
     * Their names; the values stay in the server.
     */
    secrets: Array<string>
  }
  concurrency: {
    perInstance: number
    maxInstances: number
    reserved: number
    /**
     * Seconds.
     */
    idleTimeout: number
  }
  pool?: string
  gpu?: {
    type: string
    /**
     * GiB.
     */
    memory: number
  }
  /**
   * SHA-256 of the zip that it was put with.
   */
  codeHash?: string
}

/**
 * A function as functions.yaml has it (docs/functions.md), with its name and app, and its code as a zip.
 */
export type FunctionDefinition = {
  /**
   * Default: default, or that of the path.
   */
  app?: string
  /**
   * In a PUT it may be left out.
   */
  name?: string
  /**
   * python or nodejs, or one of the engine’s own executors.
   */
  runtime: string
  /**
   * file.function
   */
  handler?: string
  /**
   * A zip, as base64; 50 MiB at most.
   */
  code?: string
  [key: string]: unknown
}

export type FunctionPage = {
  items: Array<Function>
  /**
   * For `cursor` of the next request; absent on the last page.
   */
  nextCursor?: string
}

/**
 * What the function gets: any JSON value; without a body {}.
 */
export type InvocationBody = unknown

/**
 * What the function has returned: any JSON value.
 */
export type InvocationResult = unknown

/**
 * Any JSON value.
 */
export type Json = unknown

export type Liveness = {
  status: 'ok'
}

/**
 * A line that a function has logged.
 */
export type LogLine = {
  /**
   * Milliseconds since 1970.
   */
  time: number
  requestId: string
  level: 'debug' | 'info' | 'warn' | 'error'
  text: string
  node?: string
  /**
   * Of the node; absent from lines of earlier versions.
   */
  attempt?: number
}

export type LogPage = {
  items: Array<LogLine>
  /**
   * For `cursor` of the next request; absent on the last page.
   */
  nextCursor?: string
}

/**
 * What became of one node.
 */
export type Node = {
  id: string
  /**
   * `each[17]/charge`: the containers with branch or iteration index, then the id.
   */
  place: string
  type: string
  label: string
  status: NodeStatus
  /**
   * Invocations made; of a container its runs.
   */
  attempts: number
  /**
   * Milliseconds since 1970.
   */
  startedAt: number
  /**
   * Milliseconds since 1970.
   */
  endedAt?: number
  /**
   * Behind the input filter.
   */
  input?: Json
  /**
   * Behind the output filter; of a caught node its error document.
   */
  output?: Json
  error?: ErrorDocument
  /**
   * References of its parameters that yielded nothing.
   */
  unresolved?: Array<string>
  /**
   * Of a loop.
   */
  iterations?: {
    total: number
    succeeded: number
    failed: number
    running: number
  }
}

export type NodePage = {
  items: Array<Node>
  /**
   * For `cursor` of the next request; absent on the last page.
   */
  nextCursor?: string
}

/**
 * State of a node.
 */
export type NodeStatus = 'running' | 'retrying' | 'waiting' | 'succeeded' | 'failed' | 'caught' | 'cancelled'

/**
 * A problem document (RFC 9457).
 */
export type Problem = {
  /**
   * `urn:fnflow:problem:` and the code.
   */
  type: string
  title: string
  status: number
  detail: string
  code: ProblemCode
  /**
   * Of `flow-invalid` and `function-invalid`: every finding.
   */
  diagnostics?: Array<Diagnostic>
  /**
   * Of what does not parse, from 1.
   */
  line?: number
  column?: number
  /**
   * Of `execution-failed` and `execution-timed-out`.
   */
  error?: ErrorDocument
  execution?: ExecutionSummary
  [key: string]: unknown
}

/**
 * What is wrong, for programs.
 */
export type ProblemCode =
  | 'flow-invalid'
  | 'flow-not-found'
  | 'function-not-found'
  | 'function-invalid'
  | 'version-not-found'
  | 'alias-not-found'
  | 'flow-running'
  | 'precondition-failed'
  | 'name-mismatch'
  | 'trigger-not-found'
  | 'execution-not-found'
  | 'execution-not-running'
  | 'execution-running'
  | 'execution-not-failed'
  | 'retry-running'
  | 'node-not-reached'
  | 'node-not-found'
  | 'batch-not-found'
  | 'node-not-waiting'
  | 'not-express'
  | 'callback-not-found'
  | 'callback-already-used'
  | 'callback-expired'
  | 'payload-too-large'
  | 'payload-too-deep'
  | 'conflict'
  | 'path-taken'
  | 'too-many-executions'
  | 'store-locked'
  | 'store-unusable'
  | 'store-failed'
  | 'channel-unavailable'
  | 'connection-unavailable'
  | 'temporal-unavailable'
  | 'bad-request'
  | 'malformed-json'
  | 'malformed-yaml'
  | 'unauthorized'
  | 'forbidden'
  | 'not-found'
  | 'method-not-allowed'
  | 'request-timeout'
  | 'express'
  | 'unsupported-media-type'
  | 'invalid-body'
  | 'execution-failed'
  | 'unsupported'
  | 'rate-limited'
  | 'headers-too-large'
  | 'internal-error'
  | 'shutting-down'
  | 'not-ready'
  | 'execution-timed-out'

export type PublishedMessage = {
  messageId: string
  /**
   * How many it has started.
   */
  executions: number
}

export type Readiness = {
  /**
   * `degraded`: something is missing that it can do without.
   */
  status: 'ready' | 'degraded'
  dependencies: {
    [key: string]: {
      state: 'ok' | 'recovering' | 'failed'
      /**
       * Executions that are still to be read.
       */
      left?: number
      required?: boolean
      /**
       * Of a broker that is away: its words.
       */
      reason?: string
    }
  }
  /**
   * For which this process brings events; absent: there are none.
   */
  triggers?: Array<{
    flow: string
    name: string
    state: 'running' | 'paused' | 'connecting' | 'reconnecting' | 'failed'
    /**
     * What is wrong with it.
     */
    reason?: string
  }>
}

export type RerunExecution = {
  /**
   * The node from which on it runs again; default: the start.
   */
  from?: string
  /**
   * Replaces the input of `from`.
   */
  input?: Json
  /**
   * Another version of the flow; default: the execution's own definition.
   */
  version?: string
  /**
   * Only say what would run again.
   */
  dryRun?: boolean
}

/**
 * What a rerun would keep, and what it would run again.
 */
export type RerunPlan = {
  kept: Array<{
    node: string
  }>
  again: Array<{
    node: string
    reason: string
  }>
}

export type SeekTrigger = {
  /**
   * `earliest`, `latest`, a time (milliseconds since 1970, or ISO 8601 with a time zone), or the places of single parts, such as `{ "main/orders/0": 42 }`.
   */
  to:
    | string
    | number
    | {
        [key: string]: Json
      }
}

export type StartBatch = {
  action: 'stop' | 'retry' | 'delete'
  /**
   * As of the list of executions, with at least one member.
   */
  filter: {
    flow?: string | Array<string>
    status?: ExecutionStatus | Array<ExecutionStatus>
    trigger?: string
    /**
     * Milliseconds since 1970, or ISO 8601 with a time zone.
     */
    startedAfter?: number | string
    /**
     * Milliseconds since 1970, or ISO 8601 with a time zone.
     */
    startedBefore?: number | string
    /**
     * Id of an execution.
     */
    parent?: string
    /**
     * Unique per flow for 90 days.
     */
    name?: string
  }
}

/**
 * What an execution is started with.
 */
export type StartExecution = {
  /**
   * Default: {}.
   */
  input?: Json
  /**
   * Unique per flow for 90 days: the same name and input again are the same execution, another input is 409. Not of express flows.
   */
  name?: string
  /**
   * A version or alias; default: latest.
   */
  version?: string
}

/**
 * What an express execution is started with.
 */
export type StartSyncExecution = {
  /**
   * Default: {}.
   */
  input?: Json
  /**
   * A version or alias; default: latest.
   */
  version?: string
}

export type StartedExecution = {
  /**
   * Id of an execution.
   */
  executionId: string
}

export type Statistics = {
  items: Array<{
    flow: string
    /**
     * Milliseconds since 1970.
     */
    from: number
    /**
     * Milliseconds since 1970.
     */
    to: number
    /**
     * That ended in the period.
     */
    executions: number
    /**
     * Of these, those that failed or timed out.
     */
    failures: number
    /**
     * Milliseconds, within 5 %.
     */
    p50: number
    p95: number
  }>
}

/**
 * An express execution that has succeeded.
 */
export type SyncExecution = {
  execution: ExecutionSummary
  output: Json
}

/**
 * A message for the flows that are subscribed to a topic.
 */
export type TopicMessage = {
  message: Json
  subject?: string
  /**
   * Handed on with the message.
   */
  attributes?: {
    [key: string]: unknown
  }
}

/**
 * What starts a flow by itself.
 */
export type Trigger = {
  flow: string
  name: string
  type: 'timer' | 'kafka' | 'rabbitmq' | 'http' | 'topic' | 'custom'
  enabled: boolean
  state: 'running' | 'paused' | 'connecting' | 'reconnecting' | 'failed' | 'disabled'
  error?: {
    message: string
    /**
     * Milliseconds since 1970.
     */
    since: number
  }
  /**
   * Events that wait where they come from.
   */
  lag: number
  /**
   * Executions that it has started here and that have not ended.
   */
  inFlight: number
  lastEventAt: number | null
  /**
   * Of timers: when they fire next; of one that is disabled never.
   */
  nextFires?: Array<number>
  counts: {
    started: number
    filtered: number
    /**
     * Events that came again.
     */
    deduplicated: number
    deadLettered: number
    /**
     * Events that could not start the flow.
     */
    skipped: number
    lost: number
    withoutId: number
  }
}

export type TriggerPage = {
  items: Array<Trigger>
  /**
   * For `cursor` of the next request; absent on the last page.
   */
  nextCursor?: string
}

/**
 * What deploying a definition would say.
 */
export type Validation = {
  valid: boolean
  diagnostics: Array<Diagnostic>
}

export type GetHealthData = {
  body?: never
  path?: never
  query?: never
  url: '/healthz'
}

export type GetHealthResponses = {
  /**
   * it does
   */
  200: Liveness
}

export type GetHealthResponse = GetHealthResponses[keyof GetHealthResponses]

export type GetReadinessData = {
  body?: never
  path?: never
  query?: never
  url: '/readyz'
}

export type GetReadinessResponses = {
  /**
   * it does
   */
  200: Readiness
}

export type GetReadinessResponse = GetReadinessResponses[keyof GetReadinessResponses]

export type GetMetricsData = {
  body?: never
  path?: never
  query?: never
  url: '/metrics'
}

export type GetMetricsResponses = {
  /**
   * the metrics
   */
  200: string
}

export type GetMetricsResponse = GetMetricsResponses[keyof GetMetricsResponses]

export type GetOpenApiData = {
  body?: never
  path?: never
  query?: never
  url: '/openapi.json'
}

export type GetOpenApiResponses = {
  /**
   * an OpenAPI 3.1 document
   */
  200: {
    [key: string]: unknown
  }
}

export type GetOpenApiResponse = GetOpenApiResponses[keyof GetOpenApiResponses]

export type ListFlowsData = {
  body?: never
  path?: never
  query?: {
    /**
     * How many at most; default 50.
     */
    limit?: number
    /**
     * `nextCursor` of the page before.
     */
    cursor?: string
  }
  url: '/v1/flows'
}

export type ListFlowsResponses = {
  /**
   * a page of flows
   */
  200: FlowPage
}

export type ListFlowsResponse = ListFlowsResponses[keyof ListFlowsResponses]

export type CreateFlowData = {
  body: FlowDefinition
  headers?: {
    /**
     * The request is made once, however often it is sent with this key; its answer is given again for 7 days.
     */
    'Idempotency-Key'?: string
  }
  path?: never
  query?: never
  url: '/v1/flows'
}

export type CreateFlowResponses = {
  /**
   * it is deployed
   */
  201: DeployedFlow
}

export type CreateFlowResponse = CreateFlowResponses[keyof CreateFlowResponses]

export type DeleteFlowData = {
  body?: never
  headers?: {
    /**
     * Only a definition that has this ETag.
     */
    'if-match'?: string
  }
  path: {
    /**
     * Name of a flow.
     */
    name: string
  }
  query?: {
    /**
     * `true`: although executions run; they end as cancelled.
     */
    force?: 'true' | 'false'
  }
  url: '/v1/flows/{name}'
}

export type DeleteFlowResponses = {
  /**
   * it is deleted
   */
  204: void
}

export type DeleteFlowResponse = DeleteFlowResponses[keyof DeleteFlowResponses]

export type GetFlowData = {
  body?: never
  headers?: {
    /**
     * What is known already.
     */
    'if-none-match'?: string
  }
  path: {
    /**
     * Name of a flow.
     */
    name: string
  }
  query?: {
    /**
     * A version or alias.
     */
    version?: string
  }
  url: '/v1/flows/{name}'
}

export type GetFlowResponses = {
  /**
   * the definition
   */
  200: FlowDefinition
}

export type GetFlowResponse = GetFlowResponses[keyof GetFlowResponses]

export type PutFlowData = {
  body: FlowDefinition
  headers?: {
    /**
     * Only a definition that has this ETag.
     */
    'if-match'?: string
    /**
     * `*`: only if there is none.
     */
    'if-none-match'?: string
  }
  path: {
    /**
     * Name of a flow.
     */
    name: string
  }
  query?: never
  url: '/v1/flows/{name}'
}

export type PutFlowResponses = {
  /**
   * it is replaced
   */
  200: DeployedFlow
  /**
   * it is deployed
   */
  201: DeployedFlow
}

export type PutFlowResponse = PutFlowResponses[keyof PutFlowResponses]

export type ValidateFlowData = {
  /**
   * A flow.
   */
  body: unknown
  headers?: {
    /**
     * The request is made once, however often it is sent with this key; its answer is given again for 7 days.
     */
    'Idempotency-Key'?: string
  }
  path?: never
  query?: never
  url: '/v1/flows:validate'
}

export type ValidateFlowResponses = {
  /**
   * what deploying it would say
   */
  200: Validation
}

export type ValidateFlowResponse = ValidateFlowResponses[keyof ValidateFlowResponses]

export type ListFlowVersionsData = {
  body?: never
  path: {
    /**
     * Name of a flow.
     */
    name: string
  }
  query?: {
    /**
     * How many at most; default 50.
     */
    limit?: number
    /**
     * `nextCursor` of the page before.
     */
    cursor?: string
  }
  url: '/v1/flows/{name}/versions'
}

export type ListFlowVersionsResponses = {
  /**
   * a page of versions
   */
  200: FlowVersionPage
}

export type ListFlowVersionsResponse = ListFlowVersionsResponses[keyof ListFlowVersionsResponses]

export type PublishFlowData = {
  body?: {
    /**
     * Default: the next number.
     */
    version?: string
    description?: string
  }
  headers?: {
    /**
     * The request is made once, however often it is sent with this key; its answer is given again for 7 days.
     */
    'Idempotency-Key'?: string
  }
  path: {
    /**
     * Name of a flow.
     */
    name: string
  }
  query?: never
  url: '/v1/flows/{name}/versions'
}

export type PublishFlowResponses = {
  /**
   * it is published
   */
  201: FlowVersion
}

export type PublishFlowResponse = PublishFlowResponses[keyof PublishFlowResponses]

export type GetFlowVersionData = {
  body?: never
  path: {
    /**
     * Name of a flow.
     */
    name: string
    /**
     * A version or alias.
     */
    version: string
  }
  query?: never
  url: '/v1/flows/{name}/versions/{version}'
}

export type GetFlowVersionResponses = {
  /**
   * the version
   */
  200: FlowVersionWithDefinition
}

export type GetFlowVersionResponse = GetFlowVersionResponses[keyof GetFlowVersionResponses]

export type ListFlowAliasesData = {
  body?: never
  path: {
    /**
     * Name of a flow.
     */
    name: string
  }
  query?: {
    /**
     * How many at most; default 50.
     */
    limit?: number
    /**
     * `nextCursor` of the page before.
     */
    cursor?: string
  }
  url: '/v1/flows/{name}/aliases'
}

export type ListFlowAliasesResponses = {
  /**
   * a page of aliases
   */
  200: FlowAliasPage
}

export type ListFlowAliasesResponse = ListFlowAliasesResponses[keyof ListFlowAliasesResponses]

export type DeleteFlowAliasData = {
  body?: never
  path: {
    /**
     * Name of a flow.
     */
    name: string
    /**
     * An alias: not `latest`, nor a number, nor the name of a version.
     */
    alias: string
  }
  query?: never
  url: '/v1/flows/{name}/aliases/{alias}'
}

export type DeleteFlowAliasResponses = {
  /**
   * it is deleted
   */
  204: void
}

export type DeleteFlowAliasResponse = DeleteFlowAliasResponses[keyof DeleteFlowAliasResponses]

export type PutFlowAliasData = {
  body: unknown & {
    /**
     * Name of a version: 1 to 42 letters, digits, `.`, `_` and `-`, not `latest`.
     */
    version?: string
    /**
     * Two different versions whose weights make 100.
     */
    versions?: [
      {
        /**
         * Name of a version: 1 to 42 letters, digits, `.`, `_` and `-`, not `latest`.
         */
        version: string
        weight: number
      },
      {
        /**
         * Name of a version: 1 to 42 letters, digits, `.`, `_` and `-`, not `latest`.
         */
        version: string
        weight: number
      },
    ]
  }
  path: {
    /**
     * Name of a flow.
     */
    name: string
    /**
     * An alias: not `latest`, nor a number, nor the name of a version.
     */
    alias: string
  }
  query?: never
  url: '/v1/flows/{name}/aliases/{alias}'
}

export type PutFlowAliasResponses = {
  /**
   * it leads elsewhere
   */
  200: FlowAlias
  /**
   * it is made
   */
  201: FlowAlias
}

export type PutFlowAliasResponse = PutFlowAliasResponses[keyof PutFlowAliasResponses]

export type StartExecutionData = {
  body?: StartExecution
  headers?: {
    /**
     * The request is made once, however often it is sent with this key; its answer is given again for 7 days.
     */
    'Idempotency-Key'?: string
  }
  path: {
    /**
     * Name of a flow.
     */
    name: string
  }
  query?: never
  url: '/v1/flows/{name}/executions'
}

export type StartExecutionResponses = {
  /**
   * it is started
   */
  202: ExecutionSummary
}

export type StartExecutionResponse = StartExecutionResponses[keyof StartExecutionResponses]

export type StartSyncExecutionData = {
  body?: StartSyncExecution
  headers?: {
    /**
     * The request is made once, however often it is sent with this key; its answer is given again for 7 days.
     */
    'Idempotency-Key'?: string
  }
  path: {
    /**
     * Name of a flow.
     */
    name: string
  }
  query?: never
  url: '/v1/flows/{name}/sync-executions'
}

export type StartSyncExecutionResponses = {
  /**
   * it has succeeded
   */
  200: SyncExecution
}

export type StartSyncExecutionResponse = StartSyncExecutionResponses[keyof StartSyncExecutionResponses]

export type ListExecutionsData = {
  body?: never
  path?: never
  query?: {
    /**
     * A flow; may be given several times.
     */
    flow?: string | Array<string>
    /**
     * A state; may be given several times.
     */
    status?: ExecutionStatus | Array<ExecutionStatus>
    /**
     * What started it: a type (`retry`), or type and name (`cron/nightly`).
     */
    trigger?: string
    /**
     * Started then or later. Milliseconds since 1970, or ISO 8601 with a time zone.
     */
    startedAfter?: string
    /**
     * Started before. Milliseconds since 1970, or ISO 8601 with a time zone.
     */
    startedBefore?: string
    /**
     * Id of an execution.
     */
    parent?: string
    /**
     * Unique per flow for 90 days.
     */
    name?: string
    /**
     * How many at most; default 50.
     */
    limit?: number
    /**
     * `nextCursor` of the page before.
     */
    cursor?: string
  }
  url: '/v1/executions'
}

export type ListExecutionsResponses = {
  /**
   * a page of them
   */
  200: ExecutionPage
}

export type ListExecutionsResponse = ListExecutionsResponses[keyof ListExecutionsResponses]

export type DeleteExecutionData = {
  body?: never
  path: {
    /**
     * Id of an execution.
     */
    id: string
  }
  query?: never
  url: '/v1/executions/{id}'
}

export type DeleteExecutionResponses = {
  /**
   * it is deleted
   */
  204: void
}

export type DeleteExecutionResponse = DeleteExecutionResponses[keyof DeleteExecutionResponses]

export type GetExecutionData = {
  body?: never
  path: {
    /**
     * Id of an execution.
     */
    id: string
  }
  query?: {
    /**
     * Seconds: answers as soon as the execution has ended, or after them.
     */
    wait?: number
  }
  url: '/v1/executions/{id}'
}

export type GetExecutionResponses = {
  /**
   * the execution as it is now
   */
  200: Execution
}

export type GetExecutionResponse = GetExecutionResponses[keyof GetExecutionResponses]

export type FollowExecutionData = {
  body?: never
  headers?: {
    /**
     * Only what came behind this event.
     */
    'last-event-id'?: string
  }
  path: {
    /**
     * Id of an execution.
     */
    id: string
  }
  query?: never
  url: '/v1/executions/{id}/events'
}

export type FollowExecutionResponses = {
  /**
   * server-sent events `node` and `execution`, their `data` a Node or an ExecutionSummary
   */
  200: unknown
}

export type StopExecutionData = {
  body?: never
  headers?: {
    /**
     * The request is made once, however often it is sent with this key; its answer is given again for 7 days.
     */
    'Idempotency-Key'?: string
  }
  path: {
    /**
     * Id of an execution.
     */
    id: string
  }
  query?: never
  url: '/v1/executions/{id}/stop'
}

export type StopExecutionResponses = {
  /**
   * it ends as cancelled
   */
  202: ExecutionSummary
}

export type StopExecutionResponse = StopExecutionResponses[keyof StopExecutionResponses]

export type RetryExecutionData = {
  body?: never
  headers?: {
    /**
     * The request is made once, however often it is sent with this key; its answer is given again for 7 days.
     */
    'Idempotency-Key'?: string
  }
  path: {
    /**
     * Id of an execution.
     */
    id: string
  }
  query?: never
  url: '/v1/executions/{id}/retry'
}

export type RetryExecutionResponses = {
  /**
   * the new execution is started
   */
  202: ExecutionSummary
}

export type RetryExecutionResponse = RetryExecutionResponses[keyof RetryExecutionResponses]

export type RerunExecutionData = {
  body?: RerunExecution
  headers?: {
    /**
     * The request is made once, however often it is sent with this key; its answer is given again for 7 days.
     */
    'Idempotency-Key'?: string
  }
  path: {
    /**
     * Id of an execution.
     */
    id: string
  }
  query?: never
  url: '/v1/executions/{id}/rerun'
}

export type RerunExecutionResponses = {
  /**
   * of a dry run: what would run again
   */
  200: RerunPlan
  /**
   * the new execution is started
   */
  202: ExecutionSummary
}

export type RerunExecutionResponse = RerunExecutionResponses[keyof RerunExecutionResponses]

export type ListNodesData = {
  body?: never
  path: {
    /**
     * Id of an execution.
     */
    id: string
  }
  query?: {
    /**
     * How many at most; default 50.
     */
    limit?: number
    /**
     * `nextCursor` of the page before.
     */
    cursor?: string
  }
  url: '/v1/executions/{id}/nodes'
}

export type ListNodesResponses = {
  /**
   * a page of nodes
   */
  200: NodePage
}

export type ListNodesResponse = ListNodesResponses[keyof ListNodesResponses]

export type ListIterationsData = {
  body?: never
  path: {
    /**
     * Id of an execution.
     */
    id: string
    /**
     * A node, by its id or place.
     */
    node: string
  }
  query?: {
    /**
     * How many at most; default 50.
     */
    limit?: number
    /**
     * `nextCursor` of the page before.
     */
    cursor?: string
  }
  url: '/v1/executions/{id}/nodes/{node}/iterations'
}

export type ListIterationsResponses = {
  /**
   * the nodes of some iterations
   */
  200: NodePage
}

export type ListIterationsResponse = ListIterationsResponses[keyof ListIterationsResponses]

export type AnswerNodeData = {
  body: CallbackResult
  headers?: {
    /**
     * The request is made once, however often it is sent with this key; its answer is given again for 7 days.
     */
    'Idempotency-Key'?: string
  }
  path: {
    /**
     * Id of an execution.
     */
    id: string
    /**
     * A node, by its id or place.
     */
    node: string
  }
  query?: never
  url: '/v1/executions/{id}/nodes/{node}/callback'
}

export type AnswerNodeResponses = {
  /**
   * the answer is taken
   */
  200: CallbackTaken
}

export type AnswerNodeResponse = AnswerNodeResponses[keyof AnswerNodeResponses]

export type ListLogsData = {
  body?: never
  headers?: {
    /**
     * Of a stream: only the lines behind this one.
     */
    'last-event-id'?: string
  }
  path: {
    /**
     * Id of an execution.
     */
    id: string
  }
  query?: {
    /**
     * How many at most; default 50.
     */
    limit?: number
    /**
     * `nextCursor` of the page before.
     */
    cursor?: string
    /**
     * As server-sent events, until the execution has ended.
     */
    follow?: 'true' | 'false'
  }
  url: '/v1/executions/{id}/logs'
}

export type ListLogsResponses = {
  /**
   * a page of lines, by time; with `follow` events `log`, their `data` a LogLine, and one `end`
   */
  200: LogPage
}

export type ListLogsResponse = ListLogsResponses[keyof ListLogsResponses]

export type GetStatisticsData = {
  body?: never
  path?: never
  query?: {
    /**
     * A flow; may be given several times.
     */
    flow?: string | Array<string>
    /**
     * Taken to full hours; default: a week before `to`, for hours a day. Milliseconds since 1970, or ISO 8601 with a time zone.
     */
    from?: string
    /**
     * Default: now. Milliseconds since 1970, or ISO 8601 with a time zone.
     */
    to?: string
    /**
     * In UTC; default: day. At most 1,000 periods.
     */
    period?: 'hour' | 'day' | 'all'
  }
  url: '/v1/statistics'
}

export type GetStatisticsResponses = {
  /**
   * by flow, then by time; periods in which nothing ended are left out
   */
  200: Statistics
}

export type GetStatisticsResponse = GetStatisticsResponses[keyof GetStatisticsResponses]

export type StartBatchData = {
  body: StartBatch
  headers?: {
    /**
     * The request is made once, however often it is sent with this key; its answer is given again for 7 days.
     */
    'Idempotency-Key'?: string
  }
  path?: never
  query?: never
  url: '/v1/executions:batch'
}

export type StartBatchResponses = {
  /**
   * it is begun, and goes on by itself
   */
  202: Batch
}

export type StartBatchResponse = StartBatchResponses[keyof StartBatchResponses]

export type GetBatchData = {
  body?: never
  path: {
    /**
     * Id of a batch.
     */
    id: string
  }
  query?: never
  url: '/v1/batches/{id}'
}

export type GetBatchResponses = {
  /**
   * the batch as it is now
   */
  200: Batch
}

export type GetBatchResponse = GetBatchResponses[keyof GetBatchResponses]

export type GetExecutionDefinitionData = {
  body?: never
  path: {
    /**
     * Id of an execution.
     */
    id: string
  }
  query?: never
  url: '/v1/executions/{id}/definition'
}

export type GetExecutionDefinitionResponses = {
  /**
   * the definition
   */
  200: FlowDefinition
}

export type GetExecutionDefinitionResponse = GetExecutionDefinitionResponses[keyof GetExecutionDefinitionResponses]

export type AnswerCallbackData = {
  body: CallbackResult
  headers?: {
    /**
     * The request is made once, however often it is sent with this key; its answer is given again for 7 days.
     */
    'Idempotency-Key'?: string
  }
  path: {
    /**
     * The secret that the function was handed.
     */
    token: string
  }
  query?: never
  url: '/v1/callbacks/{token}'
}

export type AnswerCallbackResponses = {
  /**
   * the flow goes on
   */
  200: CallbackTaken
}

export type AnswerCallbackResponse = AnswerCallbackResponses[keyof AnswerCallbackResponses]

export type ListFunctionsData = {
  body?: never
  path?: never
  query?: {
    /**
     * How many at most; default 50.
     */
    limit?: number
    /**
     * `nextCursor` of the page before.
     */
    cursor?: string
  }
  url: '/v1/functions'
}

export type ListFunctionsResponses = {
  /**
   * a page of functions
   */
  200: FunctionPage
}

export type ListFunctionsResponse = ListFunctionsResponses[keyof ListFunctionsResponses]

export type CreateFunctionData = {
  body: FunctionDefinition
  headers?: {
    /**
     * The request is made once, however often it is sent with this key; its answer is given again for 7 days.
     */
    'Idempotency-Key'?: string
  }
  path?: never
  query?: never
  url: '/v1/functions'
}

export type CreateFunctionResponses = {
  /**
   * it is there
   */
  201: Function
}

export type CreateFunctionResponse = CreateFunctionResponses[keyof CreateFunctionResponses]

export type DeleteFunctionData = {
  body?: never
  headers?: {
    /**
     * Only a definition that has this ETag.
     */
    'if-match'?: string
  }
  path: {
    /**
     * The app that the function is of.
     */
    app: string
    /**
     * Name of a function; of an invocation also `name:version`.
     */
    name: string
  }
  query?: never
  url: '/v1/functions/{app}/{name}'
}

export type DeleteFunctionResponses = {
  /**
   * it is deleted
   */
  204: void
}

export type DeleteFunctionResponse = DeleteFunctionResponses[keyof DeleteFunctionResponses]

export type GetFunctionData = {
  body?: never
  headers?: {
    /**
     * What is known already.
     */
    'if-none-match'?: string
  }
  path: {
    /**
     * The app that the function is of.
     */
    app: string
    /**
     * Name of a function; of an invocation also `name:version`.
     */
    name: string
  }
  query?: never
  url: '/v1/functions/{app}/{name}'
}

export type GetFunctionResponses = {
  /**
   * the function
   */
  200: Function
}

export type GetFunctionResponse = GetFunctionResponses[keyof GetFunctionResponses]

export type PutFunctionData = {
  body: FunctionDefinition
  headers?: {
    /**
     * Only a definition that has this ETag.
     */
    'if-match'?: string
    /**
     * `*`: only if there is none.
     */
    'if-none-match'?: string
  }
  path: {
    /**
     * The app that the function is of.
     */
    app: string
    /**
     * Name of a function; of an invocation also `name:version`.
     */
    name: string
  }
  query?: never
  url: '/v1/functions/{app}/{name}'
}

export type PutFunctionResponses = {
  /**
   * it is replaced
   */
  200: Function
  /**
   * it is there
   */
  201: Function
}

export type PutFunctionResponse = PutFunctionResponses[keyof PutFunctionResponses]

export type InvokeFunctionData = {
  body?: InvocationBody
  headers?: {
    /**
     * sync (default): answers with the result.
     */
    'x-invoke-type'?: 'sync' | 'async'
    /**
     * tail: the last 4 KiB of the log come in X-Function-Log, as base64.
     */
    'x-log-type'?: 'tail' | 'none'
    /**
     * The request is made once, however often it is sent with this key; its answer is given again for 7 days.
     */
    'Idempotency-Key'?: string
  }
  path: {
    /**
     * The app that the function is of.
     */
    app: string
    /**
     * Name of a function; of an invocation also `name:version`.
     */
    name: string
  }
  query?: never
  url: '/v1/functions/{app}/{name}/invocations'
}

export type InvokeFunctionResponses = {
  /**
   * its result
   */
  200: InvocationResult
}

export type InvokeFunctionResponse = InvokeFunctionResponses[keyof InvokeFunctionResponses]

export type ListTriggersData = {
  body?: never
  path?: never
  query?: {
    /**
     * How many at most; default 50.
     */
    limit?: number
    /**
     * `nextCursor` of the page before.
     */
    cursor?: string
  }
  url: '/v1/triggers'
}

export type ListTriggersResponses = {
  /**
   * a page of triggers
   */
  200: TriggerPage
}

export type ListTriggersResponse = ListTriggersResponses[keyof ListTriggersResponses]

export type GetTriggerData = {
  body?: never
  path: {
    /**
     * Name of a flow.
     */
    flow: string
    /**
     * Name of a trigger of the flow.
     */
    name: string
  }
  query?: never
  url: '/v1/triggers/{flow}/{name}'
}

export type GetTriggerResponses = {
  /**
   * the trigger
   */
  200: Trigger
}

export type GetTriggerResponse = GetTriggerResponses[keyof GetTriggerResponses]

export type EnableTriggerData = {
  body?: never
  headers?: {
    /**
     * The request is made once, however often it is sent with this key; its answer is given again for 7 days.
     */
    'Idempotency-Key'?: string
  }
  path: {
    /**
     * Name of a flow.
     */
    flow: string
    /**
     * Name of a trigger of the flow.
     */
    name: string
  }
  query?: never
  url: '/v1/triggers/{flow}/{name}/enable'
}

export type EnableTriggerResponses = {
  /**
   * the trigger
   */
  200: Trigger
}

export type EnableTriggerResponse = EnableTriggerResponses[keyof EnableTriggerResponses]

export type DisableTriggerData = {
  body?: never
  headers?: {
    /**
     * The request is made once, however often it is sent with this key; its answer is given again for 7 days.
     */
    'Idempotency-Key'?: string
  }
  path: {
    /**
     * Name of a flow.
     */
    flow: string
    /**
     * Name of a trigger of the flow.
     */
    name: string
  }
  query?: never
  url: '/v1/triggers/{flow}/{name}/disable'
}

export type DisableTriggerResponses = {
  /**
   * the trigger
   */
  200: Trigger
}

export type DisableTriggerResponse = DisableTriggerResponses[keyof DisableTriggerResponses]

export type SeekTriggerData = {
  body: SeekTrigger
  headers?: {
    /**
     * The request is made once, however often it is sent with this key; its answer is given again for 7 days.
     */
    'Idempotency-Key'?: string
  }
  path: {
    /**
     * Name of a flow.
     */
    flow: string
    /**
     * Name of a trigger of the flow.
     */
    name: string
  }
  query?: never
  url: '/v1/triggers/{flow}/{name}/seek'
}

export type SeekTriggerResponses = {
  /**
   * the trigger
   */
  200: Trigger
}

export type SeekTriggerResponse = SeekTriggerResponses[keyof SeekTriggerResponses]

export type FireTriggerData = {
  body?: FireTrigger
  headers?: {
    /**
     * The request is made once, however often it is sent with this key; its answer is given again for 7 days.
     */
    'Idempotency-Key'?: string
  }
  path: {
    /**
     * Name of a flow.
     */
    flow: string
    /**
     * Name of a trigger of the flow.
     */
    name: string
  }
  query?: never
  url: '/v1/triggers/{flow}/{name}/fire'
}

export type FireTriggerResponses = {
  /**
   * it is started
   */
  202: StartedExecution
}

export type FireTriggerResponse = FireTriggerResponses[keyof FireTriggerResponses]

export type PublishMessageData = {
  body: TopicMessage
  headers?: {
    /**
     * The request is made once, however often it is sent with this key; its answer is given again for 7 days.
     */
    'Idempotency-Key'?: string
  }
  path: {
    /**
     * Name of a topic.
     */
    topic: string
  }
  query?: never
  url: '/v1/topics/{topic}/messages'
}

export type PublishMessageResponses = {
  /**
   * all of them are started
   */
  202: PublishedMessage
}

export type PublishMessageResponse = PublishMessageResponses[keyof PublishMessageResponses]
