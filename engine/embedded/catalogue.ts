/** The catalogue in SQLite. */
import type { Plan } from '../../dsl/plan.ts'
import type { AliasTarget, CatalogueDefinition, CatalogueFlow, FlowAlias, Page, PublishOptions } from '../catalogue/api.ts'
import {
  aliasIsVersion,
  checkConditions,
  isRunning,
  noAlias,
  noFlow,
  noVersion,
  pageOf,
  positionOf,
  versionTaken,
} from '../catalogue/decide.ts'
import { pickTarget } from '../catalogue/names.ts'
import type { CatalogueStore, PageRequest, PutRequest, RemoveRequest, SourcedFlow, StoredPut } from '../catalogue/store.ts'
import { EngineError } from '../errors.ts'
import type { FlowRegistry } from '../flow-registry.ts'
import {
  aliasOf,
  definitionOf,
  etagOf,
  FLOW_COLUMNS,
  flowOf,
  VERSION_COLUMNS,
  versionOf,
  type AliasRow,
  type FlowRow,
  type TextColumns,
  type VersionRow,
} from '../catalogue/rows.ts'
import { CatalogueLookup } from './catalogue-lookup.ts'
import type { Journal } from './journal.ts'
import type { Store } from './store.ts'

/** What is known of executions of flows. */
export interface FlowExecutions {
  isAnyRunning(flow: string): boolean
  /** Notes, in the transaction at hand, that all executions of the flow up to now are to be cancelled. */
  condemn(flow: string): void
  /** Resolves when those that were condemned have ended. */
  cancelCondemned(flow: string): Promise<void>
}

/**
 * - K1. The flows in memory are those of the open transaction: who starts one after a change was written, starts what it says. If the
 *   transaction fails, they are read again.
 * - K2. What is refused has written nothing: all checks of a change stand before its first statement that writes.
 */
export class EmbeddedCatalogue implements CatalogueStore {
  private readonly store: Store
  private readonly journal: Journal
  private readonly flows: FlowRegistry
  private readonly executions: FlowExecutions
  private readonly rows: CatalogueLookup

  constructor(store: Store, journal: Journal, flows: FlowRegistry, executions: FlowExecutions) {
    this.store = store
    this.journal = journal
    this.flows = flows
    this.executions = executions
    this.rows = new CatalogueLookup(store)
    flows.versions = (flow, qualifier) => this.rows.targets(flow, qualifier)
  }

  /** Takes the flows of earlier processes into memory. A plan that cannot be read must not keep the others from running. */
  load(): void {
    const rows = this.store.all<{ name: string; hash: string; plan: string }>(
      'SELECT flows.name, flows.hash, plans.plan FROM flows JOIN plans ON plans.hash = flows.hash',
    )
    for (const { name, hash, plan } of rows) {
      try {
        this.flows.addStored(hash, JSON.parse(plan) as Plan)
      } catch (error) {
        process.emitWarning(`flow ${name} cannot be read from the store, deploy it again: ${String(error)}`, 'FnflowStoreWarning')
      }
    }
  }

  put(deployed: SourcedFlow, request: PutRequest): Promise<StoredPut> {
    const { name, hash, plan, source } = deployed
    return this.change(name, () => {
      const row = this.rows.row(name)
      if (row !== undefined && request.id !== undefined && row.made_by === request.id) return { created: true, deployedAt: row.deployed_at }
      checkConditions(name, row && etagOf(row), request)
      this.store.run(
        'INSERT INTO plans (hash, plan, definition) VALUES (?, ?, ?) ON CONFLICT (hash) DO UPDATE SET definition = excluded.definition WHERE definition IS NULL',
        hash,
        JSON.stringify(plan),
        source.json,
      )
      const deployedAt = Date.now()
      this.store.run(
        `INSERT INTO flows (name, hash, deployed_at, mode, etag, format, text, json, made_by, seq)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT coalesce(max(seq), 0) + 1 FROM flows))
         ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, deployed_at = excluded.deployed_at, mode = excluded.mode,
           etag = excluded.etag, format = excluded.format, text = excluded.text, json = excluded.json, made_by = excluded.made_by`,
        name,
        hash,
        deployedAt,
        plan.mode,
        source.etag,
        source.format,
        source.text,
        source.format === 'json' ? null : source.json,
        request.id ?? null,
      )
      const { source: _stored, ...kept } = deployed
      this.flows.add(kept)
      return { created: row === undefined, deployedAt }
    })
  }

  find(flow: string, qualifier: string | undefined): Promise<CatalogueDefinition> {
    return this.journal.read(() => {
      if (qualifier === undefined) {
        const row = this.store.get<FlowRow & TextColumns>(`SELECT ${FLOW_COLUMNS}, format, text, json FROM flows WHERE name = ?`, flow)
        if (row === undefined) throw noFlow(flow)
        return definitionOf(flowOf(row), row)
      }
      this.rows.mustHave(flow)
      const target = pickTarget(this.rows.targets(flow, qualifier), qualifier, null)
      if (target === undefined) throw noVersion(flow, qualifier)
      return this.rows.versionNow(flow, target.version)
    })
  }

  list({ limit, cursor, among }: PageRequest & { readonly among?: readonly string[] }): Promise<Page<CatalogueFlow>> {
    const before = positionOf(cursor)
    return this.journal.read(() => {
      const some = among === undefined ? '' : ' AND name IN (SELECT value FROM json_each(?))'
      const sql = `SELECT ${FLOW_COLUMNS} FROM flows WHERE seq < ?${some} ORDER BY seq DESC LIMIT ?`
      const rows = this.store.all<FlowRow>(sql, before, ...(among === undefined ? [] : [JSON.stringify(among)]), limit + 1)
      return pageOf(rows, limit, flowOf)
    })
  }

  async remove(flow: string, { force, ifMatch, isRunning: runsElsewhere }: RemoveRequest): Promise<void> {
    await this.change(flow, () => {
      const row = this.rows.row(flow)
      if (ifMatch !== undefined) checkConditions(flow, row && etagOf(row), { ifMatch })
      if (row === undefined) throw noFlow(flow)
      const runs = this.executions.isAnyRunning(flow)
      if ((runs || runsElsewhere()) && !force) throw isRunning(flow)
      if (runs) this.executions.condemn(flow)
      this.store.run('DELETE FROM flow_aliases WHERE flow = ?', flow)
      this.store.run('DELETE FROM flow_versions WHERE flow = ?', flow)
      this.store.run('DELETE FROM flows WHERE name = ?', flow)
      this.flows.delete(flow)
    })
    if (force) await this.executions.cancelCondemned(flow)
  }

  publish(flow: string, { id, version, description }: PublishOptions): Promise<CatalogueFlow> {
    return this.change(flow, () => {
      const row = this.rows.row(flow)
      if (row === undefined) throw noFlow(flow)
      const made = id === undefined ? undefined : this.rows.madeBy(flow, id)
      if (made !== undefined) return versionOf(made)
      if (version !== undefined && this.rows.isTaken(flow, version)) throw versionTaken(flow, version)
      let number = row.last_number
      if (version === undefined)
        do number += 1
        while (this.rows.isTaken(flow, String(number)))
      const name = version ?? String(number)
      this.store.run('UPDATE flows SET last_number = ? WHERE name = ?', number, flow)
      this.store.run(
        `INSERT INTO flow_versions (flow, seq, version, hash, mode, etag, format, published_at, made_by, description, text, json)
         SELECT name, (SELECT coalesce(max(seq), 0) + 1 FROM flow_versions WHERE flow = ?1), ?2, hash, mode, etag, format, ?3, ?4, ?5, text, json
         FROM flows WHERE name = ?1`,
        flow,
        name,
        Date.now(),
        id ?? null,
        description === undefined ? null : JSON.stringify(description),
      )
      return versionOf(this.rows.versionRow(flow, name)!)
    })
  }

  versions(flow: string, { limit, cursor }: PageRequest): Promise<Page<CatalogueFlow>> {
    const before = positionOf(cursor)
    return this.journal.read(() => {
      this.rows.mustHave(flow)
      const sql = `SELECT ${VERSION_COLUMNS} FROM flow_versions WHERE flow = ? AND seq < ? ORDER BY seq DESC LIMIT ?`
      return pageOf(this.store.all<VersionRow>(sql, flow, before, limit + 1), limit, versionOf)
    })
  }

  version(flow: string, version: string): Promise<CatalogueDefinition> {
    return this.journal.read(() => {
      this.rows.mustHave(flow)
      return this.rows.versionNow(flow, version)
    })
  }

  aliases(flow: string): Promise<readonly FlowAlias[]> {
    return this.journal.read(() => {
      this.rows.mustHave(flow)
      const sql = 'SELECT alias, version, weight, other, updated_at FROM flow_aliases WHERE flow = ? ORDER BY alias'
      return this.store.all<AliasRow>(sql, flow).map(aliasOf)
    })
  }

  setAlias(flow: string, alias: string, targets: readonly AliasTarget[]): Promise<FlowAlias & { readonly created: boolean }> {
    return this.change(flow, () => {
      this.rows.mustHave(flow)
      if (this.rows.versionRow(flow, alias) !== undefined) throw aliasIsVersion(flow, alias)
      for (const { version } of targets) if (this.rows.versionRow(flow, version) === undefined) throw noVersion(flow, version)
      const [first, second] = targets as [AliasTarget, AliasTarget?]
      const created = this.rows.aliasRow(flow, alias) === undefined
      this.store.run(
        'INSERT OR REPLACE INTO flow_aliases (flow, alias, version, weight, other, updated_at) VALUES (?, ?, ?, ?, ?, ?)',
        flow,
        alias,
        first.version,
        first.weight,
        second?.version ?? null,
        Date.now(),
      )
      return { ...aliasOf(this.rows.aliasRow(flow, alias)!), created }
    })
  }

  async removeAlias(flow: string, alias: string): Promise<void> {
    await this.change(flow, () => {
      this.rows.mustHave(flow)
      if (this.rows.aliasRow(flow, alias) === undefined) throw noAlias(flow, alias)
      this.store.run('DELETE FROM flow_aliases WHERE flow = ? AND alias = ?', flow, alias)
    })
  }

  definition(hash: string): Promise<string | undefined> {
    return this.journal.read(() => {
      const row = this.store.get<{ definition: string | null }>('SELECT definition FROM plans WHERE hash = ?', hash)
      return row?.definition ?? undefined
    })
  }

  /** Runs a change in the turn's transaction; its outcome is told when that is safe. */
  private change<T>(flow: string, change: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let outcome: { readonly value: T } | { readonly refused: EngineError } | undefined
      this.journal.write(
        () => {
          try {
            outcome = { value: change() }
          } catch (error) {
            // anything else is the store's, and ends the transaction
            if (!(error instanceof EngineError) || error.status >= 500) throw error
            outcome = { refused: error }
          }
        },
        {
          committed: () => {
            if (outcome !== undefined && 'value' in outcome) resolve(outcome.value)
            else reject(outcome?.refused ?? new EngineError('engine-closed', 'the engine is closed'))
          },
          lost: (error) => {
            this.restore(flow)
            reject(error)
          },
        },
      )
    })
  }

  /** What was committed (K1). */
  private restore(name: string): void {
    try {
      const sql = 'SELECT flows.hash, plans.plan FROM flows JOIN plans ON plans.hash = flows.hash WHERE flows.name = ?'
      const row = this.store.get<{ hash: string; plan: string }>(sql, name)
      if (row === undefined) this.flows.delete(name)
      else this.flows.add(this.flows.byHash(row.hash, { flow: name, version: 'latest' }, () => row.plan))
    } catch {
      // a store that cannot be read either: starts fail, whatever is in memory
    }
  }
}
