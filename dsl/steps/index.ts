import type { StepTable } from '../core/prepare.ts'
import { callback } from './callback.ts'
import { condition } from './condition.ts'
import { end } from './end.ts'
import { errorNode } from './error.ts'
import { event } from './event.ts'
import { functionNode } from './function.ts'
import { loop } from './loop.ts'
import { parallel } from './parallel.ts'
import { pass } from './pass.ts'
import { service } from './service.ts'
import { subflow } from './subflow.ts'
import { wait } from './wait.ts'

/** The run-time half of every node kind; a missing kind does not compile. */
export const STEPS: StepTable = {
  function: functionNode,
  event,
  callback,
  subflow,
  parallel,
  condition,
  loop,
  service,
  wait,
  error: errorNode,
  pass,
  end,
}
