/** Rows of the catalogue, which SQLite and PostgreSQL have alike but for the texts, and what they mean. */
import type { CatalogueDefinition, CatalogueFlow, FlowAlias } from './api.ts'
import { noText } from './decide.ts'
import type { FlowMode } from '../../dsl/plan.ts'

export interface FlowRow {
  readonly name: string
  readonly seq: number
  readonly hash: string
  readonly mode: FlowMode
  readonly etag: string | null
  readonly deployed_at: number
  readonly last_number: number
  readonly made_by: string | null
}

export interface VersionRow {
  readonly flow: string
  readonly seq: number
  readonly version: string
  readonly hash: string
  readonly mode: FlowMode
  readonly etag: string | null
  readonly published_at: number
  readonly description: string | null
}

export interface TextColumns {
  readonly format: 'json' | 'yaml' | null
  readonly text: string | null
  readonly json: string | null
}

export interface AliasRow {
  readonly alias: string
  readonly version: string
  readonly weight: number
  readonly other: string | null
  readonly updated_at: number
}

export const FLOW_COLUMNS = 'name, seq, hash, mode, etag, deployed_at, last_number, made_by'
export const VERSION_COLUMNS = 'flow, seq, version, hash, mode, etag, published_at, description'

/** One that an earlier fnflow has deployed has no ETag of a text; its revision says as much. */
export function etagOf({ etag, hash }: { readonly etag: string | null; readonly hash: string }): string {
  return etag ?? hash
}

export function flowOf(row: FlowRow): CatalogueFlow {
  return { flow: row.name, version: 'latest', hash: row.hash, mode: row.mode, etag: etagOf(row), deployedAt: row.deployed_at }
}

export function versionOf(row: VersionRow): CatalogueFlow {
  return {
    flow: row.flow,
    version: row.version,
    hash: row.hash,
    mode: row.mode,
    etag: etagOf(row),
    deployedAt: row.published_at,
    ...(row.description === null ? {} : { description: JSON.parse(row.description) as string }),
  }
}

/** Throws EngineError `conflict` where there is no text. */
export function definitionOf(flow: CatalogueFlow, { format, text, json }: TextColumns): CatalogueDefinition {
  if (format === null || text === null) throw noText(flow.flow)
  return { ...flow, format, text, json: json ?? text }
}

export function aliasOf({ alias, version, weight, other, updated_at: updatedAt }: AliasRow): FlowAlias {
  const versions = [{ version, weight }, ...(other === null ? [] : [{ version: other, weight: 100 - weight }])]
  return { alias, versions, updatedAt }
}
