import { createEngine } from '../../../engine/create-engine.ts'
import { badInputContract } from './contract-bad-input.ts'
import { folderWith } from '../../cli/support.ts'
import { catalogueContract } from './contract-catalogue.ts'
import { executionsContract } from './contract-executions.ts'
import { functionDefinitionsContract } from './contract-function-definitions.ts'
import { functionsContract } from './contract-functions.ts'
import { serverContract } from './contract-server.ts'
import { accessContract } from './contract-access.ts'
import { triggersContract } from './contract-triggers.ts'
import { batchesContract } from './contract-batches.ts'
import { logsContract } from './contract-logs.ts'
import { nodesContract } from './contract-nodes.ts'
import { httpContract } from './contract.ts'
import { idempotencyContract } from './contract-idempotency.ts'

httpContract(createEngine)
catalogueContract(createEngine)
functionsContract(createEngine)
functionDefinitionsContract(createEngine)
triggersContract(createEngine)
serverContract((options) => createEngine({ ...options, store: folderWith() }), ['store'])
executionsContract(createEngine)
idempotencyContract(createEngine)
badInputContract(createEngine)
accessContract(createEngine)
nodesContract(createEngine)
logsContract(createEngine)
batchesContract(createEngine)
