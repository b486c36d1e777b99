// A worker of ours. Given: address, namespace, taskQueue, store.
import { createEngine } from '../../../dist/engine/index.js'
import { given, ready } from './child.mjs'
import { FUNCTIONS, slow } from './functions.mjs'

const { address, namespace, taskQueue, store } = given
const engine = await createEngine({
  engine: 'temporal',
  store,
  temporal: { address, namespace, taskQueue },
  functions: { ...FUNCTIONS, slow },
})
ready(() => engine.close())
