import { createEngine } from '../../../engine/create-engine.ts'
import type { EngineOptions } from '../../../engine/api.ts'
import { badInputContract } from '../http/contract-bad-input.ts'
import { accessContract } from '../http/contract-access.ts'
import { catalogueContract } from '../http/contract-catalogue.ts'
import { executionsContract } from '../http/contract-executions.ts'
import { functionsContract } from '../http/contract-functions.ts'
import { functionDefinitionsContract } from '../http/contract-function-definitions.ts'
import { serverContract } from '../http/contract-server.ts'
import { idempotencyContract } from '../http/contract-idempotency.ts'
import { triggersContract } from '../http/contract-triggers.ts'
import { batchesContract } from '../http/contract-batches.ts'
import { logsContract } from '../http/contract-logs.ts'
import { nodesContract } from '../http/contract-nodes.ts'
import { httpContract } from '../http/contract.ts'
import { newDatabase, newNamespace, temporalServices } from './services.ts'

const { address } = temporalServices()

const open = async (options: EngineOptions) => {
  const [namespace, store] = await Promise.all([newNamespace(), newDatabase()])
  return createEngine({ engine: 'temporal', store, temporal: { address, namespace, taskQueue: 'http' }, ...options })
}

httpContract(open)
idempotencyContract(open)
badInputContract(open)
catalogueContract(open)
functionsContract(open)
functionDefinitionsContract(open)
triggersContract(open)
serverContract(open, ['temporal', 'postgresql'])
executionsContract(open)
accessContract(open)
nodesContract(open)
logsContract(open)
batchesContract(open)
