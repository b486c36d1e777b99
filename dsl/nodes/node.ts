import type { z } from 'zod'
import type { Step } from '../core/step-type.ts'
import type { DocumentPath, Rule } from '../diagnostics.ts'
import type { FlowMode, NodeKind, PlanNodeOf } from '../plan.ts'
import type { Z } from './fields.ts'

/** A node as the definition gives it: plain data of which nothing is known yet. */
export type RawNode = Readonly<Record<string, unknown>>

/** The part that a reference plays; decides what it may lead to. */
export type ReferenceRole = 'next' | 'onError' | 'catch' | 'branch'

export interface Reference {
  readonly to: string
  readonly role: ReferenceRole
  /** From the node on. */
  readonly path: DocumentPath
}

/** What a kind's own checks may ask and say. Paths are from the node on; an empty one is the node. */
export interface NodeCheck {
  readonly mode: FlowMode
  report(rule: Rule, path: DocumentPath, message: string, what?: 'key' | 'value'): void
  /** These three report a name that the registry at hand does not know. */
  usesFunction(reference: string, path: DocumentPath): void
  usesFlow(reference: string, path: DocumentPath): void
  usesChannel(name: string, path: DocumentPath): void
}

/** What a kind that holds a graph of its own asks of it. */
export interface InnerGraphRule {
  readonly rule: 'loop-body' | 'service-body'
  readonly allowed: readonly NodeKind[]
  /** `entry`: one node leads to all; `chain`: and one after the other; `loose`: no edges at all. */
  shape(node: RawNode): 'entry' | 'chain' | 'loose'
}

export type NodeSchema = (z: Z) => z.ZodType<{ type: string }>
/** The type that a schema describes. */
export type DefinitionOf<S extends (z: Z) => z.ZodType> = z.infer<ReturnType<S>>

/** Everything there is to know of a node kind: what `parse`, `check` and `compile` ask, and how it runs. */
export interface NodeLanguage<K extends NodeKind, S extends NodeSchema> {
  readonly kind: K
  /** How it runs: the only part that the core uses. */
  readonly step: Step
  /** A thunk: only the generator of schemas calls it. */
  readonly schema: S
  /** May have `next`. */
  readonly hasNext: boolean
  /** May have `onError`. */
  readonly mayFail: boolean
  /** References beside `next` and `onError`, of a node that may be broken. */
  references?(node: RawNode): Reference[]
  /** Reports what the schema would report wrongly, and names the fields that the schema check is to leave out. */
  claims?(node: RawNode, check: NodeCheck): readonly string[]
  /** Rules beyond the schema; must cope with fields of the wrong type, which the schema reports. */
  check?(node: RawNode, check: NodeCheck): void
  readonly inner?: InnerGraphRule
  /** Of a checked definition. `place` has what is the same for all kinds. */
  compile(node: DefinitionOf<S>, place: CompiledPlace): PlanNodeOf<K>
}

/** What the compiler hands to a kind. */
export interface CompiledPlace {
  /** The fields that all kinds share, compiled; to be spread into the plan node. */
  readonly base: PlanBase
  readonly mode: FlowMode
  /** Of a `parallel`: where its branches meet. */
  readonly join: string | undefined
  /** Compiles an inner graph. */
  graph(nodes: Readonly<Record<string, unknown>>): CompiledGraph
}

export interface CompiledGraph {
  readonly nodes: PlanNodeOf<'loop'>['nodes']
  /** The node that no other leads to. */
  readonly entry: string
}

export type PlanBase = Pick<PlanNodeOf<'pass'>, 'id' | 'label' | 'input' | 'output' | 'next' | 'onError' | 'at'>

/** Ties the types of a kind together; the object itself is used as it is. */
export function defineNode<K extends NodeKind, S extends NodeSchema>(node: NodeLanguage<K, S>): NodeLanguage<K, S> {
  return node
}
