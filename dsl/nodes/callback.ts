import type { Core } from '../core/core.ts'
import type { NodeRun } from '../core/state.ts'
import type { Step } from '../core/step-type.ts'
import { parseDuration } from '../duration.ts'
import { ENGINE_ERRORS, type ErrorDocument } from '../errors.ts'
import { normaliseFunctionRef } from '../function-ref.ts'
import type { Json, JsonObject } from '../json.ts'
import type { PlanCallbackNode } from '../plan.ts'
import { EXPRESS_LIMIT_MS, checkExpress } from './express.ts'
import { type Z, duration, invocation, next, onError } from './fields.ts'
import { checkFunction } from './function.ts'
import { defineNode } from './node.ts'

const DEFAULT_TIMEOUT_MS = 60 * 60_000

interface CallbackMemory {
  /** The endpoint was called before the function had returned; counts only if that succeeds. */
  early: { readonly ok: boolean; readonly value: Json } | null
  /** The token is used: a second call changes nothing. */
  used: boolean
}

/** Invokes the function with a token, then waits, holding nothing, for the endpoint to be called. */
const step: Step = {
  start(run, core) {
    run.memory = { early: null, used: false } satisfies CallbackMemory
    core.timer(run, 'timeout', core.now(run) + (run.node.plan as PlanCallbackNode).timeoutMs)
    core.effect(run, 'invoke')
  },
  ok(run, core) {
    const { early } = run.memory as CallbackMemory
    if (early !== null) settle(run, core, early.ok, early.value)
    else core.waiting(run)
  },
  timer(run, core) {
    const { timeoutMs } = run.node.plan as PlanCallbackNode
    core.fail(run, {
      status: ENGINE_ERRORS.CallbackTimeout,
      errorType: 'CallbackTimeout',
      errorMessage: `node ${run.node.id}: no callback within ${timeoutMs / 1000} s`,
    })
  },
  called(run, core, ok, value) {
    const memory = run.memory as CallbackMemory | null
    if (memory === null || memory.used || run.status === 'retrying') return
    memory.used = true
    if (run.kind === null) settle(run, core, ok, value)
    else memory.early = { ok, value }
  },
}

function settle(run: NodeRun, core: Core, ok: boolean, value: Json): void {
  if (ok) core.complete(run, value)
  else core.fail(run, value as unknown as ErrorDocument)
}

/** True if a call of the endpoint would count now. */
export function awaitsCallback(run: NodeRun): boolean {
  const memory = run.memory as CallbackMemory | null
  return run.node.plan.type === 'callback' && run.active && memory !== null && !memory.used && run.status !== 'retrying'
}

export const callback = defineNode({
  kind: 'callback',
  step,
  schema: (z: Z) =>
    z.strictObject({
      type: z.literal('callback'),
      ...invocation(z),
      timeout: duration(z, 'How long to wait for the callback; 1h by default, 5m in an express flow.').optional(),
      ...next(z),
      ...onError(z),
    }),
  hasNext: true,
  mayFail: true,
  check(node, check) {
    checkFunction(node, check)
    checkExpress(node['timeout'], ['timeout'], check)
  },
  compile: (node, { base, mode }) => ({
    ...base,
    type: 'callback',
    function: normaliseFunctionRef(node.function),
    ...(node.params === undefined ? {} : { params: node.params as JsonObject }),
    invoke: node.invoke ?? 'sync',
    timeoutMs: node.timeout === undefined ? (mode === 'express' ? EXPRESS_LIMIT_MS : DEFAULT_TIMEOUT_MS) : parseDuration(node.timeout)!,
  }),
})
