import type { Diagnostic } from '../../dsl/diagnostics.ts'
import type { FlowMode, Plan } from '../../dsl/plan.ts'

/** A definition as somebody wrote it. */
export interface FlowText {
  readonly text: string
  readonly format: 'json' | 'yaml'
}

/** A flow of the catalogue: its editable `latest`, or one of its versions. Times are epoch milliseconds. */
export interface CatalogueFlow {
  readonly flow: string
  /** `latest`, or the version's name. */
  readonly version: string
  /** Revision of the definition: what has the same hash runs alike. */
  readonly hash: string
  readonly mode: FlowMode
  /** Of the text, in whatever form it is asked for. */
  readonly etag: string
  /** When `latest` was put; of a version, when it was published. */
  readonly deployedAt: number
  /** Of a version. */
  readonly description?: string
}

export interface CatalogueDefinition extends CatalogueFlow, FlowText {
  /** The definition as JSON: the text itself where it was written as such. */
  readonly json: string
}

/** What must hold for a change; decided together with it. Of ETags, without quotes; `*`: whatever there is. */
export interface Preconditions {
  /** Only what is there, and has one of these. */
  readonly ifMatch?: '*' | readonly string[]
  /** Only where nothing is there (`*`), or nothing that has one of these. */
  readonly ifNoneMatch?: '*' | readonly string[]
}

export interface PutOptions extends Preconditions {
  /** Of a request that may be made again: it then finds what it made. */
  readonly id?: string
  /** What the definition must be called. */
  readonly name?: string
  /** How the text is written; default: JSON if it is JSON. */
  readonly format?: FlowText['format']
  /**
   * Called with the plan of a definition without mistakes, and the flows that are subscribed to topics to which it publishes, before anything is
   * stored: what it throws is what `put` rejects with.
   */
  readonly permit?: (plan: Plan, reached: readonly string[]) => void
  /** The only flows that its events may start, also those that subscribe to a topic later; default: any. */
  readonly sees?: readonly string[]
}

export interface PutResult extends CatalogueFlow {
  readonly created: boolean
  readonly warnings: readonly Diagnostic[]
}

export interface PublishOptions {
  /** As in {@link PutOptions}. */
  readonly id?: string
  readonly version?: string
  readonly description?: string
}

export interface PageOptions {
  /** 1-200, default 50. */
  readonly limit?: number
  readonly cursor?: string
}

export interface Page<Item> {
  readonly items: readonly Item[]
  readonly nextCursor?: string
}

/** A version and the share of the starts that it gets, in percent. */
export interface AliasTarget {
  readonly version: string
  readonly weight: number
}

export interface FlowAlias {
  readonly alias: string
  /** One, or two whose weights make 100. */
  readonly versions: readonly AliasTarget[]
  readonly updatedAt: number
}

/**
 * The deployed flows with their texts, versions and aliases. All of it rejects with EngineError: `flow-not-found` where there is no such
 * flow, `bad-option`, `store-failed`, `engine-closed`.
 */
export interface Catalogue {
  /** `version`: a version or an alias, of two weighted versions the heavier. Rejects with `version-not-found`, too. */
  get(flow: string, options?: { readonly version?: string }): Promise<CatalogueDefinition>
  /** Newest first. `among`: only flows of these names. */
  list(options?: PageOptions & { readonly among?: readonly string[] }): Promise<Page<CatalogueFlow>>
  /**
   * Creates or replaces `latest`. Rejects with {@link FlowInvalid}, and with `name-mismatch`, `precondition-failed`, `payload-too-large`; then
   * nothing is stored.
   */
  put(source: string | Uint8Array | object, options?: PutOptions): Promise<PutResult>
  /**
   * Deletes a flow with its versions and aliases. Rejects with `flow-running` while executions of it run, unless `force` is set: then they end
   * as `cancelled`. Records stay.
   */
  remove(flow: string, options?: { readonly force?: boolean; readonly ifMatch?: Preconditions['ifMatch'] }): Promise<void>
  /** Publishes `latest` as a version that never changes; its name is the next number unless one is given. Rejects with `conflict`. */
  publish(flow: string, options?: PublishOptions): Promise<CatalogueFlow>
  /** Newest first. */
  versions(flow: string, options?: PageOptions): Promise<Page<CatalogueFlow>>
  /** A version by its own name. Rejects with `version-not-found`. */
  version(flow: string, version: string): Promise<CatalogueDefinition>
  /** By name. */
  aliases(flow: string): Promise<readonly FlowAlias[]>
  /** Makes or changes an alias. Rejects with `version-not-found`, and `conflict` where a version has the name. */
  setAlias(
    flow: string,
    alias: string,
    target: { readonly version: string } | { readonly versions: readonly AliasTarget[] },
  ): Promise<FlowAlias & { readonly created: boolean }>
  /** Rejects with `alias-not-found`. */
  removeAlias(flow: string, alias: string): Promise<void>
}
