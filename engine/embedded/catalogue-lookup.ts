import type { CatalogueDefinition } from '../catalogue/api.ts'
import { noFlow, noVersion } from '../catalogue/decide.ts'
import {
  aliasOf,
  definitionOf,
  FLOW_COLUMNS,
  VERSION_COLUMNS,
  versionOf,
  type AliasRow,
  type FlowRow,
  type TextColumns,
  type VersionRow,
} from '../catalogue/rows.ts'
import { EngineError } from '../errors.ts'
import type { FlowTarget } from '../flow-registry.ts'
import type { Store } from './store.ts'

/** Looks single rows of the catalogue up: those of the open transaction. */
export class CatalogueLookup {
  private readonly store: Store

  constructor(store: Store) {
    this.store = store
  }

  row(flow: string): FlowRow | undefined {
    return this.store.get<FlowRow>(`SELECT ${FLOW_COLUMNS} FROM flows WHERE name = ?`, flow)
  }

  /** Throws EngineError `flow-not-found`. */
  mustHave(flow: string): void {
    if (this.row(flow) === undefined) throw noFlow(flow)
  }

  versionRow(flow: string, version: string): VersionRow | undefined {
    return this.store.get<VersionRow>(`SELECT ${VERSION_COLUMNS} FROM flow_versions WHERE flow = ? AND version = ?`, flow, version)
  }

  /** Throws EngineError `version-not-found`, `conflict`. */
  versionNow(flow: string, version: string): CatalogueDefinition {
    const sql = `SELECT ${VERSION_COLUMNS}, format, text, json FROM flow_versions WHERE flow = ? AND version = ?`
    const row = this.store.get<VersionRow & TextColumns>(sql, flow, version)
    if (row === undefined) throw noVersion(flow, version)
    return definitionOf(versionOf(row), row)
  }

  /** The version that a request has published. */
  madeBy(flow: string, id: string): VersionRow | undefined {
    return this.store.get<VersionRow>(`SELECT ${VERSION_COLUMNS} FROM flow_versions WHERE flow = ? AND made_by = ?`, flow, id)
  }

  aliasRow(flow: string, alias: string): AliasRow | undefined {
    const sql = 'SELECT alias, version, weight, other, updated_at FROM flow_aliases WHERE flow = ? AND alias = ?'
    return this.store.get<AliasRow>(sql, flow, alias)
  }

  /** True where a version or an alias has the name. */
  isTaken(flow: string, name: string): boolean {
    return this.versionRow(flow, name) !== undefined || this.aliasRow(flow, name) !== undefined
  }

  /** What a version or an alias leads to: one, or two of a weighted alias, or nothing. */
  targets(flow: string, qualifier: string): FlowTarget[] {
    const row = this.versionRow(flow, qualifier)
    if (row !== undefined) return [this.target(row, 100)]
    const alias = this.aliasRow(flow, qualifier)
    if (alias === undefined) return []
    return aliasOf(alias).versions.flatMap(({ version, weight }) => {
      const target = this.versionRow(flow, version)
      return target === undefined ? [] : [this.target(target, weight)]
    })
  }

  private target({ version, hash }: VersionRow, weight: number): FlowTarget {
    const readPlan = (): string => {
      const row = this.store.get<{ plan: string }>('SELECT plan FROM plans WHERE hash = ?', hash)
      if (row === undefined) throw new EngineError('store-unusable', `the store has no plan ${hash} for version ${version}`)
      return row.plan
    }
    return { version, hash, weight, readPlan }
  }
}
