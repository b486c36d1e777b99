/** What a failed invocation, node or flow yields (flow-language.md, 5). A plain JSON object. */
export interface ErrorDocument {
  status: number
  errorType: string
  errorMessage: string
  stackTrace?: string[]
  /** `app/name:qualifier`, where a function was invoked. */
  function?: string
  attempt?: number
  cause?: ErrorDocument
}

/** Statuses of functions.md, 7 that this code refers to by name. */
export const STATUS = {
  badBody: 400,
  resultNotJson: 403,
  requestTooLarge: 406,
  responseTooLarge: 407,
  burstLimit: 429,
  codeThrew: 430,
  concurrencyQuota: 432,
  timeout: 433,
  outOfMemory: 434,
  noSuchFunction: 435,
  badParameter: 436,
  handlerNotFound: 437,
  functionDisabled: 438,
  processExited: 439,
  noSuchVersion: 442,
  loadError: 443,
  noResource: 449,
  initTimeout: 450,
  cancelled: 499,
  internal: 500,
} as const

/** The errorType of a status, where the function's code gives none (functions.md, 7). */
export const ERROR_TYPE_OF_STATUS: Readonly<Record<number, string>> = {
  403: 'ResultNotJson',
  405: 'ContainerStateExited',
  406: 'PayloadTooLarge',
  407: 'PayloadTooLarge',
  429: 'ResourceLimit',
  432: 'ResourceLimitReached',
  433: 'FunctionTimeout',
  434: 'OutOfMemory',
  435: 'FunctionNotFound',
  437: 'HandlerNotFound',
  438: 'FunctionStatusError',
  439: 'ProcessExited',
  442: 'QualifierNotFound',
  443: 'UserCodeError',
  445: 'ContainerInitError',
  446: 'PortBindingFailed',
  449: 'InsufficientResources',
  450: 'InitContainerTimeout',
  499: 'Cancelled',
}

/** The engine's own errors, by errorType, with their status (flow-language.md, 5). */
export const ENGINE_ERRORS = {
  PathNotFound: 400,
  NotAnArray: 400,
  NotAnObject: 400,
  ExpressionTypeError: 400,
  WaitTypeError: 400,
  PayloadTooLarge: 406,
  PayloadTooDeep: 407,
  /** A JSONPath that explodes on its document: this implementation's own limit. */
  PathTooCostly: 400,
  CallbackTimeout: 433,
  CallbackFailed: 430,
  SubflowFailed: 500,
  SubflowDepthExceeded: 508,
  FlowNotFound: 404,
  ChannelNotFound: 404,
  FlowTimeout: 433,
  Cancelled: 499,
} as const

export type EngineErrorType = keyof typeof ENGINE_ERRORS

/** Thrown when evaluating a node's data fails; the core turns it into the node's error document. */
export class NodeError extends Error {
  readonly document: ErrorDocument
  constructor(errorType: EngineErrorType, message: string, status: number = ENGINE_ERRORS[errorType]) {
    super(message)
    this.name = errorType
    this.document = { status, errorType, errorMessage: message }
  }
}
