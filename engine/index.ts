export { createEngine } from './create-engine.ts'
export { CronSyntaxError } from '../dsl/cron/errors.ts'
export { nextFires, type NextFiresOptions } from '../dsl/cron/next-fires.ts'
export { defineFlow } from '../dsl/define-flow.ts'
export { EngineError, ExecutionFailed, FlowInvalid, FunctionInvalid, type EngineErrorCode } from './errors.ts'
export { FunctionsFileError, loadFunctions } from './functions-file.ts'
export { decodeBytes, NotInFormat, type Decoded } from '../connectors/format.ts'
export type { OptionFinding, OwnConnector, OwnTrigger } from '../connectors/own.ts'
export { Backoff, deliverAllUntilTaken, deliverUntilTaken, pause, type BackoffOptions } from '../connectors/triggers/backoff.ts'
export {
  CannotSeek,
  type Advance,
  type Deliveries,
  type Delivery,
  type Place,
  type Places,
  type SeekTarget,
  type SourceState,
  type TriggerEvent,
  type TriggerHost,
  type TriggerSource,
} from '../connectors/triggers/contract.ts'
export { promiseExecutor } from '../executors/registry.ts'
export type {
  CallbackInfo,
  CallbackResult,
  Engine,
  EngineOptions,
  Execution,
  ExecutionEvent,
  ExecutionRecord,
  ExecutionStatus,
  FlowRecord,
  InvokeOptions,
  ListOptions,
  NodeRecord,
  NodeStatus,
  RerunOptions,
  RetryOptions,
  RerunPlan,
  StartOptions,
} from './api.ts'
export type { EngineFunctions, FunctionDocument } from './function-documents.ts'
export type { FunctionPutOptions, FunctionPutResult } from './function-uploads/api.ts'
export type {
  AliasTarget,
  Catalogue,
  CatalogueDefinition,
  CatalogueFlow,
  FlowAlias,
  FlowText,
  Page,
  PageOptions,
  Preconditions,
  PublishOptions,
  PutOptions,
  PutResult,
} from './catalogue/api.ts'
export type { Diagnostic } from '../dsl/diagnostics.ts'
export type { ErrorDocument } from '../dsl/errors.ts'
export type { Json, JsonObject } from '../dsl/json.ts'
export type { Plan } from '../dsl/plan.ts'
export type { FlowDefinition } from '../dsl/schema.ts'
export type { Executor, ExecutorFactory, ExecutorHost, FunctionSpec, Invocation, LogLine, ModuleHandler } from '../executors/contract.ts'
export type { ChannelOptions } from '../connectors/channels/options.ts'
export type { ConnectionOptions } from '../connectors/connections.ts'
export type { HttpDelivery, HttpTarget, TriggerCounts, TriggerRecord, Triggers } from './triggers/api.ts'
