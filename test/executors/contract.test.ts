import { NODE_CODE, specOf } from './helpers.ts'
import { contractSuite } from './contract-suite.ts'

type Handler = (event: unknown, context: unknown) => unknown
const fixtures = (await import(`${NODE_CODE}/contract.mjs`)) as Record<string, Handler>

contractSuite(
  'module, inline',
  'module',
  { ownTimeout: false, initializer: false, loadsCode: false, instances: false },
  (fixture, patch) => ({
    ...specOf('module', fixture, patch),
    inline: fixtures[fixture] as Handler,
  }),
)
contractSuite(
  'module, from a file',
  'module',
  { ownTimeout: false, initializer: true, loadsCode: true, instances: false },
  (fixture, patch) => specOf('module', `contract.${fixture}`, { code: NODE_CODE, ...patch }),
)
const child = { ownTimeout: true, initializer: true, loadsCode: true, instances: true }
contractSuite('nodejs', 'nodejs', child, (fixture, patch) => specOf('nodejs', `contract.${fixture}`, patch))
contractSuite('python', 'python', child, (fixture, patch) => specOf('python', `contract.${fixture}`, patch))
const concurrent = { ...child, instances: false }
contractSuite('nodejs, several at once', 'nodejs', concurrent, (fixture, patch) =>
  specOf('nodejs', `contract.${fixture}`, { ...patch, concurrency: { perInstance: 10, ...patch?.concurrency } }),
)
contractSuite('python, several at once', 'python', concurrent, (fixture, patch) =>
  specOf('python', `contract.${fixture}`, { ...patch, concurrency: { perInstance: 10, ...patch?.concurrency } }),
)
