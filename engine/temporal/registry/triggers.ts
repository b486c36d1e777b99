import type { Json } from '../../../dsl/json.ts'
import type { Plan, PlanTrigger } from '../../../dsl/plan.ts'
import type { ProgressStore } from '../../triggers/progress.ts'
import type { FlowTriggers, PendingMessage, TriggerNews, TriggerState, TriggerStore } from '../../triggers/store.ts'
import type { Database, Transaction } from './database.ts'
import { decodeJson, decodeText, encodeJson } from './encoding.ts'
import { ProgressRows } from './trigger-progress.ts'

/** Plans read in one statement. */
const PLANS_AT_ONCE = 100
/** Plans of which it is known what triggers they have. */
const MOST_KNOWN = 20_000
const NONE: readonly PlanTrigger[] = []

interface TriggerRow {
  readonly flow: string
  readonly name: string
  readonly enabled: boolean
  readonly generation: number
  readonly first_enabled_at: number | null
  readonly enabled_at: number | null
  readonly last_event_at: number | null
  readonly started: number
  readonly filtered: number
  readonly deduplicated: number
  readonly dead_lettered: number
  readonly skipped: number
  readonly lost: number
  readonly without_id: number
  /** Of `states` alone. */
  readonly halted?: boolean | null
}

/** The triggers of the deployed flows, and their state. */
export class TriggerRows implements TriggerStore {
  private readonly db: Database
  private readonly scope: number
  readonly progress: ProgressStore
  /** By the plan's hash: each plan is read once. */
  private readonly known = new Map<string, readonly PlanTrigger[]>()

  /** @param id See ProgressStore. */
  constructor(db: Database, scope: number, id: string) {
    this.db = db
    this.scope = scope
    this.progress = new ProgressRows(db, scope, id)
  }

  /** @param by In whose transaction; default: none. */
  async definitions(by: Pick<Transaction, 'rows'> = this.db): Promise<readonly FlowTriggers[]> {
    const flows = await by.rows<{ name: string; hash: string }>('SELECT name, hash FROM fnflow.flows WHERE scope = $1', [this.scope])
    const unknown = [...new Set(flows.map(({ hash }) => hash).filter((hash) => !this.known.has(hash)))]
    for (let at = 0; at < unknown.length; at += PLANS_AT_ONCE) await this.read(by, unknown.slice(at, at + PLANS_AT_ONCE))
    const defined = flows.map(({ name, hash }) => ({ flow: name, triggers: this.known.get(hash) ?? NONE }))
    if (this.known.size > MOST_KNOWN) this.forgetOthers(new Set(flows.map(({ hash }) => hash)))
    return defined.filter(({ triggers }) => triggers.length > 0)
  }

  async states(): Promise<readonly TriggerState[]> {
    const sql = 'SELECT *, halted_until > clock_timestamp() AS halted FROM fnflow.triggers WHERE scope = $1'
    const rows = await this.db.rows<TriggerRow>(sql, [this.scope], { name: 'triggers' })
    return rows.map(stateOf)
  }

  async begin(flow: string, name: string): Promise<TriggerState | undefined> {
    const row = await this.db.row<TriggerRow>(
      `INSERT INTO fnflow.triggers AS t (scope, flow, name, first_enabled_at, enabled_at)
       SELECT $1, $2, $3, $4, $4 WHERE EXISTS (SELECT 1 FROM fnflow.flows WHERE scope = $1 AND name = $2)
       ON CONFLICT (scope, flow, name) DO UPDATE SET first_enabled_at = coalesce(t.first_enabled_at, excluded.first_enabled_at),
         enabled_at = coalesce(t.enabled_at, excluded.enabled_at)
       RETURNING *`,
      [this.scope, flow, name, Date.now()],
    )
    return row && stateOf(row)
  }

  async setEnabled(flow: string, name: string, enabled: boolean): Promise<void> {
    await this.db.change(
      `INSERT INTO fnflow.triggers AS t (scope, flow, name, enabled)
       SELECT $1, $2, $3, $4 WHERE EXISTS (SELECT 1 FROM fnflow.flows WHERE scope = $1 AND name = $2)
       ON CONFLICT (scope, flow, name) DO UPDATE SET enabled = excluded.enabled,
         enabled_at = CASE WHEN excluded.enabled AND NOT t.enabled THEN $5 ELSE t.enabled_at END`,
      [this.scope, flow, name, enabled, Date.now()],
    )
  }

  async note(news: readonly TriggerNews[]): Promise<void> {
    // sorted, so that two processes do not wait for each other
    const sorted = [...news].sort((a, b) => (a.flow + a.name < b.flow + b.name ? -1 : 1))
    const column = (value: (one: TriggerNews) => unknown): unknown[] => sorted.map(value)
    await this.db.change(
      `INSERT INTO fnflow.triggers AS t (scope, flow, name, last_event_at, started, filtered, deduplicated, dead_lettered, skipped, lost, without_id)
       SELECT $1, n.* FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[],
         $10::bigint[], $11::bigint[]) AS n (flow, name, last_event_at, started, filtered, deduplicated, dead_lettered, skipped, lost, without_id)
       WHERE EXISTS (SELECT 1 FROM fnflow.flows AS f WHERE f.scope = $1 AND f.name = n.flow)
       ON CONFLICT (scope, flow, name) DO UPDATE SET last_event_at = greatest(t.last_event_at, excluded.last_event_at),
         started = t.started + excluded.started, filtered = t.filtered + excluded.filtered,
         deduplicated = t.deduplicated + excluded.deduplicated, dead_lettered = t.dead_lettered + excluded.dead_lettered,
         skipped = t.skipped + excluded.skipped, lost = t.lost + excluded.lost, without_id = t.without_id + excluded.without_id`,
      [
        this.scope,
        column(({ flow }) => flow),
        column(({ name }) => name),
        column(({ lastEventAt }) => lastEventAt),
        column(({ counts }) => counts.started ?? 0),
        column(({ counts }) => counts.filtered ?? 0),
        column(({ counts }) => counts.deduplicated ?? 0),
        column(({ counts }) => counts.deadLettered ?? 0),
        column(({ counts }) => counts.skipped ?? 0),
        column(({ counts }) => counts.lost ?? 0),
        column(({ counts }) => counts.withoutId ?? 0),
      ],
      // counted twice would be counted wrongly
      { repeatable: false },
    )
  }

  readonly pending = {
    begin: async (message: PendingMessage): Promise<PendingMessage> => {
      const { id, at } = message.published
      const data = await encodeJson(message as unknown as Json)
      const sql =
        'INSERT INTO fnflow.topic_messages (scope, id, begun_at, message) VALUES ($1, $2, $3, $4) ON CONFLICT (scope, id) DO NOTHING'
      if ((await this.db.change(sql, [this.scope, id, at, data])) > 0) return message
      const found = await this.db.row<{ message: Buffer }>('SELECT message FROM fnflow.topic_messages WHERE scope = $1 AND id = $2', [
        this.scope,
        id,
      ])
      // finished in between: its executions are there
      return found === undefined ? message : messageOf(found.message)
    },
    finish: async (id: string): Promise<void> => {
      await this.db.change('DELETE FROM fnflow.topic_messages WHERE scope = $1 AND id = $2', [this.scope, id])
    },
    left: async (olderThanMs: number, limit: number): Promise<readonly PendingMessage[]> => {
      const sql = `UPDATE fnflow.topic_messages SET begun_at = $4 WHERE scope = $1 AND id IN (
        SELECT id FROM fnflow.topic_messages WHERE scope = $1 AND begun_at <= $2 ORDER BY begun_at LIMIT $3 FOR UPDATE SKIP LOCKED) RETURNING message`
      const now = Date.now()
      const rows = await this.db.rows<{ message: Buffer }>(sql, [this.scope, now - olderThanMs, limit, now])
      return Promise.all(rows.map(({ message }) => messageOf(message)))
    },
  }

  private async read(by: Pick<Transaction, 'rows'>, hashes: readonly string[]): Promise<void> {
    const rows = await by.rows<{ hash: string; plan: Buffer }>('SELECT hash, plan FROM fnflow.plans WHERE hash = ANY ($1)', [hashes])
    for (const { hash, plan } of rows) {
      const { triggers } = JSON.parse(await decodeText(plan)) as Plan
      this.known.set(hash, triggers ?? NONE)
    }
  }

  private forgetOthers(needed: ReadonlySet<string>): void {
    for (const hash of this.known.keys()) if (!needed.has(hash)) this.known.delete(hash)
  }
}

async function messageOf(data: Buffer): Promise<PendingMessage> {
  return (await decodeJson(data)) as unknown as PendingMessage
}

function stateOf({ flow, name, enabled, generation, ...row }: TriggerRow): TriggerState {
  const { first_enabled_at: firstEnabledAt, enabled_at: enabledAt, last_event_at: lastEventAt } = row
  const { started, filtered, deduplicated, dead_lettered: deadLettered, skipped, lost, without_id: withoutId } = row
  return {
    flow,
    name,
    enabled,
    generation,
    firstEnabledAt,
    enabledAt,
    lastEventAt,
    counts: { started, filtered, deduplicated, deadLettered, skipped, lost, withoutId },
    ...(row.halted === true ? { isHalted: true } : {}),
  }
}
