import { randomUUID } from 'node:crypto'
import type { Engine, ExecutionFilter } from '../api.ts'
import { EngineError } from '../errors.ts'
import { derivedId, newId } from '../ids.ts'
import { checkKeys } from '../intake.ts'
import { checkFilter } from '../list-options.ts'
import type { BatchAction, Batches, BatchRecord, NewBatch } from './api.ts'
import type { BatchItem, BatchStore, BatchWork, ItemResult } from './store.ts'

const ACTIONS: readonly BatchAction[] = ['stop', 'retry', 'delete']
const OPTIONS: ReadonlySet<string> = new Set(['action', 'filter', 'id'])
const ID = /^[A-Za-z0-9_.-]{1,128}$/
/** Executions that are looked up, and that are done, at one time. */
const PAGE = 200
const AT_ONCE = 20
const RETRY_MS = 2000
/** How long the end of an engine waits for what is under way. */
const CLOSE_MS = 1000
/** What says nothing about the execution at hand: it is tried again. */
const PASSING: ReadonlySet<string> = new Set([
  'store-failed',
  'store-locked',
  'store-unusable',
  'temporal-unavailable',
  'engine-closed',
  'aborted',
  'too-many-executions',
])

type Actions = Pick<Engine, 'list' | 'stop' | 'retry' | 'delete' | 'describe'>

/** The batches of an engine, and what does them: one after another, and those that another process has left behind. */
export class LocalBatches implements Batches {
  private readonly engine: Actions
  private readonly store: () => Promise<BatchStore>
  private readonly owner = randomUUID()
  private working: Promise<void> | null = null
  private again = false
  private timer: NodeJS.Timeout | null = null
  private closed = false

  constructor(engine: Actions, store: () => Promise<BatchStore>) {
    this.engine = engine
    this.store = store
  }

  async create(options: NewBatch): Promise<BatchRecord> {
    checkKeys(options, OPTIONS, 'a batch')
    const { action, filter, id = newId() } = options
    if (!ACTIONS.includes(action)) throw new EngineError('bad-option', `a batch does ${ACTIONS.join(', ')}, not ${String(action)}`)
    if (typeof id !== 'string' || !ID.test(id)) throw new EngineError('bad-option', 'the id of a batch is 1 to 128 of A-Z a-z 0-9 _ . -')
    if (typeof filter !== 'object' || filter === null) throw new EngineError('bad-option', 'a batch needs a filter')
    const wanted = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)) as ExecutionFilter
    checkFilter(wanted, 'the filter of a batch')
    if (Object.keys(wanted).length === 0)
      throw new EngineError('bad-option', 'the filter of a batch must not be empty: say what executions are meant')
    const store = await this.store()
    await store.create({ id, action, filter: wanted, createdAt: Date.now() })
    this.wake()
    return this.get(id)
  }

  async get(id: string): Promise<BatchRecord> {
    const found = typeof id === 'string' && ID.test(id) ? await (await this.store()).get(id) : undefined
    if (found === undefined) throw new EngineError('batch-not-found', `no batch ${String(id)}`)
    return found
  }

  /** Goes on with what there is to do. */
  wake(): void {
    if (this.closed) return
    if (this.working !== null) {
      this.again = true
      return
    }
    if (this.timer !== null) clearTimeout(this.timer)
    this.working = this.work().finally(() => (this.working = null))
  }

  /** What is under way is ended; the rest goes on with the next process. */
  async close(): Promise<void> {
    this.closed = true
    if (this.timer !== null) clearTimeout(this.timer)
    let timer: NodeJS.Timeout | undefined
    await Promise.race([this.working, new Promise((resolve) => (timer = setTimeout(resolve, CLOSE_MS)))])
    clearTimeout(timer)
  }

  private async work(): Promise<void> {
    let pause: number | null = RETRY_MS
    try {
      const store = await this.store()
      pause = store.lookMs
      do {
        this.again = false
        for (let work = await store.claim(this.owner); work !== undefined && !this.closed; work = await store.claim(this.owner))
          await this.carryOut(store, work)
      } while (this.again && !this.closed)
    } catch {
      // the store or the cluster is away: what was begun is found again
      pause = RETRY_MS
    }
    if (pause !== null && !this.closed) this.timer = setTimeout(() => this.wake(), pause * (0.5 + Math.random())).unref()
  }

  private async carryOut(store: BatchStore, claimed: BatchWork): Promise<void> {
    for (let work = claimed; !work.isCollected;) {
      const { filter, cursor, createdAt } = work
      // what the batch itself makes starts later
      const startedBefore = Math.min(filter.startedBefore ?? Infinity, createdAt + 1)
      const page = await this.engine.list({ ...filter, startedBefore, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) })
      const ids = page.items.map(({ id }) => id)
      const next = page.nextCursor ?? null
      if (this.closed || !(await store.collect(work, this.owner, ids, next))) return
      work = { ...work, isCollected: next === null, ...(next === null ? {} : { cursor: next }) }
    }
    for (;;) {
      const items = await store.next(claimed.id, AT_ONCE)
      if (this.closed) return
      const results = await Promise.all(items.map((item) => this.do(claimed, item)))
      // behind a crash in between they are done again, which changes nothing
      if (!(await store.done(claimed.id, this.owner, results)) || items.length === 0) return
    }
  }

  /** Rejects where it may work later. */
  private async do({ id, action }: BatchWork, item: BatchItem): Promise<ItemResult> {
    const { execution } = item
    try {
      if (action === 'stop') await this.stop(execution)
      else if (action === 'retry') await this.engine.retry(execution, { id: derivedId('batch', id, execution) })
      else await this.delete(execution)
      return item
    } catch (error) {
      if (!(error instanceof EngineError) || PASSING.has(error.code)) throw error
      return { ...item, error: { execution, code: error.code, message: error.message } }
    }
  }

  /** One that is stopped already was stopped by this batch before a crash, or by somebody else to the same effect. */
  private async stop(id: string): Promise<void> {
    try {
      await this.engine.stop(id)
    } catch (error) {
      const isStopped =
        error instanceof EngineError && error.code === 'execution-not-running' && (await this.engine.describe(id)).status === 'cancelled'
      if (!isStopped) throw error
    }
  }

  /** One that is gone is deleted. */
  private async delete(id: string): Promise<void> {
    try {
      await this.engine.delete(id)
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'execution-not-found') throw error
    }
  }
}
