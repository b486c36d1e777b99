/*
 * What one would write by hand to survive a crash: a loop around `node:sqlite` that stores start, every step and end, and groups what
 * one turn of the event loop writes into one transaction. The rules:
 *
 * - WAL, synchronous=FULL, prepared statements, the same cache as ours, ids that grow.
 * - A step is called only when all that it follows from is committed; the result is given out only when the end is.
 * - The end travels with the last step, as ours does: W1 is 4 commits, not 5.
 * - Handlers are taken from a Map by name, called with a fresh body and a context object.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { HANDLERS, names, type WorkloadName } from './workloads.ts'

interface Value {
  readonly n: number
}

const W1 = names(3)
const W5 = names(50)

export class HandWrittenStore {
  private readonly db: DatabaseSync
  private readonly insertStart: StatementSync
  private readonly insertStep: StatementSync
  private readonly updateEnd: StatementSync
  private readonly beginIt: StatementSync
  private readonly commitIt: StatementSync
  private lastId = 0
  private writes: (() => void)[] = []
  private waiters: (() => void)[] = []

  constructor(file: string) {
    this.db = new DatabaseSync(file)
    this.db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -32000; PRAGMA temp_store = MEMORY')
    this.db.exec(`
      CREATE TABLE executions (id INTEGER PRIMARY KEY, flow TEXT NOT NULL, status TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER, input TEXT NOT NULL, output TEXT);
      CREATE TABLE steps (execution INTEGER NOT NULL, seq INTEGER NOT NULL, name TEXT NOT NULL, time INTEGER NOT NULL, output TEXT NOT NULL, PRIMARY KEY (execution, seq)) WITHOUT ROWID;`)
    this.insertStart = this.db.prepare("INSERT INTO executions (id, flow, status, started, input) VALUES (?, ?, 'running', ?, ?)")
    this.insertStep = this.db.prepare('INSERT INTO steps (execution, seq, name, time, output) VALUES (?, ?, ?, ?, ?)')
    this.updateEnd = this.db.prepare("UPDATE executions SET status = 'succeeded', ended = ?, output = ? WHERE id = ?")
    this.beginIt = this.db.prepare('BEGIN IMMEDIATE')
    this.commitIt = this.db.prepare('COMMIT')
  }

  newId(): number {
    return ++this.lastId
  }
  start(id: number, flow: string, input: unknown): Promise<void> {
    return this.write(() => this.insertStart.run(id, flow, Date.now(), JSON.stringify(input)))
  }
  step(id: number, seq: number, name: string, output: unknown): Promise<void> {
    return this.write(() => this.insertStep.run(id, seq, name, Date.now(), JSON.stringify(output)))
  }
  /** A step with which nothing but the end, or another branch, goes on: it need not be waited for alone. */
  stepWithin(id: number, seq: number, name: string, output: unknown): void {
    this.writes.push(() => this.insertStep.run(id, seq, name, Date.now(), JSON.stringify(output)))
    if (this.writes.length === 1) setImmediate(() => this.flush())
  }
  end(id: number, output: unknown): Promise<void> {
    return this.write(() => this.updateEnd.run(Date.now(), JSON.stringify(output), id))
  }
  close(): void {
    this.db.close()
  }

  private write(write: () => void): Promise<void> {
    this.writes.push(write)
    if (this.writes.length === 1) setImmediate(() => this.flush())
    return new Promise((resolve) => this.waiters.push(resolve))
  }

  private flush(): void {
    const { writes, waiters } = this
    this.writes = []
    this.waiters = []
    this.beginIt.run()
    for (const write of writes) write()
    this.commitIt.run()
    for (const resolve of waiters) resolve()
  }
}

function call(name: string, n: number): Promise<Value> {
  return HANDLERS.get(name)!({ n }, { name, attempt: 1 }) as Promise<Value>
}

async function sequence(store: HandWrittenStore, flow: string, steps: readonly string[], input: Value): Promise<Value> {
  const id = store.newId()
  await store.start(id, flow, input)
  let value = input
  for (let i = 0; i < steps.length; i++) {
    const name = steps[i] as string
    value = await call(name, value.n)
    if (i + 1 < steps.length) await store.step(id, i, name, value)
    else store.stepWithin(id, i, name, value)
  }
  await store.end(id, value)
  return value
}

async function parallel(store: HandWrittenStore, input: Value): Promise<unknown> {
  const id = store.newId()
  await store.start(id, 'w2', input)
  const branch = async (name: string, seq: number): Promise<Value> => {
    const value = await call(name, input.n)
    store.stepWithin(id, seq, name, value)
    return value
  }
  const output = { result: await Promise.all([branch('f1', 0), branch('f2', 1), branch('f3', 2)]) }
  await store.end(id, output)
  return output
}

async function condition(store: HandWrittenStore, input: Value): Promise<unknown> {
  const id = store.newId()
  await store.start(id, 'w3', input)
  const name = input.n > 5 ? 'f1' : 'f2'
  const value = await call(name, input.n)
  store.stepWithin(id, 0, name, value)
  await store.end(id, value)
  return value
}

async function loop(store: HandWrittenStore, flow: string, input: { readonly items: readonly number[] }, size: number): Promise<unknown> {
  const id = store.newId()
  await store.start(id, flow, input)
  const { items } = input
  const results = new Array<Value>(items.length)
  let seq = 0
  let next = 0
  const lane = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) {
      const first = await call('f1', items[i] as number)
      await store.step(id, seq++, 'f1', first)
      const value = await call('f2', first.n)
      results[i] = value
      // the next item of a pool's lane follows from this one's end
      if (next < items.length) await store.step(id, seq++, 'f2', value)
      else store.stepWithin(id, seq++, 'f2', value)
    }
  }
  await Promise.all(Array.from({ length: Math.min(size, items.length) }, lane))
  const output = { result: results }
  await store.end(id, output)
  return output
}

export const DURABLE: { readonly [K in WorkloadName]: (store: HandWrittenStore, input: any) => Promise<unknown> } = {
  w1: (store, input) => sequence(store, 'w1', W1, input),
  w2: parallel,
  w3: condition,
  w4: (store, input) => loop(store, 'w4', input, Infinity),
  'w4-10': (store, input) => loop(store, 'w4-10', input, 10),
  w5: (store, input) => sequence(store, 'w5', W5, input),
}
