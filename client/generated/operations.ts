// Written by scripts/generate.ts from the OpenAPI document; do not edit.
import type * as T from './types.ts'

/** What each operation takes and answers. */
export interface Operations {
  /** Whether this process answers */
  getHealth: { readonly data: T.GetHealthData; readonly answer: T.GetHealthResponses[keyof T.GetHealthResponses] }
  /** Whether this process takes work, and how what it stands on is */
  getReadiness: { readonly data: T.GetReadinessData; readonly answer: T.GetReadinessResponses[keyof T.GetReadinessResponses] }
  /** Metrics, in Prometheus' text format; to a key with a list of flows of those alone */
  getMetrics: { readonly data: T.GetMetricsData; readonly answer: T.GetMetricsResponses[keyof T.GetMetricsResponses] }
  /** This document */
  getOpenApi: { readonly data: T.GetOpenApiData; readonly answer: T.GetOpenApiResponses[keyof T.GetOpenApiResponses] }
  /** Deploys a new flow */
  createFlow: {
    readonly data: Omit<T.CreateFlowData, 'body'> & { readonly body: T.CreateFlowData['body'] | string }
    readonly answer: T.CreateFlowResponses[keyof T.CreateFlowResponses]
  }
  /** Lists the flows, newest first */
  listFlows: { readonly data: T.ListFlowsData; readonly answer: T.ListFlowsResponses[keyof T.ListFlowsResponses] }
  /** Deploys a flow, or replaces it */
  putFlow: {
    readonly data: Omit<T.PutFlowData, 'body'> & { readonly body: T.PutFlowData['body'] | string }
    readonly answer: T.PutFlowResponses[keyof T.PutFlowResponses]
  }
  /** Shows the definition of a flow */
  getFlow: { readonly data: T.GetFlowData; readonly answer: T.GetFlowResponses[keyof T.GetFlowResponses] | string }
  /** Deletes a flow with its versions and aliases; records stay */
  deleteFlow: { readonly data: T.DeleteFlowData; readonly answer: T.DeleteFlowResponses[keyof T.DeleteFlowResponses] }
  /** Checks a definition; nothing is deployed */
  validateFlow: {
    readonly data: Omit<T.ValidateFlowData, 'body'> & { readonly body: T.ValidateFlowData['body'] | string }
    readonly answer: T.ValidateFlowResponses[keyof T.ValidateFlowResponses]
  }
  /** Publishes the definition of a flow as a version that never changes */
  publishFlow: { readonly data: T.PublishFlowData; readonly answer: T.PublishFlowResponses[keyof T.PublishFlowResponses] }
  /** Lists the versions of a flow, newest first */
  listFlowVersions: {
    readonly data: T.ListFlowVersionsData
    readonly answer: T.ListFlowVersionsResponses[keyof T.ListFlowVersionsResponses]
  }
  /** Shows a version of a flow with its definition */
  getFlowVersion: { readonly data: T.GetFlowVersionData; readonly answer: T.GetFlowVersionResponses[keyof T.GetFlowVersionResponses] }
  /** Lists the aliases of a flow, by name */
  listFlowAliases: { readonly data: T.ListFlowAliasesData; readonly answer: T.ListFlowAliasesResponses[keyof T.ListFlowAliasesResponses] }
  /** Makes an alias of a flow, or lets it lead elsewhere */
  putFlowAlias: { readonly data: T.PutFlowAliasData; readonly answer: T.PutFlowAliasResponses[keyof T.PutFlowAliasResponses] }
  /** Deletes an alias of a flow */
  deleteFlowAlias: { readonly data: T.DeleteFlowAliasData; readonly answer: T.DeleteFlowAliasResponses[keyof T.DeleteFlowAliasResponses] }
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
  /** Deletes an ended execution with its nodes and logs */
  deleteExecution: { readonly data: T.DeleteExecutionData; readonly answer: T.DeleteExecutionResponses[keyof T.DeleteExecutionResponses] }
  /** Follows an execution: its state so far, then every change, until it has ended */
  followExecution: { readonly data: T.FollowExecutionData; readonly answer: T.FollowExecutionResponses[keyof T.FollowExecutionResponses] }
  /** Stops an execution */
  stopExecution: { readonly data: T.StopExecutionData; readonly answer: T.StopExecutionResponses[keyof T.StopExecutionResponses] }
  /** Runs again what had failed or not ended, as a new execution */
  retryExecution: { readonly data: T.RetryExecutionData; readonly answer: T.RetryExecutionResponses[keyof T.RetryExecutionResponses] }
  /** Runs an ended execution again from a node on, as a new execution */
  rerunExecution: { readonly data: T.RerunExecutionData; readonly answer: T.RerunExecutionResponses[keyof T.RerunExecutionResponses] }
  /** What became of the nodes of an execution, in order of start */
  listNodes: { readonly data: T.ListNodesData; readonly answer: T.ListNodesResponses[keyof T.ListNodesResponses] }
  /** What became of the nodes inside of a loop, by iteration: `limit` iterations a page */
  listIterations: { readonly data: T.ListIterationsData; readonly answer: T.ListIterationsResponses[keyof T.ListIterationsResponses] }
  /** Answers a callback node without its token, by its id, or by its place where several of that id wait */
  answerNode: { readonly data: T.AnswerNodeData; readonly answer: T.AnswerNodeResponses[keyof T.AnswerNodeResponses] }
  /** What the functions of an execution have logged */
  listLogs: { readonly data: T.ListLogsData; readonly answer: T.ListLogsResponses[keyof T.ListLogsResponses] }
  /** Executions that ended, failures and durations, by flow and period */
  getStatistics: { readonly data: T.GetStatisticsData; readonly answer: T.GetStatisticsResponses[keyof T.GetStatisticsResponses] }
  /** Stops, retries or deletes all executions that a filter selects */
  startBatch: { readonly data: T.StartBatchData; readonly answer: T.StartBatchResponses[keyof T.StartBatchResponses] }
  /** How far a batch is */
  getBatch: { readonly data: T.GetBatchData; readonly answer: T.GetBatchResponses[keyof T.GetBatchResponses] }
  /** The definition that an execution runs */
  getExecutionDefinition: {
    readonly data: T.GetExecutionDefinitionData
    readonly answer: T.GetExecutionDefinitionResponses[keyof T.GetExecutionDefinitionResponses]
  }
  /** Answers a callback node that waits */
  answerCallback: { readonly data: T.AnswerCallbackData; readonly answer: T.AnswerCallbackResponses[keyof T.AnswerCallbackResponses] }
  /** Puts a new function with its code */
  createFunction: { readonly data: T.CreateFunctionData; readonly answer: T.CreateFunctionResponses[keyof T.CreateFunctionResponses] }
  /** Lists the functions, by app and name */
  listFunctions: { readonly data: T.ListFunctionsData; readonly answer: T.ListFunctionsResponses[keyof T.ListFunctionsResponses] }
  /** Puts a function with its code, or replaces it; what runs goes on with the code that it has */
  putFunction: { readonly data: T.PutFunctionData; readonly answer: T.PutFunctionResponses[keyof T.PutFunctionResponses] }
  /** Deletes a function that was put; what runs goes on */
  deleteFunction: { readonly data: T.DeleteFunctionData; readonly answer: T.DeleteFunctionResponses[keyof T.DeleteFunctionResponses] }
  /** Shows a function */
  getFunction: { readonly data: T.GetFunctionData; readonly answer: T.GetFunctionResponses[keyof T.GetFunctionResponses] }
  /** Invokes a function and waits for its result */
  invokeFunction: { readonly data: T.InvokeFunctionData; readonly answer: T.InvokeFunctionResponses[keyof T.InvokeFunctionResponses] }
  /** Lists the triggers of all flows, by flow and name */
  listTriggers: { readonly data: T.ListTriggersData; readonly answer: T.ListTriggersResponses[keyof T.ListTriggersResponses] }
  /** Shows a trigger */
  getTrigger: { readonly data: T.GetTriggerData; readonly answer: T.GetTriggerResponses[keyof T.GetTriggerResponses] }
  /** Lets a trigger start its flow again */
  enableTrigger: { readonly data: T.EnableTriggerData; readonly answer: T.EnableTriggerResponses[keyof T.EnableTriggerResponses] }
  /** Keeps a trigger from starting its flow */
  disableTrigger: { readonly data: T.DisableTriggerData; readonly answer: T.DisableTriggerResponses[keyof T.DisableTriggerResponses] }
  /** Lets a trigger go on from another place: what it reads again starts executions of its own */
  seekTrigger: { readonly data: T.SeekTriggerData; readonly answer: T.SeekTriggerResponses[keyof T.SeekTriggerResponses] }
  /** Starts the flow as its trigger would for an event */
  fireTrigger: { readonly data: T.FireTriggerData; readonly answer: T.FireTriggerResponses[keyof T.FireTriggerResponses] }
  /** Starts an execution of each flow that is subscribed to a topic */
  publishMessage: { readonly data: T.PublishMessageData; readonly answer: T.PublishMessageResponses[keyof T.PublishMessageResponses] }
}

export const OPERATIONS: { readonly [Id in keyof Operations]: readonly [method: string, path: string, textType?: string] } = {
  getHealth: ['GET', '/healthz'],
  getReadiness: ['GET', '/readyz'],
  getMetrics: ['GET', '/metrics'],
  getOpenApi: ['GET', '/openapi.json'],
  createFlow: ['POST', '/v1/flows', 'application/yaml'],
  listFlows: ['GET', '/v1/flows'],
  putFlow: ['PUT', '/v1/flows/{name}', 'application/yaml'],
  getFlow: ['GET', '/v1/flows/{name}'],
  deleteFlow: ['DELETE', '/v1/flows/{name}'],
  validateFlow: ['POST', '/v1/flows:validate', 'application/yaml'],
  publishFlow: ['POST', '/v1/flows/{name}/versions'],
  listFlowVersions: ['GET', '/v1/flows/{name}/versions'],
  getFlowVersion: ['GET', '/v1/flows/{name}/versions/{version}'],
  listFlowAliases: ['GET', '/v1/flows/{name}/aliases'],
  putFlowAlias: ['PUT', '/v1/flows/{name}/aliases/{alias}'],
  deleteFlowAlias: ['DELETE', '/v1/flows/{name}/aliases/{alias}'],
  startExecution: ['POST', '/v1/flows/{name}/executions'],
  startSyncExecution: ['POST', '/v1/flows/{name}/sync-executions'],
  listExecutions: ['GET', '/v1/executions'],
  getExecution: ['GET', '/v1/executions/{id}'],
  deleteExecution: ['DELETE', '/v1/executions/{id}'],
  followExecution: ['GET', '/v1/executions/{id}/events'],
  stopExecution: ['POST', '/v1/executions/{id}/stop'],
  retryExecution: ['POST', '/v1/executions/{id}/retry'],
  rerunExecution: ['POST', '/v1/executions/{id}/rerun'],
  listNodes: ['GET', '/v1/executions/{id}/nodes'],
  listIterations: ['GET', '/v1/executions/{id}/nodes/{node}/iterations'],
  answerNode: ['POST', '/v1/executions/{id}/nodes/{node}/callback'],
  listLogs: ['GET', '/v1/executions/{id}/logs'],
  getStatistics: ['GET', '/v1/statistics'],
  startBatch: ['POST', '/v1/executions:batch'],
  getBatch: ['GET', '/v1/batches/{id}'],
  getExecutionDefinition: ['GET', '/v1/executions/{id}/definition'],
  answerCallback: ['POST', '/v1/callbacks/{token}'],
  createFunction: ['POST', '/v1/functions'],
  listFunctions: ['GET', '/v1/functions'],
  putFunction: ['PUT', '/v1/functions/{app}/{name}'],
  deleteFunction: ['DELETE', '/v1/functions/{app}/{name}'],
  getFunction: ['GET', '/v1/functions/{app}/{name}'],
  invokeFunction: ['POST', '/v1/functions/{app}/{name}/invocations'],
  listTriggers: ['GET', '/v1/triggers'],
  getTrigger: ['GET', '/v1/triggers/{flow}/{name}'],
  enableTrigger: ['POST', '/v1/triggers/{flow}/{name}/enable'],
  disableTrigger: ['POST', '/v1/triggers/{flow}/{name}/disable'],
  seekTrigger: ['POST', '/v1/triggers/{flow}/{name}/seek'],
  fireTrigger: ['POST', '/v1/triggers/{flow}/{name}/fire'],
  publishMessage: ['POST', '/v1/topics/{topic}/messages'],
}
