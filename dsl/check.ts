import type { Diagnostic, DocumentPath } from './diagnostics.ts'
import { Findings, type Finding } from './finding.ts'
import { isFlowRef, isFunctionRef, normaliseFunctionRef } from './function-ref.ts'
import { FLOW_SCHEMA, NODE_SCHEMAS } from './generated/flow-schema.ts'
import { checkExpress } from './nodes/express.ts'
import { NODE_ID_PATTERN } from './nodes/fields.ts'
import { NODE_KINDS } from './nodes/index.ts'
import type { NodeCheck, RawNode } from './nodes/node.ts'
import { member } from './nodes/raw.ts'
import type { Position } from './parse.ts'
import { BROKEN, plainCopy } from './plain-copy.ts'
import type { FlowMode } from './plan.ts'
import { checkCycles } from './rules/cycles.ts'
import { buildGraph, reachableFrom, type Graph, type GraphNode } from './rules/graph.ts'
import { checkInnerGraph } from './rules/inner.ts'
import { NodeLimits } from './rules/limits.ts'
import { reportUnreachable } from './rules/reachability.ts'
import { checkReferences, TARGETS, unknownNode } from './rules/references.ts'
import { checkRegions } from './rules/regions.ts'
import { checkTriggers } from './rules/triggers.ts'
import { MOST_TRIGGERS } from './triggers/fields.ts'
import { clip, described, SchemaChecker } from './schema-check.ts'
import type { FlowDefinition } from './schema.ts'
import { Suggester } from './suggest.ts'
import type { TriggerCheck } from './triggers/kind.ts'

/** What to check: any value at all, with positions if it was read from a text. */
export interface FlowDocument {
  readonly value: unknown
  locate?(path: DocumentPath, what: 'key' | 'value'): Position
}

/** Something wrong with the options of a trigger of type `custom`. */
export interface ConnectorFinding {
  /** Where in the options; absent: the whole of them. */
  readonly path?: readonly (string | number)[]
  readonly message: string
}

/** What exists where the flow is to run; what is not given is not checked. */
export interface FlowRegistry {
  /** @param ref `app/name:qualifier`, defaults filled in. */
  hasFunction?(ref: string): boolean
  /** @param qualifier Version or alias; absent for `latest`, for which the flow itself is not asked for. */
  hasFlow?(name: string, qualifier?: string): boolean
  hasChannel?(name: string): boolean
  /** @param name Of a connection to a broker. */
  hasConnection?(name: string): boolean
  /** Whether a trigger of another flow reads as this consumer group. */
  hasGroup?(flow: string, connection: string, groupId: string): boolean
  /** What is wrong with the options of a connector of one's own; undefined where there is no such connector. */
  checkConnector?(kind: string, options: unknown): readonly ConnectorFinding[] | undefined
  /** Whether tokens are verified by an issuer of the server's own where a trigger names none. Absent: they are not. */
  readonly hasTokenIssuer?: boolean
}

export interface CheckOptions {
  /** Names that the registry does not know are errors rather than warnings. */
  readonly deploy?: boolean
  readonly registry?: FlowRegistry
}

export interface CheckResult {
  /** Sorted by position, where there are positions. */
  readonly diagnostics: Diagnostic[]
  /** A copy of the value, if there are no errors (there may be warnings). */
  readonly definition?: FlowDefinition
}

/**
 * Checks every rule of flow-language.md, 3, but `syntax` and `duplicate-key`, which are the parser's. It never throws,
 * whatever the value.
 */
export function checkFlow(document: FlowDocument, options: CheckOptions = {}): CheckResult {
  const findings = new Findings()
  const value = plainCopy(document.value, findings)
  new FlowCheck(findings, options).flow(value)
  const diagnostics = findings.list.map((finding) => diagnosticOf(finding, document))
  if (document.locate !== undefined) diagnostics.sort((a, b) => a.line! - b.line! || a.column! - b.column!)
  return findings.hasErrors ? { diagnostics } : { diagnostics, definition: value as FlowDefinition }
}

function diagnosticOf({ rule, severity, message, path, what }: Finding, document: FlowDocument): Diagnostic {
  return { rule, severity, message, path, ...document.locate?.(path, what) }
}

const NODE_ID = new RegExp(NODE_ID_PATTERN)

class FlowCheck {
  readonly #findings: Findings
  readonly #options: CheckOptions
  readonly #suggester = new Suggester()
  readonly #schema: SchemaChecker
  readonly #limits = new NodeLimits()
  #mode: FlowMode = 'standard'
  #name: unknown

  constructor(findings: Findings, options: CheckOptions) {
    this.#findings = findings
    this.#options = options
    this.#schema = new SchemaChecker(findings, this.#suggester)
  }

  flow(value: unknown): void {
    if (value === BROKEN) return
    if (!isObject(value)) {
      return this.#findings.add('schema', [], `a flow is an object { flow, start, nodes }, not ${described(value)}`)
    }
    this.#mode = member(value, 'mode') === 'express' ? 'express' : 'standard'
    this.#name = member(value, 'flow')
    this.#schema.check(value, FLOW_SCHEMA, { name: 'the flow', path: [] })
    checkExpress(member(value, 'timeout'), ['timeout'], this.#checkOf({ name: 'the flow', path: [] }))

    const triggers = member(value, 'triggers')
    // of too many that alone is said
    if (Array.isArray(triggers) && triggers.length <= MOST_TRIGGERS) this.#triggers(triggers)
    const nodes = member(value, 'nodes')
    if (isObject(nodes)) this.#mainGraph(value, nodes)
  }

  #triggers(triggers: readonly unknown[]): void {
    checkTriggers(triggers, {
      findings: this.#findings,
      schema: this.#schema,
      suggester: this.#suggester,
      checkOf: (subject) => this.#checkOf(subject),
    })
  }

  #mainGraph(flow: RawNode, nodes: RawNode): void {
    const graph = this.#graph(nodes, ['nodes'])
    checkReferences(graph, this.#findings, this.#suggester)
    const start = member(flow, 'start')
    const reached = typeof start === 'string' && graph.nodes.has(start) ? reachableFrom(graph, start) : undefined
    if (typeof start === 'string') this.#start(start, graph)
    const cyclic = checkCycles(graph, this.#findings)
    if (reached !== undefined) reportUnreachable(graph, reached, start as string, this.#findings)
    // Where a path goes back, it cannot be said which branch a node belongs to.
    if (!cyclic) checkRegions(graph, reached, this.#findings)
  }

  #start(start: string, graph: Graph): void {
    const first = graph.nodes.get(start)
    if (first === undefined) {
      if (!graph.broken.has(start)) this.#findings.add('unknown-node', ['start'], unknownNode('the flow', start, graph, this.#suggester))
    } else if (first.kind !== undefined && TARGETS.start.forbids(first.kind.kind)) {
      this.#findings.add('start-target', ['start'], TARGETS.start.message(start, first.kind.kind))
    }
  }

  /** Builds a graph and checks its nodes one by one. */
  #graph(nodes: RawNode, path: DocumentPath): Graph {
    for (const [id, raw] of Object.entries(nodes)) this.#id(id, raw, [...path, id])
    const graph = buildGraph(nodes, path)
    for (const node of graph.nodes.values()) this.#node(node)
    return graph
  }

  #id(id: string, raw: unknown, path: DocumentPath): void {
    if (id === '__proto__') this.#findings.add('schema', path, 'the id "__proto__" is reserved; choose another one', 'key')
    else if (!NODE_ID.test(id)) {
      this.#findings.add(
        'schema',
        path,
        `the id "${clip(id)}" must be at most 64 letters, digits, _ and - that begin with a letter or _; rename the node`,
        'key',
      )
    }
    if (raw !== BROKEN && !isObject(raw)) {
      this.#findings.add('schema', path, `node "${clip(id)}" must be an object { type, ... }, not ${described(raw)}`)
    }
  }

  #node(node: GraphNode): void {
    const { id, path, raw, kind } = node
    this.#limits.count(node, this.#findings)
    if (kind === undefined) return this.#unknownType(node)
    const subject = { name: `node "${clip(id)}"`, path }
    const check = this.#checkOf(subject)
    const skip = kind.claims?.(raw, check) ?? []
    this.#schema.check(raw, NODE_SCHEMAS[kind.kind], { ...subject, skip })
    kind.check?.(raw, check)
    if (kind.inner !== undefined) this.#inner(node)
  }

  #unknownType({ id, path, raw }: GraphNode): void {
    const type = member(raw, 'type')
    if (type === BROKEN) return
    const kinds = NODE_KINDS.join(', ')
    if (type === undefined) this.#findings.add('schema', path, `node "${clip(id)}" has no "type"; give one of ${kinds}`, 'key')
    else {
      const hint = typeof type === 'string' ? this.#suggester.hint(type, NODE_KINDS) : ''
      this.#findings.add('schema', [...path, 'type'], `node "${clip(id)}": "type" must be one of ${kinds}, not ${described(type)}${hint}`)
    }
  }

  #inner(owner: GraphNode): void {
    const nodes = member(owner.raw, 'nodes')
    const rule = owner.kind!.inner!
    // Inside another inner graph it is reported as such; what it holds is not looked at.
    if (!isObject(nodes) || owner.path.length > 2) return
    checkInnerGraph(owner, rule, this.#graph(nodes, [...owner.path, 'nodes']), this.#findings, this.#suggester)
  }

  #checkOf(subject: { readonly name: string; readonly path: DocumentPath }): NodeCheck & TriggerCheck {
    const { registry, deploy } = this.#options
    const findings = this.#findings
    const severity = deploy === true ? 'error' : 'warning'
    return {
      mode: this.#mode,
      hasTokenIssuer: registry?.hasTokenIssuer === true,
      report: (rule, path, message, what) => findings.add(rule, [...subject.path, ...path], `${subject.name}: ${message}`, what),
      warn: (rule, path, message) => findings.add(rule, [...subject.path, ...path], `${subject.name}: ${message}`, 'value', 'warning'),
      usesFunction: (reference, path) => {
        if (registry?.hasFunction === undefined || !isFunctionRef(reference)) return
        const ref = normaliseFunctionRef(reference)
        if (registry.hasFunction(ref)) return
        findings.add(
          'unknown-function',
          [...subject.path, ...path],
          `${subject.name}: there is no function "${ref}"; deploy it first`,
          'value',
          severity,
        )
      },
      usesFlow: (reference, path) => {
        if (registry?.hasFlow === undefined || !isFlowRef(reference)) return
        const [name, written] = reference.split(':', 2) as [string, string?]
        const qualifier = written === 'latest' || written === '$LATEST' ? undefined : written
        const isThere = name === this.#name || registry.hasFlow(name)
        if (isThere && (qualifier === undefined || registry.hasFlow(name, qualifier))) return
        const what = isThere
          ? `flow "${name}" has no version or alias "${qualifier}"; publish it first`
          : `there is no flow "${name}"; deploy it first`
        findings.add('unknown-flow', [...subject.path, ...path], `${subject.name}: ${what}`, 'value', severity)
      },
      usesChannel: (name, path) => {
        if (registry?.hasChannel === undefined || registry.hasChannel(name)) return
        findings.add(
          'unknown-channel',
          [...subject.path, ...path],
          `${subject.name}: there is no event channel "${clip(name)}"; configure it first`,
          'value',
          severity,
        )
      },
      usesConnection: (name, path) => {
        if (registry?.hasConnection === undefined || registry.hasConnection(name)) return
        findings.add(
          'unknown-connection',
          [...subject.path, ...path],
          `${subject.name}: there is no connection "${clip(name)}"; configure it first`,
          'value',
          severity,
        )
      },
      usesGroup: (connection, groupId, path) => {
        if (typeof this.#name !== 'string' || registry?.hasGroup?.(this.#name, connection, groupId) !== true) return
        const message = `${subject.name}: a trigger of another flow reads as group "${clip(groupId)}"; give each a groupId of its own`
        findings.add('group-taken', [...subject.path, ...path], message, 'value', 'warning')
      },
      usesConnector: (kind, options, path, optionsPath) => {
        if (registry?.checkConnector === undefined) return
        const found = registry.checkConnector(kind, options)
        if (found === undefined) {
          const message = `${subject.name}: there is no connector "${clip(kind)}"; register it first`
          findings.add('unknown-connection', [...subject.path, ...path], message, 'value', severity)
        }
        for (const { path: inside = [], message } of found ?? [])
          findings.add('schema', [...subject.path, ...optionsPath, ...inside], `${subject.name}: ${message}`)
      },
    }
  }
}

function isObject(value: unknown): value is RawNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
