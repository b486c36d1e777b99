import { createEngine } from '../../../engine/create-engine.ts'
import { functionsContract } from './contract-functions.ts'
import { httpContract } from './contract.ts'

httpContract(createEngine)
functionsContract(createEngine)
