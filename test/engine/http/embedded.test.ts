import { createEngine } from '../../../engine/create-engine.ts'
import { httpContract } from './contract.ts'

httpContract(createEngine)
