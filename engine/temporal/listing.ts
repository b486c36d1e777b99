/**
 * Lists: what runs from Temporal's visibility, what has ended from the database, newest first. Visibility knows no order by start, so it is
 * asked for stretches of time that hold few enough to be sorted here.
 */
import type { WorkflowExecutionInfo } from '@temporalio/client'
import { ATTRIBUTES, LANE_TYPE, MEMO, scopeAttribute } from '../../workflows/protocol/shapes.ts'
import type { ExecutionRecord, ExecutionStatus, ListOptions } from '../api.ts'
import { badCursor, checkList, triggerOf, type CheckedFilter } from '../list-options.ts'
import type { Cluster } from './cluster.ts'
import { statusOf } from './reader.ts'
import type { Registry } from './registry/registry.ts'

/** What has ended so recently that its record may still be on its way is asked of visibility, too. */
const RECENT_MS = 60_000
/** As many are fetched and sorted at once. */
const STRETCH = 1000
const FIRST_STRETCH_MS = 60_000
const LONGEST_STRETCH_MS = 20 * 365 * 86_400_000

interface Position {
  readonly startedAt: number
  readonly id: string
}

export async function listExecutions(
  cluster: Cluster,
  registry: Registry,
  scope: string,
  options: ListOptions,
): Promise<{ items: ExecutionRecord[]; nextCursor?: string }> {
  const { filter, limit, cursor } = checkList(options)
  if (filter.flows?.length === 0) return { items: [] }
  const before = cursor === undefined ? undefined : positionOf(cursor)
  const wanted = (status: ExecutionStatus): boolean => filter.statuses?.includes(status) ?? true
  // one behind the other: what is recorded while the live ones are looked at is left out there, and must be found here
  const live = await liveOnes(cluster, registry, scope, filter, before, limit + 1)
  const recorded = await registry.list({ ...filter, ...(before === undefined ? {} : { before }), limit: limit + 1 })
  const byId = new Map<string, ExecutionRecord>()
  for (const record of live) if (wanted(record.status)) byId.set(record.id, record)
  // a record says more than visibility does
  for (const record of recorded) byId.set(record.id, record)
  const items = [...byId.values()].filter((record) => before === undefined || isBehind(record, before)).sort(newestFirst)
  const shown = items.slice(0, limit)
  return items.length > limit ? { items: shown, nextCursor: cursorOf(shown.at(-1) as ExecutionRecord) } : { items: shown }
}

/** Those that run, and those that ended a moment ago; `most` of the newest behind `before`. */
async function liveOnes(
  { client }: Cluster,
  registry: Registry,
  scope: string,
  filter: CheckedFilter,
  before: Position | undefined,
  most: number,
): Promise<ExecutionRecord[]> {
  const base = [
    ...conditionsOf(scope, filter),
    `WorkflowType != ${quoted(LANE_TYPE)}`,
    `(ExecutionStatus = 'Running' OR CloseTime > ${quoted(new Date(Date.now() - RECENT_MS).toISOString())})`,
  ].join(' AND ')
  // starts are told to the millisecond, and many may share one
  const last = before === undefined ? Date.now() + 60_000 : before.startedAt + 1
  const end = Math.min(last, filter.startedBefore ?? last)
  const first = Math.max(0, filter.startedAfter ?? 0)
  const queryOf = (from: number, upTo: number): string =>
    `${base} AND StartTime < ${quoted(new Date(upTo).toISOString())}${from <= 0 ? '' : ` AND StartTime >= ${quoted(new Date(from).toISOString())}`}`
  const all = async (query: string): Promise<ExecutionRecord[]> => {
    const found: ExecutionRecord[] = []
    const runs = new Map<string, string>()
    for await (const info of client.workflow.list({ query, pageSize: STRETCH })) {
      const record = recordOf(info)
      found.push(record)
      if (record.status !== 'running') runs.set(record.id, info.runId)
    }
    const deleted = await registry.deletions.among([...runs].map(([id, runId]) => ({ id, runId })))
    const there = found.filter(({ id }) => !deleted.has(`${id}/${runs.get(id)}`))
    return (await withoutEnded(registry, there)).sort(newestFirst)
  }
  // mostly few run, and one look is enough
  if (end <= first) return []
  const { count } = await client.workflow.count(queryOf(first, end))
  if (count === 0) return []
  if (count <= STRETCH) return all(queryOf(first, end))
  const found: ExecutionRecord[] = []
  let upTo = end
  let stretch = FIRST_STRETCH_MS
  while (found.length < most && upTo > first) {
    const from = stretch > LONGEST_STRETCH_MS ? first : Math.max(first, upTo - stretch)
    const query = queryOf(from, upTo)
    const some = (await client.workflow.count(query)).count
    if (some > STRETCH && stretch > 1) {
      stretch = Math.max(1, Math.floor(stretch / 4))
      continue
    }
    if (some > 0) found.push(...(await all(query)))
    upTo = from
    stretch *= 4
  }
  return found
}

/** Ids of executions that a trigger has started and that run, at most so many. */
export async function runningOf(
  { client }: Cluster,
  scope: string,
  flow: string,
  trigger: { readonly type: string; readonly name: string },
  most: number,
): Promise<readonly string[]> {
  const query = [...conditionsOf(scope, { flows: [flow], trigger }), `ExecutionStatus = 'Running'`].join(' AND ')
  const ids: string[] = []
  for await (const { workflowId } of client.workflow.list({ query, pageSize: Math.min(most, STRETCH) })) {
    ids.push(workflowId)
    if (ids.length >= most) break
  }
  return ids
}

/** Of executions of a scope, in Temporal's query language. */
function conditionsOf(scope: string, { flows, parent, name, trigger }: CheckedFilter): string[] {
  const type = trigger === undefined ? '' : trigger.type
  return [
    `${ATTRIBUTES.version} IS NOT NULL`,
    `${ATTRIBUTES.scope} = ${quoted(scopeAttribute(scope))}`,
    ...(flows === undefined ? [] : [`WorkflowType IN (${flows.map(quoted).join(', ')})`]),
    ...(parent === undefined ? [] : [`${ATTRIBUTES.parent} = ${quoted(parent)}`]),
    ...(name === undefined ? [] : [`${ATTRIBUTES.name} = ${quoted(name)}`]),
    ...(trigger === undefined
      ? []
      : trigger.name === undefined
        ? [`(${ATTRIBUTES.trigger} = ${quoted(type)} OR ${ATTRIBUTES.trigger} STARTS_WITH ${quoted(`${type}/`)})`]
        : [`${ATTRIBUTES.trigger} = ${quoted(`${type}/${trigger.name}`)}`]),
  ]
}

/** Visibility may take what has ended for running, for seconds on a busy server: what has a record has ended. */
async function withoutEnded(registry: Registry, found: readonly ExecutionRecord[]): Promise<ExecutionRecord[]> {
  const running = found.flatMap(({ id, status }) => (status === 'running' ? [id] : []))
  const recorded = running.length === 0 ? new Set<string>() : await registry.hasRecord(running)
  return found.filter(({ id, status }) => status !== 'running' || !recorded.has(id))
}

function recordOf(info: WorkflowExecutionInfo): ExecutionRecord {
  const { workflowId: id, type: flow, startTime, closeTime, searchAttributes, memo } = info
  const value = (name: string): string | undefined => searchAttributes[name]?.[0] as string | undefined
  const parent = value(ATTRIBUTES.parent)
  const retryOf = value(ATTRIBUTES.retryOf)
  const trigger = value(ATTRIBUTES.trigger)
  const name = value(ATTRIBUTES.name)
  const revision = memo?.[MEMO.revision]
  return {
    id,
    flow,
    version: value(ATTRIBUTES.version) ?? 'latest',
    ...(typeof revision === 'string' ? { revision } : {}),
    mode: 'standard',
    ...(name === undefined ? {} : { name }),
    status: statusOf(info),
    startedAt: startTime.getTime(),
    ...(closeTime === undefined ? {} : { endedAt: closeTime.getTime() }),
    // which node of the parent it was, only the execution itself knows
    ...(parent === undefined ? {} : { parent: { execution: parent, node: '' } }),
    ...(retryOf === undefined ? {} : { retryOf }),
    ...(trigger === undefined ? {} : { trigger: triggerOf(trigger) }),
  }
}

function newestFirst(a: Position, b: Position): number {
  return b.startedAt - a.startedAt || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0)
}

function isBehind(record: Position, before: Position): boolean {
  return newestFirst(before, record) < 0
}

function cursorOf({ startedAt, id }: Position): string {
  return Buffer.from(`${startedAt} ${id}`).toString('base64url')
}

function positionOf(cursor: string): Position {
  const match = /^(\d{1,15}) (.{1,200})$/.exec(Buffer.from(cursor, 'base64url').toString())
  if (match === null) throw badCursor()
  return { startedAt: Number(match[1]), id: match[2] as string }
}

/** A text of Temporal's query language. */
function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
