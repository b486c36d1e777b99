// Written by scripts/generate.ts from the OpenAPI document; do not edit.
import type * as T from './types.ts'

/** What each operation takes and answers. */
export interface Operations {
  /** Whether this process answers */
  getHealth: { readonly data: T.GetHealthData; readonly answer: T.GetHealthResponses[keyof T.GetHealthResponses] }
  /** Whether this process takes work, and how what it stands on is */
  getReadiness: { readonly data: T.GetReadinessData; readonly answer: T.GetReadinessResponses[keyof T.GetReadinessResponses] }
  /** Metrics, in Prometheus' text format */
  getMetrics: { readonly data: T.GetMetricsData; readonly answer: T.GetMetricsResponses[keyof T.GetMetricsResponses] }
  /** This document */
  getOpenApi: { readonly data: T.GetOpenApiData; readonly answer: T.GetOpenApiResponses[keyof T.GetOpenApiResponses] }
  /** Deploys a new flow */
  createFlow: {
    readonly data: Omit<T.CreateFlowData, 'body'> & { readonly body: T.CreateFlowData['body'] | string }
    readonly answer: T.CreateFlowResponses[keyof T.CreateFlowResponses]
  }
  /** Deploys a flow, or replaces it */
  putFlow: {
    readonly data: Omit<T.PutFlowData, 'body'> & { readonly body: T.PutFlowData['body'] | string }
    readonly answer: T.PutFlowResponses[keyof T.PutFlowResponses]
  }
  /** Checks a definition; nothing is deployed */
  validateFlow: {
    readonly data: Omit<T.ValidateFlowData, 'body'> & { readonly body: T.ValidateFlowData['body'] | string }
    readonly answer: T.ValidateFlowResponses[keyof T.ValidateFlowResponses]
  }
  /** Starts an execution of a flow */
  startExecution: { readonly data: T.StartExecutionData; readonly answer: T.StartExecutionResponses[keyof T.StartExecutionResponses] }
  /** Starts an execution of an express flow and waits for its end */
  startSyncExecution: {
    readonly data: T.StartSyncExecutionData
    readonly answer: T.StartSyncExecutionResponses[keyof T.StartSyncExecutionResponses]
  }
  /** Executions, newest first */
  listExecutions: { readonly data: T.ListExecutionsData; readonly answer: T.ListExecutionsResponses[keyof T.ListExecutionsResponses] }
  /** An execution, at once or when it has ended */
  getExecution: { readonly data: T.GetExecutionData; readonly answer: T.GetExecutionResponses[keyof T.GetExecutionResponses] }
  /** What became of the nodes of an execution, in order of start */
  listNodes: { readonly data: T.ListNodesData; readonly answer: T.ListNodesResponses[keyof T.ListNodesResponses] }
  /** What became of the nodes inside of a loop, by iteration */
  listIterations: { readonly data: T.ListIterationsData; readonly answer: T.ListIterationsResponses[keyof T.ListIterationsResponses] }
  /** What the functions of an execution have logged */
  listLogs: { readonly data: T.ListLogsData; readonly answer: T.ListLogsResponses[keyof T.ListLogsResponses] }
  /** Follows an execution: its state so far, then every change, until it has ended */
  followExecution: { readonly data: T.FollowExecutionData; readonly answer: T.FollowExecutionResponses[keyof T.FollowExecutionResponses] }
  /** Stops an execution */
  stopExecution: { readonly data: T.StopExecutionData; readonly answer: T.StopExecutionResponses[keyof T.StopExecutionResponses] }
  /** Runs again what had failed or not ended, as a new execution */
  retryExecution: { readonly data: T.RetryExecutionData; readonly answer: T.RetryExecutionResponses[keyof T.RetryExecutionResponses] }
  /** Runs an ended execution again from a node on, as a new execution */
  rerunExecution: { readonly data: T.RerunExecutionData; readonly answer: T.RerunExecutionResponses[keyof T.RerunExecutionResponses] }
  /** Answers a callback node that waits */
  answerCallback: { readonly data: T.AnswerCallbackData; readonly answer: T.AnswerCallbackResponses[keyof T.AnswerCallbackResponses] }
  /** Lists the functions, by app and name */
  listFunctions: { readonly data: T.ListFunctionsData; readonly answer: T.ListFunctionsResponses[keyof T.ListFunctionsResponses] }
  /** Shows a function */
  getFunction: { readonly data: T.GetFunctionData; readonly answer: T.GetFunctionResponses[keyof T.GetFunctionResponses] }
  /** Invokes a function and waits for its result */
  invokeFunction: { readonly data: T.InvokeFunctionData; readonly answer: T.InvokeFunctionResponses[keyof T.InvokeFunctionResponses] }
}

export const OPERATIONS: { readonly [Id in keyof Operations]: readonly [method: string, path: string, textType?: string] } = {
  getHealth: ['GET', '/healthz'],
  getReadiness: ['GET', '/readyz'],
  getMetrics: ['GET', '/metrics'],
  getOpenApi: ['GET', '/openapi.json'],
  createFlow: ['POST', '/v1/flows', 'application/yaml'],
  putFlow: ['PUT', '/v1/flows/{name}', 'application/yaml'],
  validateFlow: ['POST', '/v1/flows:validate', 'application/yaml'],
  startExecution: ['POST', '/v1/flows/{name}/executions'],
  startSyncExecution: ['POST', '/v1/flows/{name}/sync-executions'],
  listExecutions: ['GET', '/v1/executions'],
  getExecution: ['GET', '/v1/executions/{id}'],
  listNodes: ['GET', '/v1/executions/{id}/nodes'],
  listIterations: ['GET', '/v1/executions/{id}/nodes/{node}/iterations'],
  listLogs: ['GET', '/v1/executions/{id}/logs'],
  followExecution: ['GET', '/v1/executions/{id}/events'],
  stopExecution: ['POST', '/v1/executions/{id}/stop'],
  retryExecution: ['POST', '/v1/executions/{id}/retry'],
  rerunExecution: ['POST', '/v1/executions/{id}/rerun'],
  answerCallback: ['POST', '/v1/callbacks/{token}'],
  listFunctions: ['GET', '/v1/functions'],
  getFunction: ['GET', '/v1/functions/{app}/{name}'],
  invokeFunction: ['POST', '/v1/functions/{app}/{name}/invocations'],
}
