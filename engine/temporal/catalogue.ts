/** The catalogue of an engine on Temporal: what is deployed is in PostgreSQL, what runs is known to Temporal alone. */
import type { AliasTarget, CatalogueDefinition, CatalogueFlow, FlowAlias, Page, PublishOptions } from '../catalogue/api.ts'
import { isRunning } from '../catalogue/decide.ts'
import type { CatalogueStore, PageRequest, PutRequest, RemoveRequest, SourcedFlow, StoredPut } from '../catalogue/store.ts'
import type { ExecutionRecord, ListOptions } from '../api.ts'
import { EngineError } from '../errors.ts'
import type { FlowRegistry } from '../flow-registry.ts'
import type { CatalogueTables } from './registry/catalogue.ts'

/** Within this a start that was under way shows in Temporal's lists. */
const VISIBLE_MS = 1000
/** As long starts of a flow wait for what becomes of its deletion; a server that dies meanwhile leaves it as it was. */
const HOLD_MS = 5000
/** Starts that had looked the flow up before it was deleted begin at most so much later. */
const LATE_MS = 2000
/** A deletion by force is answered then at the latest; the rest is the sweeper's. */
const CANCEL_MS = 20_000
const AGAIN_MS = 200
/** Executions that are cancelled at one time. */
const AT_ONCE = 20

/** What is asked of the host. */
export interface RunningExecutions {
  list(options: ListOptions): Promise<{ items: ExecutionRecord[]; nextCursor?: string }>
  /** As Temporal itself says. */
  isRunning(id: string): Promise<boolean>
  /** Asks for the end; does not wait for it. */
  cancel(id: string): Promise<void>
}

export class TemporalCatalogue implements CatalogueStore {
  private readonly tables: CatalogueTables
  private readonly flows: FlowRegistry
  private readonly executions: RunningExecutions
  private readonly closed: AbortSignal

  constructor(tables: CatalogueTables, flows: FlowRegistry, executions: RunningExecutions, closed: AbortSignal) {
    this.tables = tables
    this.flows = flows
    this.executions = executions
    this.closed = closed
  }

  async put(deployed: SourcedFlow, request: PutRequest): Promise<StoredPut> {
    for (;;) {
      const put = await this.tables.put(deployed, request)
      if (put !== undefined) return put
      // else what starts of the new one could be cancelled with the old one's
      await this.cancelDeleted(deployed.name)
      if ((await this.tables.deletions.deletedAt(deployed.name)) !== undefined)
        throw new EngineError('conflict', `flow ${deployed.name} is being deleted, and executions of it are still to end; try again later`)
    }
  }

  /**
   * Deletes it when nothing of it runs. Temporal's lists are a moment late: so nothing starts for that long, and then they are right.
   * By force it is deleted first, with a note that what runs is to be cancelled, which whoever sees it carries out.
   */
  async remove(flow: string, { force, ifMatch, isRunning: runsHere }: RemoveRequest): Promise<void> {
    if (!force) {
      if (runsHere() || (await this.runs(flow))) {
        // throws what goes before: that there is none, or that it has changed
        await this.tables.deletions.hold(flow, 0, ifMatch)
        throw isRunning(flow)
      }
      await this.tables.deletions.hold(flow, HOLD_MS, ifMatch)
      await this.pause(VISIBLE_MS)
      if (runsHere() || (await this.runs(flow))) {
        await this.tables.deletions.release(flow)
        throw isRunning(flow)
      }
    }
    await this.tables.deletions.remove(flow, ifMatch)
    this.flows.delete(flow)
    await this.cancelDeleted(flow)
  }

  /** Cancels what runs of a flow that was deleted; what has not ended in time is left to the next call. */
  async cancelDeleted(flow: string): Promise<void> {
    const deletedAt = await this.tables.deletions.deletedAt(flow)
    if (deletedAt === undefined) return
    const asked = new Set<string>()
    const giveUp = Date.now() + CANCEL_MS
    for (;;) {
      const isSure = Date.now() >= deletedAt + VISIBLE_MS
      const left = await this.running(flow, deletedAt + LATE_MS)
      for (let at = 0; at < left.length; at += AT_ONCE) {
        const some = left.slice(at, at + AT_ONCE).filter((id) => !asked.has(id))
        await Promise.all(some.map((id) => this.executions.cancel(id).then(() => asked.add(id))))
      }
      if (left.length === 0 && isSure) return this.tables.deletions.endDeletion(flow, deletedAt)
      if (Date.now() >= giveUp) return
      await this.pause(AGAIN_MS)
    }
  }

  /** Goes on with what a server that died has left. */
  async resumeDeletions(): Promise<void> {
    for (const flow of await this.tables.deletions.pending()) await this.cancelDeleted(flow)
  }

  find(flow: string, qualifier: string | undefined): Promise<CatalogueDefinition> {
    return this.tables.find(flow, qualifier)
  }

  list(page: PageRequest & { readonly among?: readonly string[] }): Promise<Page<CatalogueFlow>> {
    return this.tables.list(page)
  }

  publish(flow: string, request: PublishOptions): Promise<CatalogueFlow> {
    return this.tables.publish(flow, request)
  }

  versions(flow: string, page: PageRequest): Promise<Page<CatalogueFlow>> {
    return this.tables.versions(flow, page)
  }

  version(flow: string, version: string): Promise<CatalogueDefinition> {
    return this.tables.version(flow, version)
  }

  aliases(flow: string): Promise<readonly FlowAlias[]> {
    return this.tables.aliases(flow)
  }

  setAlias(flow: string, alias: string, targets: readonly AliasTarget[]): Promise<FlowAlias & { readonly created: boolean }> {
    return this.tables.setAlias(flow, alias, targets)
  }

  removeAlias(flow: string, alias: string): Promise<void> {
    return this.tables.removeAlias(flow, alias)
  }

  definition(hash: string): Promise<string | undefined> {
    return this.tables.definition(hash)
  }

  private async runs(flow: string): Promise<boolean> {
    return (await this.running(flow, Number.POSITIVE_INFINITY, true)).length > 0
  }

  /** Those that began until then and run, as Temporal's lists and then it itself say. */
  private async running(flow: string, until: number, oneWillDo = false): Promise<string[]> {
    const found: string[] = []
    for (let cursor: string | undefined; ;) {
      const options = { flow, status: 'running', limit: 200, ...(cursor === undefined ? {} : { cursor }) } as const
      const { items, nextCursor } = await this.executions.list(options)
      for (const { id, startedAt } of items)
        if (startedAt <= until && (await this.executions.isRunning(id))) {
          found.push(id)
          if (oneWillDo) return found
        }
      if (nextCursor === undefined) return found
      cursor = nextCursor
    }
  }

  /** Throws EngineError `engine-closed`. */
  private pause(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const refuse = (): void => {
        clearTimeout(timer)
        reject(new EngineError('engine-closed', 'the engine was closed'))
      }
      const timer = setTimeout(() => {
        this.closed.removeEventListener('abort', refuse)
        resolve()
      }, ms)
      if (this.closed.aborted) refuse()
      else this.closed.addEventListener('abort', refuse, { once: true })
    })
  }
}
