/**
 * What all workflows of a sandbox share: the core and the driver, evaluated once per worker and not once per workflow (`preloadModules`).
 * Nothing here may keep anything of one workflow.
 */
export { Driver, MAX_DEPTH } from './driver.ts'
export { preparedOf } from './plans.ts'

// Temporal's SDK takes a stack trace of every promise that a workflow makes (10 times the cost of the promise), for a query that shows
// where a workflow waits. Ours all wait in the same line.
Error.stackTraceLimit = 0
