import type { Flow, NodeRun, Scope } from './state.ts'

/** The place of a run's present attempt (docs/design/journal.md): `each[17]#2/fetch#1`. */
export function placeOf(run: NodeRun): string {
  return `${scopePlace(run.scope)}${run.node.id}#${run.attempt}`
}

function scopePlace(scope: Scope): string {
  const parent = scope.parent
  return parent === null ? '' : `${scopePlace(parent.scope)}${parent.node.id}[${scope.index}]#${parent.attempt}/`
}

/** The place without runs and attempts: `each[17]/fetch`. */
export function lineageOf(run: NodeRun): string {
  return `${scopeLineage(run.scope)}${run.node.id}`
}

/** The lineage of a scope, with a slash behind it; the root's is empty. */
export function scopeLineage(scope: Scope): string {
  const parent = scope.parent
  return parent === null ? '' : `${scopeLineage(parent.scope)}${parent.node.id}[${scope.index}]/`
}

/** The active run at a place, or null if nothing is outstanding there (I3). */
export function findRun(flow: Flow, place: string): NodeRun | null {
  let scope: Scope | undefined = flow.root
  let from = 0
  for (;;) {
    const slash = place.indexOf('/', from)
    const segment = slash < 0 ? place.slice(from) : place.slice(from, slash)
    const hash = segment.lastIndexOf('#')
    const attempt = Number(segment.slice(hash + 1))
    const run: NodeRun | null = scope.current
    if (hash < 0 || run === null || run.attempt !== attempt) return null
    if (slash < 0) return run.node.id === segment.slice(0, hash) ? run : null
    const bracket = segment.lastIndexOf('[', hash)
    if (bracket < 0 || run.node.id !== segment.slice(0, bracket)) return null
    const index = Number(segment.slice(bracket + 1, hash - 1))
    scope = run.children?.get(index)
    if (scope === undefined) return null
    from = slash + 1
  }
}
