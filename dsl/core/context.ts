import type { CompiledPath } from '../jsonpath/index.ts'
import { setMember, type Json, type JsonObject } from '../json.ts'
import type { PathContext } from '../expressions.ts'
import { placeOf } from './place.ts'
import type { NodeRun, Scope } from './state.ts'

/** The `$$` of a run (flow-language.md, 4.1). Only the members that the path at hand can reach are built. */
class RunContext implements PathContext {
  run: NodeRun | null = null

  contextFor(path: CompiledPath): Json {
    const run = this.run
    if (run === null) return {}
    const wanted = path.text.includes('?') ? undefined : path.names[0]
    const context: JsonObject = {}
    for (const [name, make] of MEMBERS) {
      if (wanted !== undefined && wanted !== name) continue
      const value = make(run, wanted === undefined ? undefined : path.names[1])
      if (value !== undefined) context[name] = value
    }
    return context
  }
}

const shared = new RunContext()

/** The context of a run. One object serves all, as evaluation is synchronous: use it at once, do not keep it. */
export function contextOf(run: NodeRun): PathContext {
  shared.run = run
  return shared
}

type Member = (run: NodeRun, second: string | undefined) => Json | undefined

const MEMBERS: readonly (readonly [string, Member])[] = [
  ['flow', ({ scope: { flow } }) => ({ name: flow.prepared.plan.flow, version: flow.start.version, mode: flow.prepared.plan.mode })],
  [
    'execution',
    ({ scope: { flow } }, second) =>
      second === 'input'
        ? { input: flow.start.input }
        : { id: flow.start.id, input: flow.start.input, startedAt: new Date(flow.start.startedAt).toISOString() },
  ],
  ['node', (run) => ({ id: run.node.id, attempt: run.attempt })],
  ['nodes', (run, second) => nodesOf(run.scope, second)],
  ['trigger', triggerOf],
  ['callback', (run) => (run.node.plan.type === 'callback' ? { ...run.scope.flow.start.callbackAt(placeOf(run)) } : undefined)],
  ['loop', loopOf],
]

function triggerOf({ scope: { flow } }: NodeRun): Json | undefined {
  const trigger = flow.start.trigger
  if (trigger === undefined) return undefined
  const { type, name, event } = trigger
  return { type, ...(name === undefined ? {} : { name }), ...(event === undefined ? {} : { event }) }
}

/** The nodes completed earlier on this path: those of the scope, and of the scopes around it. */
function nodesOf(scope: Scope, only: string | undefined): Json {
  const nodes: JsonObject = {}
  for (let at: Scope | null = scope; at !== null; at = at.parent?.scope ?? null) {
    if (at.outputs === null) continue
    if (only !== undefined) {
      const output = at.outputs.get(only)
      if (output === undefined) continue
      setMember(nodes, only, { output })
      break
    }
    for (const [id, output] of at.outputs) if (!Object.hasOwn(nodes, id)) setMember(nodes, id, { output })
  }
  return nodes
}

/** Position and number of items of the loop around the run. */
function loopOf(run: NodeRun): Json | undefined {
  for (let at: Scope = run.scope; at.parent !== null; at = at.parent.scope) {
    if (at.parent.node.plan.type === 'loop') return { index: at.index, count: (at.parent.memory as { count: number }).count }
  }
  return undefined
}
