/** What reads `functions.yaml`; its libraries are imported when it does. */
export { FunctionsFileError, loadFunctions } from '../executors/functions-file.ts'
export type { FunctionSpec } from '../executors/contract.ts'
