import { beforeAll, vi } from 'vitest'
import { createEngine, type Engine, type EngineOptions } from '../../../engine/index.ts'
import { engineContract } from '../contract/suite.ts'
import { newDatabase, newNamespace, temporalServices } from './services.ts'

// most tests wait: for timers, and for engines that close
vi.setConfig({ maxConcurrency: 8 })
const { address } = temporalServices()
let namespace: string
let store: string
beforeAll(async () => {
  ;[namespace, store] = await Promise.all([newNamespace(), newDatabase()])
})

function open(place: string, options: EngineOptions, worker = true): Promise<Engine> {
  // the shared engine has the default scope; tests that are alone see lists of their own
  const scope = place === 'shared' ? {} : { scope: place }
  return createEngine({ engine: 'temporal', store, temporal: { address, namespace, taskQueue: place, worker, ...scope }, ...options })
}

engineContract('temporal', {
  open,
  alsoOpen: (place, options) => open(place, options, false),
  interrupt: (engine) => engine.close(),
  slack: 3,
  computesLong: false,
  concurrent: true,
  showsAtOnce: false,
  abortsAtOnce: false,
  startsInOrder: false,
  answersInOrder: false,
  listsWithNodes: false,
  announcesAgain: false,
})
