import type { NodeKind } from '../plan.ts'
import { callback } from './callback.ts'
import { condition } from './condition.ts'
import { end } from './end.ts'
import { errorNode } from './error.ts'
import { event } from './event.ts'
import { functionNode } from './function.ts'
import { loop } from './loop.ts'
import type { NodeLanguage } from './node.ts'
import { parallel } from './parallel.ts'
import { pass } from './pass.ts'
import { service } from './service.ts'
import { subflow } from './subflow.ts'
import { wait } from './wait.ts'

/** Every kind of node. A kind that is missing here does not compile. */
export const NODES = {
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
} satisfies { [K in NodeKind]: NodeLanguage<K, any> }

export const NODE_KINDS = Object.keys(NODES) as NodeKind[]

/** A kind without its own types, for code that treats all kinds alike. */
export type AnyNodeLanguage = NodeLanguage<NodeKind, any>

/** The kind of that name; `undefined` for anything else. */
export function nodeLanguage(kind: unknown): AnyNodeLanguage | undefined {
  return typeof kind === 'string' && Object.hasOwn(NODES, kind) ? (NODES as unknown as Record<string, AnyNodeLanguage>)[kind] : undefined
}
