import type { DeployedFlow, FlowSource } from '../execution-info.ts'
import type { AliasTarget, CatalogueDefinition, CatalogueFlow, FlowAlias, Page, Preconditions, PublishOptions } from './api.ts'

/** A flow on its way into a store. */
export interface SourcedFlow extends DeployedFlow {
  readonly source: FlowSource
}

export interface StoredPut {
  readonly created: boolean
  readonly deployedAt: number
}

export interface PutRequest extends Preconditions {
  /** One that has the same has put what is there. */
  readonly id?: string
}

export interface PageRequest {
  readonly limit: number
  readonly cursor?: string
}

export interface RemoveRequest {
  readonly force: boolean
  readonly ifMatch?: Preconditions['ifMatch']
  /** Of executions that the store does not know, those of express flows in this process: true while some run. */
  isRunning(): boolean
}

/**
 * Where a catalogue is kept: SQLite or PostgreSQL. Every change is one transaction, conditions and all. All of it rejects with EngineError
 * as {@link Catalogue} says.
 */
export interface CatalogueStore {
  /** From its end on every start of the flow takes this definition. */
  put(deployed: SourcedFlow, request: PutRequest): Promise<StoredPut>
  /** `latest`, or a version or alias. */
  find(flow: string, qualifier: string | undefined): Promise<CatalogueDefinition>
  list(page: PageRequest & { readonly among?: readonly string[] }): Promise<Page<CatalogueFlow>>
  remove(flow: string, request: RemoveRequest): Promise<void>
  publish(flow: string, request: PublishOptions): Promise<CatalogueFlow>
  versions(flow: string, page: PageRequest): Promise<Page<CatalogueFlow>>
  version(flow: string, version: string): Promise<CatalogueDefinition>
  aliases(flow: string): Promise<readonly FlowAlias[]>
  setAlias(flow: string, alias: string, targets: readonly AliasTarget[]): Promise<FlowAlias & { readonly created: boolean }>
  removeAlias(flow: string, alias: string): Promise<void>
  /** The definition as JSON that a plan was first made of; undefined where an earlier version of the store has not kept it. */
  definition(hash: string): Promise<string | undefined>
}
