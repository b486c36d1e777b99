/** The catalogue in PostgreSQL: what `engine/embedded/catalogue.ts` is in SQLite. Changes of one flow follow each other by its row's lock. */
import type { AliasTarget, CatalogueDefinition, CatalogueFlow, FlowAlias, Page, PublishOptions } from '../../catalogue/api.ts'
import { aliasIsVersion, checkConditions, noAlias, noFlow, noVersion, pageOf, positionOf, versionTaken } from '../../catalogue/decide.ts'
import { pickTarget } from '../../catalogue/names.ts'
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
  type VersionRow,
} from '../../catalogue/rows.ts'
import type { PageRequest, PutRequest, SourcedFlow, StoredPut } from '../../catalogue/store.ts'
import type { PlanTrigger } from '../../../dsl/plan.ts'
import { checkPaths } from '../../triggers/table.ts'
import type { Database, Transaction } from './database.ts'
import { decodeText, encodeText } from './encoding.ts'
import { FlowDeletions, lockedFlow, NOW } from './flow-deletions.ts'
import type { Plans } from './plans.ts'
import type { TriggerRows } from './triggers.ts'
import type { StoredFlow } from './types.ts'

interface Texts {
  readonly format: 'json' | 'yaml' | null
  readonly text: Buffer | null
  readonly json: Buffer | null
}

export class CatalogueTables {
  private readonly db: Database
  private readonly scope: number
  private readonly plans: Plans
  private readonly triggers: TriggerRows
  readonly deletions: FlowDeletions

  constructor(db: Database, scope: number, plans: Plans, triggers: TriggerRows) {
    this.db = db
    this.scope = scope
    this.plans = plans
    this.triggers = triggers
    this.deletions = new FlowDeletions(db, scope)
  }

  /** Undefined, and nothing is written, while a flow of that name is being deleted. */
  async put({ name, hash, plan, source }: SourcedFlow, request: PutRequest): Promise<StoredPut | undefined> {
    const planText = JSON.stringify(plan)
    const [planBytes, definition, text] = await Promise.all([encodeText(planText), encodeText(source.json), encodeText(source.text)])
    const json = source.format === 'json' ? null : definition
    const values = [this.scope, name, hash, plan.mode, source.etag, source.format, text, json, request.id ?? null]
    for (;;) {
      const deployedAt = Date.now()
      const put = await this.db.transaction(async (tx): Promise<StoredPut | 'deleted' | 'again'> => {
        const row = await this.locked(tx, name)
        if (row !== undefined && request.id !== undefined && row.made_by === request.id)
          return { created: true, deployedAt: row.deployed_at }
        checkConditions(name, row && etagOf(row), request)
        await this.takePaths(tx, name, plan.triggers ?? [])
        const pending = 'SELECT 1 AS found FROM fnflow.flow_deletions WHERE scope = $1 AND flow = $2'
        if (row === undefined && (await tx.row(pending, [this.scope, name])) !== undefined) return 'deleted'
        await tx.change(
          `INSERT INTO fnflow.plans AS p (hash, plan, definition) VALUES ($1, $2, $3)
           ON CONFLICT (hash) DO UPDATE SET definition = excluded.definition WHERE p.definition IS NULL`,
          [hash, planBytes, definition],
        )
        const change =
          row === undefined
            ? `INSERT INTO fnflow.flows (scope, name, hash, mode, etag, format, text, json, made_by, deployed_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (scope, name) DO NOTHING`
            : `UPDATE fnflow.flows SET hash = $3, mode = $4, etag = $5, format = $6, text = $7, json = $8, made_by = $9, deployed_at = $10
               WHERE scope = $1 AND name = $2`
        // made by another at the same moment: then it is there
        if ((await tx.change(change, [...values, deployedAt])) === 0) return 'again'
        return { created: row === undefined, deployedAt }
      })
      if (put === 'again') continue
      if (put === 'deleted') return undefined
      this.plans.keep(hash, planText)
      return put
    }
  }

  /**
   * What a reference leads to, asked every time: a start on any server sees what was deployed on another. None, one, or two of a weighted alias.
   * `held`: the flow is about to be deleted, or not.
   */
  async targets(
    name: string,
    qualifier: string | undefined,
  ): Promise<readonly (StoredFlow & { readonly weight: number; readonly held: boolean })[]> {
    const held = `f.held_until > ${NOW} AS held`
    if (qualifier === undefined) {
      const sql = `SELECT 'latest' AS version, f.name, f.hash, f.mode, 100 AS weight, ${held} FROM fnflow.flows AS f WHERE f.scope = $1 AND f.name = $2`
      return this.db.rows(sql, [this.scope, name], { name: 'flow' })
    }
    return this.db.rows(
      `SELECT v.version, v.flow AS name, v.hash, v.mode, wanted.weight, ${held}
       FROM fnflow.flows AS f, fnflow.flow_versions AS v, LATERAL (
         SELECT 0 AS at, 100 AS weight WHERE v.version = $3
         UNION ALL
         SELECT CASE WHEN a.version = v.version THEN 1 ELSE 2 END, CASE WHEN a.version = v.version THEN a.weight ELSE 100 - a.weight END
         FROM fnflow.flow_aliases AS a WHERE a.scope = $1 AND a.flow = $2 AND a.alias = $3 AND v.version IN (a.version, a.other)
       ) AS wanted
       WHERE f.scope = $1 AND f.name = $2 AND v.scope = $1 AND v.flow = $2 ORDER BY wanted.at`,
      [this.scope, name, qualifier],
      { name: 'flow-version' },
    )
  }

  async find(flow: string, qualifier: string | undefined): Promise<CatalogueDefinition> {
    if (qualifier === undefined) {
      const sql = `SELECT ${FLOW_COLUMNS}, format, text, json FROM fnflow.flows WHERE scope = $1 AND name = $2`
      const row = await this.db.row<FlowRow & Texts>(sql, [this.scope, flow])
      if (row === undefined) throw noFlow(flow)
      return definitionOf(flowOf(row), await decoded(row))
    }
    const target = pickTarget(await this.targets(flow, qualifier), qualifier, null)
    if (target === undefined) throw await this.missing(flow, noVersion(flow, qualifier))
    return this.version(flow, target.version)
  }

  async list({ limit, cursor, among }: PageRequest & { readonly among?: readonly string[] }): Promise<Page<CatalogueFlow>> {
    const sql = `SELECT ${FLOW_COLUMNS} FROM fnflow.flows
      WHERE scope = $1 AND seq < $2 AND ($4::text[] IS NULL OR name = ANY($4)) ORDER BY seq DESC LIMIT $3`
    const rows = await this.db.rows<FlowRow>(sql, [this.scope, positionOf(cursor), limit + 1, among ?? null])
    return pageOf(rows, limit, flowOf)
  }

  async publish(flow: string, { id, version, description }: PublishOptions): Promise<CatalogueFlow> {
    const row = await this.db.transaction(async (tx) => {
      const latest = await this.locked(tx, flow)
      if (latest === undefined) throw noFlow(flow)
      const made = id === undefined ? undefined : await this.madeBy(tx, flow, id)
      if (made !== undefined) return made
      if (version !== undefined && (await this.isTaken(tx, flow, version))) throw versionTaken(flow, version)
      let number = latest.last_number
      if (version === undefined)
        do number += 1
        while (await this.isTaken(tx, flow, String(number)))
      await tx.change('UPDATE fnflow.flows SET last_number = $3 WHERE scope = $1 AND name = $2', [this.scope, flow, number])
      return tx.row<VersionRow>(
        `INSERT INTO fnflow.flow_versions (scope, flow, version, hash, mode, etag, format, published_at, made_by, description, text, json)
         SELECT scope, name, $3, hash, mode, etag, format, $4, $6, $5, text, json FROM fnflow.flows WHERE scope = $1 AND name = $2
         RETURNING ${VERSION_COLUMNS}`,
        [
          this.scope,
          flow,
          version ?? String(number),
          Date.now(),
          description === undefined ? null : JSON.stringify(description),
          id ?? null,
        ],
      )
    })
    return versionOf(row!)
  }

  async versions(flow: string, { limit, cursor }: PageRequest): Promise<Page<CatalogueFlow>> {
    const sql = `SELECT ${VERSION_COLUMNS} FROM fnflow.flow_versions WHERE scope = $1 AND flow = $2 AND seq < $3 ORDER BY seq DESC LIMIT $4`
    const rows = await this.db.rows<VersionRow>(sql, [this.scope, flow, positionOf(cursor), limit + 1])
    if (rows.length === 0) await this.mustHave(flow)
    return pageOf(rows, limit, versionOf)
  }

  async version(flow: string, version: string): Promise<CatalogueDefinition> {
    const sql = `SELECT ${VERSION_COLUMNS}, format, text, json FROM fnflow.flow_versions WHERE scope = $1 AND flow = $2 AND version = $3`
    const row = await this.db.row<VersionRow & Texts>(sql, [this.scope, flow, version])
    if (row === undefined) throw await this.missing(flow, noVersion(flow, version))
    return definitionOf(versionOf(row), await decoded(row))
  }

  async aliases(flow: string): Promise<readonly FlowAlias[]> {
    const sql = 'SELECT alias, version, weight, other, updated_at FROM fnflow.flow_aliases WHERE scope = $1 AND flow = $2 ORDER BY alias'
    const rows = await this.db.rows<AliasRow>(sql, [this.scope, flow])
    if (rows.length === 0) await this.mustHave(flow)
    return rows.map(aliasOf)
  }

  async setAlias(flow: string, alias: string, targets: readonly AliasTarget[]): Promise<FlowAlias & { readonly created: boolean }> {
    const [first, second] = targets as [AliasTarget, AliasTarget?]
    return this.db.transaction(async (tx) => {
      if ((await this.locked(tx, flow)) === undefined) throw noFlow(flow)
      if (await this.hasVersion(tx, flow, alias)) throw aliasIsVersion(flow, alias)
      for (const { version } of targets) if (!(await this.hasVersion(tx, flow, version))) throw noVersion(flow, version)
      const created = !(await this.hasAlias(tx, flow, alias))
      const row = await tx.row<AliasRow>(
        `INSERT INTO fnflow.flow_aliases (scope, flow, alias, version, weight, other, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (scope, flow, alias) DO UPDATE SET version = excluded.version, weight = excluded.weight, other = excluded.other,
           updated_at = excluded.updated_at
         RETURNING alias, version, weight, other, updated_at`,
        [this.scope, flow, alias, first.version, first.weight, second?.version ?? null, Date.now()],
      )
      return { ...aliasOf(row!), created }
    })
  }

  async removeAlias(flow: string, alias: string): Promise<void> {
    const sql = 'DELETE FROM fnflow.flow_aliases WHERE scope = $1 AND flow = $2 AND alias = $3'
    const found = alias.includes('\0') ? 0 : await this.db.change(sql, [this.scope, flow, alias], { repeatable: false })
    if (found === 0) throw await this.missing(flow, noAlias(flow, alias))
  }

  async definition(hash: string): Promise<string | undefined> {
    const row = await this.db.row<{ definition: Buffer | null }>('SELECT definition FROM fnflow.plans WHERE hash = $1', [hash])
    return row?.definition == null ? undefined : decodeText(row.definition)
  }

  /** Throws EngineError `path-taken`. One flow with paths is stored at a time: who comes next sees them. */
  private async takePaths(tx: Transaction, flow: string, triggers: readonly PlanTrigger[]): Promise<void> {
    if (!triggers.some(({ type }) => type === 'http')) return
    await tx.row('SELECT key FROM fnflow.scopes WHERE key = $1 FOR NO KEY UPDATE', [this.scope])
    checkPaths(await this.triggers.definitions(tx), flow, triggers)
  }

  private locked(tx: Transaction, flow: string): Promise<FlowRow | undefined> {
    return lockedFlow(tx, this.scope, flow)
  }

  private madeBy(tx: Transaction, flow: string, id: string): Promise<VersionRow | undefined> {
    const sql = `SELECT ${VERSION_COLUMNS} FROM fnflow.flow_versions WHERE scope = $1 AND flow = $2 AND made_by = $3`
    return tx.row<VersionRow>(sql, [this.scope, flow, id])
  }

  private async hasVersion(tx: Transaction, flow: string, version: string): Promise<boolean> {
    const sql = 'SELECT 1 AS found FROM fnflow.flow_versions WHERE scope = $1 AND flow = $2 AND version = $3'
    return (await tx.row(sql, [this.scope, flow, version])) !== undefined
  }

  private async hasAlias(tx: Transaction, flow: string, alias: string): Promise<boolean> {
    const sql = 'SELECT 1 AS found FROM fnflow.flow_aliases WHERE scope = $1 AND flow = $2 AND alias = $3'
    return (await tx.row(sql, [this.scope, flow, alias])) !== undefined
  }

  private async isTaken(tx: Transaction, flow: string, name: string): Promise<boolean> {
    return (await this.hasVersion(tx, flow, name)) || (await this.hasAlias(tx, flow, name))
  }

  /** Throws EngineError `flow-not-found`. */
  private async mustHave(flow: string): Promise<void> {
    const missing = await this.missing(flow, null)
    if (missing !== null) throw missing
  }

  /** What is missing: the flow, or what is told. */
  private async missing<T>(flow: string, otherwise: T): Promise<T | ReturnType<typeof noFlow>> {
    const row = await this.db.row('SELECT 1 AS found FROM fnflow.flows WHERE scope = $1 AND name = $2', [this.scope, flow])
    return row === undefined ? noFlow(flow) : otherwise
  }
}

async function decoded({ format, text, json }: Texts) {
  const [ownText, ownJson] = await Promise.all([text === null ? null : decodeText(text), json === null ? null : decodeText(json)])
  return { format, text: ownText, json: ownJson }
}
