/**
 * The embedded host: standard flows, durable in SQLite.
 *
 * - H1. An event counts when its transaction is committed; its commands are released, and observers told, only then.
 * - H2. The state in memory is the fold of the journal. If a commit fails, all of it is thrown away; when the store takes writes
 *   again everything that ran is folded anew, as after a crash.
 * - H3. What a recovery issues again carries the same ids (docs/design/journal.md), so whoever sees it twice can know it.
 */
import { begin, CORE_VERSION, createFlow, find, outstanding, step, type CoreEvent } from '../../dsl/core/machine.ts'
import { lineageOf, placeOf } from '../../dsl/core/place.ts'
import { NodeRun, type Command, type Effect, type FlowStart } from '../../dsl/core/state.ts'
import type { ErrorDocument } from '../../dsl/errors.ts'
import type { Json } from '../../dsl/json.ts'
import type { PlanSubflowNode } from '../../dsl/plan.ts'
import { awaitsCallback } from '../../dsl/nodes/callback.ts'
import type { LogLine } from '../../executors/contract.ts'
import type { RunningChild } from '../children.ts'
import type { ExecutionRecord } from '../api.ts'
import { EngineError, waitAborted } from '../errors.ts'
import type { DeployedFlow } from '../execution-info.ts'
import { callbackToken, derivedId, tokenHash } from '../ids.ts'
import { placeNamed } from '../node-names.ts'
import type { DependencyHealth } from '../observer.ts'
import type { DurableStart, EmbeddedServices, Follower, Outcome } from './contract.ts'
import { EmbeddedExecution, originOf, originOfRow, Release, StoredStart } from './execution.ts'
import { fold, type Folder } from './fold.ts'
import { Journal } from './journal.ts'
import { namedExecution, takeName } from './names.ts'
import { Reader } from './reader.ts'
import { Retention } from './retention.ts'
import { deleteTimer, insertEvent, insertExecution, outcomeOf, postponeTimer, writeCommands } from './rows.ts'
import { EVENT } from './schema.ts'
import type { CallbackRow, EventRow, ExecutionRow, Store, TimerRow } from './store.ts'
import { TimerService } from './timers.ts'
import { Followers, Waiters } from './waiting.ts'

/** Executions that wait and are still in memory; beyond it the oldest are dropped and folded when something arrives. */
const IDLE_LIMIT = 1000
/** How many executions a recovery folds before it lets others work. */
const RECOVERY_BATCH = 50
/** After which the timers of an execution that cannot be folded are looked at again. */
const BROKEN_PAUSE_MS = 3_600_000
/** A child may be an orphan, which only its parent's journal tells. */
const NOT_RESTING = ` AND NOT (parent IS NULL AND EXISTS (SELECT 1 FROM resting WHERE resting.execution = executions.key
  AND resting.seq = coalesce((SELECT max(seq) FROM events WHERE events.execution = executions.key), 0)))`
const BACKOFF_MS = [1000, 2000, 5000, 10_000, 30_000] as const

export class EmbeddedHost {
  readonly store: Store
  readonly journal: Journal
  readonly reader: Reader
  private readonly services: EmbeddedServices
  private readonly timers: TimerService
  private readonly retention: Retention
  private readonly loaded = new Map<string, EmbeddedExecution>()
  private readonly idle = new Map<string, EmbeddedExecution>()
  /** Executions that have ended, until the event loop has turned. */
  private readonly justEnded = new Map<string, EmbeddedExecution>()
  private readonly waiters = new Waiters()
  private readonly followers = new Followers()
  /** Running executions whose commands are still to be issued again: by the recovery, or by whoever needs one of them before. */
  private readonly unresumed = new Set<string>()
  /** Running executions that cannot be folded, and why. They stay as they are; all others go on. */
  private readonly broken = new Map<string, EngineError>()
  /** Hashes of plans that the store is known to hold. */
  private readonly savedPlans = new Set<string>()
  /** Executions that have not ended. */
  private open = 0
  private failures = 0
  private healing: NodeJS.Timeout | null = null
  private closed = false
  /** Test seam: told after every commit that held an event, before its commands are released. True: stop here, as a crash would. */
  afterEvent: (() => boolean) | null = null

  constructor(store: Store, services: EmbeddedServices) {
    this.store = store
    this.services = services
    this.reader = new Reader(store, this)
    this.journal = new Journal(store, (error) => this.storeFailed(error), services.invoker.observers)
    this.timers = new TimerService(
      store,
      (row) => this.timerFired(row),
      () => this.journal.settled(),
    )
    this.retention = new Retention(store, this.journal, services.retentionMs)
  }

  /** Notes what ran, before anything else can reach it: whoever loads one of these resumes it. Throws EngineError `store-unusable`. */
  prepareRecovery(): void {
    this.unresumed.clear()
    this.broken.clear()
    // the second condition lets SQLite take the partial index: without it a store of a million executions is read whole
    const running = `SELECT id FROM executions WHERE status = 'running' AND status <> 'succeeded'${this.services.announces ? '' : NOT_RESTING} ORDER BY key`
    const open = "SELECT count(*) AS count FROM executions WHERE status = 'running' AND status <> 'succeeded'"
    this.open = Number(this.store.get(open)?.['count'] ?? 0)
    for (const { id } of this.store.all<{ id: string }>(running)) {
      if (!this.loaded.has(id)) this.unresumed.add(id)
    }
  }

  /** Goes on with everything that ran, behind {@link prepareRecovery}; resolves when all of it is under way again. */
  async recover(): Promise<void> {
    if (this.closed) return
    this.timers.wake()
    this.retention.begin()
    let count = 0
    for (const id of [...this.unresumed]) {
      if (this.closed || this.journal.failure !== null) return
      try {
        if (this.unresumed.has(id)) this.get(id)
      } catch (error) {
        this.unreadable(id, error)
      }
      if (++count % RECOVERY_BATCH === 0) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Executions that have not ended. */
  get openCount(): number {
    return this.open
  }

  /** Writes the start; resolves when it is safe. An id or a name that exists: that execution, untouched. */
  start(deployed: DeployedFlow, start: DurableStart): Promise<{ readonly existed: boolean; readonly id: string }> {
    return new Promise((resolve, reject) => {
      if (this.closed) throw closedError()
      const isThere = start.fresh !== true && this.exists(start.id)
      const existing = isThere ? start.id : namedExecution(this.store, deployed.name, start)
      if (existing !== undefined) {
        const { along } = start
        if (along !== undefined) this.journal.write(() => along.write())
        this.journal.settled().then(() => resolve({ existed: true, id: existing }), reject)
        return
      }
      start.along?.check()
      start.admit?.(this.open)
      const startedAt = Date.now()
      const info = new StoredStart(
        { id: start.id, input: start.input, startedAt, version: deployed.version, trigger: start.trigger, traceparent: start.traceparent },
        this.store.secret,
        this.services.callbackUrl,
      )
      const key = this.store.newKey()
      const parent = start.parent?.place === undefined ? null : { execution: start.parent.execution, place: start.parent.place }
      const { observers } = this.services.invoker
      const flow = createFlow(deployed.prepared, info, observers.nodes)
      const execution = new EmbeddedExecution(this, key, info, deployed, start.depth ?? 0, parent, flow, 0, originOf(start))
      this.loaded.set(start.id, execution)
      let commands: Command[] = []
      // now, not at the commit: other starts of this turn are admitted by it, too
      this.open += 1
      this.journal.write(
        () => {
          this.savePlan(deployed)
          insertExecution(this.store, execution, start)
          takeName(this.store, key, deployed.name, start)
          if (start.carried !== undefined)
            for (const [place, data] of start.carried)
              this.note(execution, 'carry', place, data, { kind: 'carry', lineage: place, data, time: startedAt })
          if (start.replaced !== undefined)
            for (const [place, data] of start.replaced)
              this.note(execution, 'replace', place, data, { kind: 'replace', lineage: place, data, time: startedAt })
          commands = begin(execution.flow)
          writeCommands(this.store, execution, commands)
          start.along?.write()
        },
        {
          committed: () => {
            execution.safe = true
            observers.current?.executionStarted(deployed.name)
            resolve({ existed: false, id: start.id })
            if (this.afterEvent?.() === true) return
            this.release(execution, commands)
          },
          lost: (error) => {
            this.open -= 1
            this.discard(execution)
            reject(error)
          },
        },
      )
    })
  }

  /** In the transaction that first needs it: an execution must not point to a plan that was never written. */
  private savePlan({ hash, plan }: DeployedFlow): void {
    if (this.savedPlans.has(hash)) return
    this.store.run('INSERT OR IGNORE INTO plans (hash, plan) VALUES (?, ?)', hash, JSON.stringify(plan))
    this.savedPlans.add(hash)
  }

  /** The outcome, when it has ended. Rejects if the store fails meanwhile. */
  outcome(id: string, signal?: AbortSignal): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      if (this.journal.failure !== null) return reject(this.journal.failure)
      if (this.closed) return reject(closedError())
      if (signal?.aborted === true) return reject(waitAborted(signal))
      const broken = this.broken.get(id)
      if (broken !== undefined) return reject(broken)
      const execution = this.loaded.get(id)
      if (execution === undefined || execution.flow.status !== 'running') {
        const row = this.store.execution(id)
        if (row === undefined) return reject(new EngineError('execution-not-found', `no execution ${id}`))
        if (row.status !== 'running') {
          this.journal.settled().then(() => resolve(outcomeOf(row)), reject)
          return
        }
      }
      this.waiters.wait(id, signal).then(resolve, reject)
    })
  }

  /** As {@link outcome}; of what was just started nothing is read for it. */
  async whenEnded(id: string): Promise<void> {
    if (this.journal.failure !== null || this.closed) await this.outcome(id)
    else if (this.loaded.has(id) && !this.broken.has(id)) await this.waiters.wait(id, undefined)
    else if (!this.justEnded.has(id)) await this.outcome(id)
  }

  /** The record of an execution that is in memory; undefined: the store has it, if anybody. */
  recordOf(id: string, withData: boolean): ExecutionRecord | undefined {
    if (this.closed || this.journal.failure !== null) return undefined
    const execution = this.loaded.get(id)
    if (execution === undefined) return this.justEnded.get(id)?.record(withData)
    // an end may be under way to the disk
    return execution.safe && execution.flow.status === 'running' ? execution.record(withData) : undefined
  }

  /** Whoever waits for an end asks for the record next. */
  private keepEnded(execution: EmbeddedExecution): void {
    if (this.justEnded.size === 0) setImmediate(() => this.justEnded.clear())
    this.justEnded.set(execution.start.id, execution)
  }

  exists(id: string): boolean {
    return this.store.get('SELECT 1 FROM executions WHERE id = ?', id) !== undefined
  }

  isRunning(id: string): boolean {
    const execution = this.loaded.get(id)
    if (execution !== undefined) return execution.flow.status === 'running'
    return this.store.get<{ status: string }>('SELECT status FROM executions WHERE id = ?', id)?.status === 'running'
  }

  /** Stops a running execution; false if it has ended. Resolves when that is safe. */
  async stop(id: string): Promise<boolean> {
    if (this.journal.failure !== null) throw this.journal.failure
    const execution = this.get(id)
    const broken = this.broken.get(id)
    if (broken !== undefined) throw broken
    if (execution === null || execution.flow.status !== 'running') return false
    this.accept(execution, { kind: 'stop', time: Date.now() }, EVENT.stop, '', null)
    await this.journal.settled()
    return true
  }

  /** A callback token was presented. Resolves when its answer is safe, at once for the call that was taken; throws EngineError `callback-…`. */
  async called(token: string, ok: boolean, value: Json, call?: string): Promise<void> {
    if (this.journal.failure !== null) throw this.journal.failure
    const hash = tokenHash(token)
    const row = this.store.get<CallbackRow>('SELECT execution, place, used, used_by FROM callbacks WHERE hash = ?', hash)
    if (row === undefined) throw new EngineError('callback-not-found', 'no callback has this token')
    if (row.used === 1) {
      // its use may not be safe yet, and then it was none
      await this.journal.settled()
      if (call !== undefined && row.used_by === call) return
      throw new EngineError('callback-already-used', 'this callback was answered before; a token works once')
    }
    const execution = this.getByKey(row.execution)
    const run = execution === null ? null : find(execution.flow, row.place)
    if (execution === null || run === null || !awaitsCallback(run))
      throw new EngineError('callback-expired', 'nothing waits for this callback any more')
    const time = Date.now()
    const event: CoreEvent = ok
      ? { kind: 'called', place: row.place, data: value, time }
      : { kind: 'refused', place: row.place, data: value as unknown as ErrorDocument, time }
    this.accept(execution, event, ok ? EVENT.called : EVENT.refused, row.place, value, () =>
      this.store.run('UPDATE callbacks SET used = 1, used_by = ? WHERE hash = ?', call ?? null, hash),
    )
    await this.journal.settled()
  }

  /** The token of a callback node that waits. Throws EngineError `execution-not-found`, `node-not-found`, `node-not-waiting`, `conflict`. */
  tokenOf(id: string, node: string): string {
    if (this.journal.failure !== null) throw this.journal.failure
    const execution = this.get(id)
    const broken = this.broken.get(id)
    if (broken !== undefined) throw broken
    const { plan } = execution?.deployed ?? this.startOf(this.reader.row(id)).deployed
    const places: string[] = []
    if (execution !== null) this.eachWaiting(execution, (run) => places.push(placeOf(run)))
    return callbackToken(this.store.secret, id, placeNamed(places, node, { id, plan }))
  }

  /** An invocation, publication or child of a run has ended. */
  effectEnded(execution: EmbeddedExecution, run: NodeRun, ok: boolean, data: Json): void {
    execution.underWay -= 1
    if (execution.discarded || !run.active || run.kind === null) return
    const time = Date.now()
    const place = placeOf(run)
    if (ok) this.accept(execution, { kind: 'ok', run, data, time }, EVENT.ok, place, data)
    else this.accept(execution, { kind: 'error', run, data: data as unknown as ErrorDocument, time }, EVENT.error, place, data)
  }

  /** The standard child at a place has ended, or is known not to wait. */
  childEnded(parentId: string, place: string, ok: boolean, data: Json): void {
    const parent = this.get(parentId)
    const run = parent === null ? null : find(parent.flow, place)
    if (parent === null || run?.kind !== 'child') return
    const time = Date.now()
    if (ok) this.accept(parent, { kind: 'ok', run, data, time }, EVENT.ok, place, data)
    else this.accept(parent, { kind: 'error', run, data: data as unknown as ErrorDocument, time }, EVENT.error, place, data)
  }

  /** Carries out commands whose event is safe. */
  release(execution: EmbeddedExecution, commands: Command[]): void {
    if (execution.discarded) return
    if (this.closed) {
      // nothing new begins; who waits for an end is told
      if (execution.flow.status !== 'running') this.finished(execution)
      return
    }
    for (const command of commands) {
      if (command instanceof NodeRun) {
        // a later event of the same turn may have withdrawn it
        if (command.active && command.kind !== null) this.issue(execution, command, command.kind)
      } else if (command.kind === 'timer') this.timers.arm(command.due)
      else if (command.kind === 'cancel') this.withdraw(execution, command.run, command.effect)
      else if (command.kind === 'end') this.finished(execution)
    }
    if (execution.flow.status === 'running') this.settleIdle(execution)
  }

  log(execution: EmbeddedExecution, line: LogLine, node: string | undefined, attempt: number): void {
    if (execution.discarded) return
    const { time, requestId, level, text } = line
    this.journal.write(() =>
      this.store.run(
        'INSERT INTO logs (execution, time, node, request, level, line, attempt) VALUES (?,?,?,?,?,?,?)',
        execution.key,
        time,
        node ?? null,
        requestId,
        level,
        text,
        attempt,
      ),
    )
    this.services.log(line, execution.start.id, node)
  }

  /** Gets every event of the execution from now on, once safe. Returns how to stop. */
  follow(id: string, follower: Follower): () => void {
    return this.followers.add(id, follower)
  }

  /** What the core needs to fold a row. */
  startOf(row: ExecutionRow): { readonly deployed: DeployedFlow; readonly start: StoredStart } {
    if (row.core > CORE_VERSION)
      throw new EngineError('store-unusable', `execution ${row.id} was written by a newer fnflow; upgrade fnflow to go on with it`)
    const deployed = this.services.deployedOf(row.plan, row, () => {
      const plan = this.store.get<{ plan: string }>('SELECT plan FROM plans WHERE hash = ?', row.plan)
      if (plan === undefined) throw new EngineError('store-unusable', `the store has no plan ${row.plan} for execution ${row.id}`)
      return plan.plan
    })
    const trace = this.store.get<{ traceparent: string }>('SELECT traceparent FROM traces WHERE execution = ?', row.key)
    const start = new StoredStart(
      {
        id: row.id,
        input: JSON.parse(row.input) as Json,
        startedAt: row.started_at,
        version: row.version,
        trigger: row.trigger === null ? undefined : (JSON.parse(row.trigger) as NonNullable<FlowStart['trigger']>),
        traceparent: trace?.traceparent,
      },
      this.store.secret,
      this.services.callbackUrl,
    )
    return { deployed, start }
  }

  /** What the store is worth: writes, and a read. */
  health(): DependencyHealth {
    if (this.closed || this.journal.failure !== null) return { state: 'failed' }
    try {
      this.store.get('SELECT 1')
    } catch {
      return { state: 'failed' }
    }
    return this.unresumed.size > 0 ? { state: 'recovering', left: this.unresumed.size } : { state: 'ok' }
  }

  /** Lets go of everything without another word; what runs goes on when the store is opened again. */
  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    if (this.healing !== null) clearTimeout(this.healing)
    this.timers.close()
    this.retention.close()
    this.journal.drain()
    this.forget(new EngineError('engine-closed', 'the engine was closed; the execution goes on when its store is opened again'))
    this.store.close()
    await Promise.resolve()
  }

  /** As a crash would: nothing more is written or told. */
  abandon(): void {
    this.closed = true
    if (this.healing !== null) clearTimeout(this.healing)
    this.timers.close()
    this.retention.close()
    this.journal.abandon()
    this.forget(new EngineError('engine-closed', 'the engine was abandoned'))
    this.store.close()
  }

  private get(id: string): EmbeddedExecution | null {
    return this.loaded.get(id) ?? this.load(id)
  }

  private getByKey(key: number): EmbeddedExecution | null {
    const row = this.store.get<{ id: string }>('SELECT id FROM executions WHERE key = ?', key)
    return row === undefined ? null : this.get(row.id)
  }

  /** Folds a running execution from its journal; null if there is none or it has ended. */
  private load(id: string): EmbeddedExecution | null {
    // while the store fails nothing is kept in memory: the recovery could not tell that it is to be issued again
    if (this.closed || this.journal.failure !== null || this.broken.has(id)) return null
    const row = this.store.execution(id)
    if (row?.status !== 'running') return null
    let folded: { readonly deployed: DeployedFlow; readonly start: StoredStart; readonly folder: Folder }
    try {
      const { deployed, start } = this.startOf(row)
      const { nodes } = this.services.invoker.observers
      const folding = (): Folder => fold(deployed.prepared, start, this.store.events(row.key), nodes)
      folded = { deployed, start, folder: nodes === null ? folding() : nodes.quietly(folding) }
    } catch (error) {
      this.unreadable(id, error)
      return null
    }
    const { deployed, start, folder } = folded
    const parent = row.parent === null || row.parent_place === null ? null : { execution: row.parent, place: row.parent_place }
    const execution = new EmbeddedExecution(this, row.key, start, deployed, row.depth, parent, folder.flow, folder.seq, originOfRow(row))
    execution.safe = true
    this.loaded.set(id, execution)
    if (this.unresumed.delete(id)) this.resume(execution)
    return execution.flow.status === 'running' ? execution : null
  }

  /** One execution that cannot be folded must not keep the others from going on. */
  private unreadable(id: string, cause: unknown): void {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const error = new EngineError('store-unusable', `execution ${id} cannot be read from its journal: ${reason}`, { cause })
    this.broken.set(id, error)
    this.unresumed.delete(id)
    process.emitWarning(error.message, 'FnflowStoreWarning')
    this.waiters.failed(id, error)
  }

  /** Issues what a recovered execution has outstanding. Its timers are in the store. */
  private resume(execution: EmbeddedExecution): void {
    if (this.isOrphan(execution)) {
      this.accept(execution, { kind: 'stop', time: Date.now() }, EVENT.stop, '', null)
      return
    }
    for (const command of outstanding(execution.flow)) {
      if (!(command instanceof NodeRun)) continue
      if (command.kind !== null) this.issue(execution, command, command.kind, true)
    }
    this.announceWaiting(execution)
    this.settleIdle(execution)
  }

  /** True for a child whose parent no longer waits for it: it was to be stopped when the engine died. */
  private isOrphan({ parent }: EmbeddedExecution): boolean {
    if (parent === null || this.broken.has(parent.execution)) return false
    const waiting = this.get(parent.execution)
    if (waiting === null) return !this.broken.has(parent.execution)
    return find(waiting.flow, parent.place)?.kind !== 'child'
  }

  private announceWaiting(execution: EmbeddedExecution): void {
    this.eachWaiting(execution, (run) => {
      if (run.kind === null) this.announce(execution, run)
    })
  }

  /** Those whose function has not answered yet included. */
  private eachWaiting(execution: EmbeddedExecution, found: (run: NodeRun) => void): void {
    const visit = (run: NodeRun | null): void => {
      if (run === null) return
      if (run.node.plan.type === 'callback' && awaitsCallback(run)) found(run)
      if (run.children !== null) for (const child of run.children.values()) visit(child.current)
    }
    visit(execution.flow.root.current)
  }

  private announce(execution: EmbeddedExecution, run: NodeRun): void {
    const callback = execution.callbackAt(placeOf(run))
    this.services.onCallback({ execution: execution.start.id, flow: execution.deployed.name, node: run.node.id, ...callback })
  }

  /** Takes an event: the core steps, event and consequences are written, the commands wait for the commit (H1). */
  private accept(execution: EmbeddedExecution, event: CoreEvent, kind: number, place: string, data: Json, also?: () => void): void {
    this.idle.delete(execution.start.id)
    const release = new Release(execution)
    try {
      release.commands = step(execution.flow, event)
    } catch (error) {
      // a mistake of ours in one execution must not look like one of the store, which would take all down
      this.unreadable(execution.start.id, error)
      this.discard(execution)
      return
    }
    execution.pending += 1
    this.journal.write(() => {
      const row: EventRow = {
        seq: ++execution.seq,
        time: event.time,
        kind,
        place,
        data: data === null && kind === EVENT.stop ? null : JSON.stringify(data),
      }
      insertEvent(this.store, execution.key, row)
      also?.()
      writeCommands(this.store, execution, release.commands)
      release.row = row
      if (event.kind === 'ok' && event.run?.status === 'waiting' && event.run.node.plan.type === 'callback') release.waiting = event.run
    }, release)
  }

  private note(execution: EmbeddedExecution, kind: 'carry' | 'replace', place: string, data: unknown, event: CoreEvent): void {
    step(execution.flow, event)
    insertEvent(this.store, execution.key, { seq: ++execution.seq, time: event.time, kind: EVENT[kind], place, data: JSON.stringify(data) })
  }

  private issue(execution: EmbeddedExecution, run: NodeRun, effect: Effect, again = false): void {
    const { attempt } = run
    execution.underWay += 1
    if (effect === 'invoke') this.services.invoker.dispatch(run, execution, Date.now())
    else if (effect === 'publish') {
      this.services.channels.publish(run, execution.start.id, (ok, value) => {
        if (run.attempt === attempt) execution.ended(run, ok, value)
        else execution.underWay -= 1
      })
    } else this.launch(execution, run, again)
  }

  private launch(execution: EmbeddedExecution, run: NodeRun, again: boolean): void {
    const plan = run.node.plan as PlanSubflowNode
    const { attempt } = run
    const place = placeOf(run)
    run.handle = this.services.children.launch(
      run,
      {
        flow: plan.flow,
        wait: plan.wait,
        id: derivedId('child', execution.start.id, place),
        again,
        ...(execution.traceparent === undefined ? {} : { traceparent: execution.traceparent }),
        depth: execution.depth + 1,
        parent: { execution: execution.start.id, node: lineageOf(run), place },
      },
      (ok, value) => {
        if (run.attempt === attempt) execution.ended(run, ok, value)
      },
      // a durable child reports by place when it ends: nothing of it is held here
      () => {
        execution.underWay -= 1
        if (!execution.discarded) this.settleIdle(execution)
      },
    )
  }

  private withdraw(execution: EmbeddedExecution, run: NodeRun, effect: Effect): void {
    if (effect === 'invoke') {
      if (run.handle === null) return
      execution.underWay -= 1
      this.services.invoker.cancel(run)
    } else if (effect === 'child') {
      ;(run.handle as RunningChild | null)?.stop()
      // after a fold there is no handle; the id follows from the place. If the store fails, the recovery finds the orphan
      if ((run.node.plan as PlanSubflowNode).wait) this.stop(derivedId('child', execution.start.id, placeOf(run))).catch(() => undefined)
    }
  }

  private finished(execution: EmbeddedExecution): void {
    const { id } = execution.start
    this.open -= 1
    this.loaded.delete(id)
    this.idle.delete(id)
    const { status, output, error } = execution.flow
    this.services.invoker.observers.current?.executionEnded(execution.deployed.name, status)
    this.keepEnded(execution)
    this.waiters.ended({ id, status, output, error })
    if (execution.parent === null) return
    const { execution: parent, place } = execution.parent
    if (error === null) this.childEnded(parent, place, true, output)
    else this.childEnded(parent, place, false, error as unknown as Json)
  }

  /** Lets go of an execution that only waits, if there are many. */
  private settleIdle(execution: EmbeddedExecution): void {
    const { id } = execution.start
    this.idle.delete(id)
    if (execution.underWay > 0 || execution.pending > 0 || execution.flow.status !== 'running') return
    this.idle.set(id, execution)
    if (this.idle.size <= IDLE_LIMIT) return
    const [first] = this.idle
    const [oldest, { key, seq }] = first as [string, EmbeddedExecution]
    this.idle.delete(oldest)
    this.loaded.delete(oldest)
    this.journal.write(() => this.store.run('INSERT OR REPLACE INTO resting (execution, seq) VALUES (?,?)', key, seq))
  }

  /** Throws the state away; what is under way for it is cancelled and will be issued again. */
  private discard(execution: EmbeddedExecution): void {
    execution.discarded = true
    this.loaded.delete(execution.start.id)
    this.idle.delete(execution.start.id)
    for (const command of outstanding(execution.flow)) {
      if (!(command instanceof NodeRun) || command.handle === null) continue
      if (command.kind === 'invoke') this.services.invoker.cancel(command)
      else if (command.kind === 'child') (command.handle as RunningChild).abandon()
    }
  }

  private forget(error: EngineError): void {
    for (const execution of [...this.loaded.values()]) this.discard(execution)
    this.waiters.allFailed(error)
    this.followers.allFailed(error)
  }

  private storeFailed(error: EngineError): void {
    this.savedPlans.clear()
    this.forget(error)
    this.heal()
  }

  /** Tries, less and less often, whether the store takes writes again; then everything goes on as after a crash (H2). */
  private heal(): void {
    if (this.closed || this.healing !== null) return
    const delay = BACKOFF_MS[Math.min(this.failures, BACKOFF_MS.length - 1)] as number
    this.failures += 1
    this.healing = setTimeout(() => {
      this.healing = null
      if (this.closed) return
      try {
        this.journal.probe()
        this.prepareRecovery()
      } catch {
        this.heal()
        return
      }
      this.failures = 0
      this.recover().catch(() => undefined)
    }, delay)
  }

  private timerFired(row: TimerRow): void {
    const execution = this.getByKey(row.execution)
    const { place, purpose } = row
    if (execution === null && this.isBroken(row.execution)) {
      // not lost, and not in the way of the others
      return this.journal.write(() => postponeTimer(this.store, row.execution, place, purpose, Date.now() + BROKEN_PAUSE_MS))
    }
    const drop = (): void => deleteTimer(this.store, row.execution, place, purpose)
    const waits =
      execution !== null && (place === '' ? execution.flow.timer !== null : find(execution.flow, place)?.timer?.purpose === purpose)
    if (execution === null || !waits) return this.journal.write(drop)
    const time = Math.max(Date.now(), row.due)
    this.accept(execution, { kind: 'timer', place, purpose, time }, EVENT.timer, place, purpose, drop)
  }

  private isBroken(key: number): boolean {
    const row = this.broken.size === 0 ? undefined : this.store.get<{ id: string }>('SELECT id FROM executions WHERE key = ?', key)
    return row !== undefined && this.broken.has(row.id)
  }

  /** @internal For {@link Release}: tells followers and announces callbacks. */
  observed(execution: EmbeddedExecution, row: EventRow, waiting: NodeRun | null): void {
    this.followers.event(execution.start.id, row)
    if (waiting !== null && waiting.active) this.announce(execution, waiting)
  }
}

function closedError(): EngineError {
  return new EngineError('engine-closed', 'the engine is closed')
}
