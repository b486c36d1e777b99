import { createEngine } from '../../../engine/create-engine.ts'
import { httpContract } from '../http/contract.ts'
import { newDatabase, newNamespace, temporalServices } from './services.ts'

const { address } = temporalServices()

httpContract(async (options) => {
  const [namespace, store] = await Promise.all([newNamespace(), newDatabase()])
  return createEngine({ engine: 'temporal', store, temporal: { address, namespace, taskQueue: 'http' }, ...options })
})
