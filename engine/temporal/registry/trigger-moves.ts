import type { Move, TriggerKey } from '../../triggers/progress.ts'
import type { Database } from './database.ts'

/** So long moves are gathered: what a crash loses of them comes again, and finds its executions. */
const GATHER_MS = 50

interface Waiting {
  readonly trigger: TriggerKey
  readonly move: Move
}

const ADVANCE = `INSERT INTO fnflow.trigger_places AS p (scope, flow, name, generation, part, next, position)
  SELECT $1, n.* FROM unnest($2::text[], $3::text[], $4::int[], $5::text[], $6::text[], $7::float8[]) AS n (flow, name, generation, part, next, position)
  WHERE EXISTS (SELECT 1 FROM fnflow.triggers AS t WHERE t.scope = $1 AND t.flow = n.flow AND t.name = n.name)
  ON CONFLICT (scope, flow, name, generation, part) DO UPDATE SET next = excluded.next, position = excluded.position
  WHERE p.position IS NULL OR excluded.position IS NULL OR excluded.position >= p.position`
const FINISH = `UPDATE fnflow.trigger_places SET unfinished = NULL,
    next = CASE WHEN position IS NULL OR $7::float8 IS NULL OR $7 >= position THEN $6 ELSE next END,
    position = CASE WHEN position IS NULL OR $7::float8 IS NULL OR $7 >= position THEN $7 ELSE position END
  WHERE scope = $1 AND flow = $2 AND name = $3 AND generation = $4 AND part = $5 AND unfinished = $8`

/** Of a batch that was not begun for this: it may have been before, under another definition. */
const LEAVE = `INSERT INTO fnflow.trigger_places AS p (scope, flow, name, generation, part, next, position)
  SELECT $1, $2, $3, $4, $5, $6, $7 WHERE EXISTS (SELECT 1 FROM fnflow.triggers WHERE scope = $1 AND flow = $2 AND name = $3)
  ON CONFLICT (scope, flow, name, generation, part) DO UPDATE SET
    unfinished = nullif(p.unfinished, $8),
    next = CASE WHEN p.position IS NULL OR $7::float8 IS NULL OR $7 >= p.position THEN $6 ELSE p.next END,
    position = CASE WHEN p.position IS NULL OR $7::float8 IS NULL OR $7 >= p.position THEN $7 ELSE p.position END`

/** Moves of places on their way to PostgreSQL: of several for one part the last one is enough. */
export class MoveQueue {
  private readonly db: Database
  private readonly scope: number
  private waiting = new Map<string, Waiting>()
  private writing: Promise<void> = Promise.resolve()
  private timer: NodeJS.Timeout | null = null

  constructor(db: Database, scope: number) {
    this.db = db
    this.scope = scope
  }

  /** Of a batch with bounds: resolves when it is safe. Else at once: it is written soon. */
  async add(trigger: TriggerKey, move: Move): Promise<void> {
    const { flow, name, generation } = trigger
    const { part, next, bounds, isBegun = false } = move
    if (bounds !== undefined) {
      await this.flush()
      const place = [this.scope, flow, name, generation, part, JSON.stringify(next), positionOf(move), JSON.stringify(bounds)]
      await this.db.change(isBegun ? FINISH : LEAVE, place)
      return
    }
    this.waiting.set(keyOf(trigger, part), { trigger, move })
    this.timer ??= setTimeout(() => void this.flush().catch(() => undefined), GATHER_MS).unref()
  }

  /** Resolves when all that was added so far is safe. What the store does not take is tried again by the next one. */
  flush(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    const written = this.writing.then(() => this.write())
    this.writing = written.catch(() => undefined)
    return written
  }

  private async write(): Promise<void> {
    if (this.waiting.size === 0) return
    const all = this.waiting
    this.waiting = new Map()
    // sorted, so that two processes do not wait for each other
    const sorted = [...all].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one)
    const column = (value: (one: Waiting) => unknown): unknown[] => sorted.map(value)
    try {
      await this.db.change(ADVANCE, [
        this.scope,
        column(({ trigger }) => trigger.flow),
        column(({ trigger }) => trigger.name),
        column(({ trigger }) => trigger.generation),
        column(({ move }) => move.part),
        column(({ move }) => JSON.stringify(move.next)),
        column(({ move }) => positionOf(move)),
      ])
    } catch (error) {
      for (const [key, one] of all) if (!this.waiting.has(key)) this.waiting.set(key, one)
      throw error
    }
  }
}

function positionOf({ next }: Move): number | null {
  return typeof next === 'number' ? next : null
}

function keyOf({ flow, name, generation }: TriggerKey, part: string): string {
  return JSON.stringify([flow, name, generation, part])
}
