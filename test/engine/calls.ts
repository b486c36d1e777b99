import { inspect } from 'node:util'
import type { ModuleHandler } from '../../executors/contract.ts'
import type { Json } from '../../dsl/json.ts'

/** One delivery of an invocation, as the function saw it. */
export interface Call {
  readonly name: string
  readonly requestId: string
  readonly attempt: number
  readonly event: any
  readonly signal: AbortSignal
  /** In callback nodes. */
  readonly callback: { readonly token: string; readonly url: string } | undefined
  resolve(value: Json): void
  reject(error: Error): void
}

/**
 * Functions that tell what happens to them: `echo` answers with its body, `a`, `b` and `c` with the body under their name, and `held` and
 * `held2` when the test says so.
 */
export class Calls {
  readonly all: Call[] = []
  /** Names of functions that throw at present. */
  readonly failing = new Set<string>()
  private released = false

  of(name: string): Call[] {
    return this.all.filter((call) => call.name === name)
  }

  /** The `count`-th call of a function, when it has come. */
  async called(name: string, count = 1): Promise<Call> {
    await until(() => this.of(name).length >= count, `call ${count} of ${name}`)
    return this.of(name)[count - 1] as Call
  }

  /** Answers all that is held, and from now on at once. */
  release(): void {
    this.released = true
    for (const { resolve } of this.all) resolve(null)
  }

  handlers(): Record<string, ModuleHandler> {
    return {
      echo: this.noted('echo', ({ event }) => event),
      a: this.noted('a', ({ event }) => ({ a: event })),
      b: this.noted('b', ({ event }) => ({ b: event })),
      c: this.noted('c', ({ event }) => ({ c: event })),
      held: this.noted('held', null),
      held2: this.noted('held2', null),
    }
  }

  private noted(name: string, answer: ((call: Call) => Json) | null): ModuleHandler {
    return (event, { request_id: requestId, attempt, signal, callback }) =>
      new Promise((resolve, reject) => {
        const call: Call = { name, requestId, attempt, event, signal, callback, resolve, reject }
        this.all.push(call)
        if (this.failing.has(name)) reject(Object.assign(new Error(`${name} fails`), { name: 'Broken' }))
        else if (answer !== null) resolve(answer(call))
        else if (this.released) resolve(null)
      })
  }
}

const PATIENCE_MS = 25_000

/** Polls, at first every few ms; fails when a busy machine would have done it too. */
export async function until(test: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const began = Date.now()
  while (!(await test())) {
    const waited = Date.now() - began
    if (waited > PATIENCE_MS) throw new Error(`never: ${what}`)
    await pause(Math.min(50, 5 + waited / 20))
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * The error that a promise is rejected with; throws if it is fulfilled. For tests that run side by side instead of `expect(…).rejects`, which
 * vitest books on the test that began last, and fails when that ends earlier.
 */
export async function rejection(promise: PromiseLike<unknown>): Promise<unknown> {
  let value: unknown
  try {
    value = await promise
  } catch (error) {
    return error
  }
  throw new Error(`expected a rejection, but the promise was fulfilled with ${inspect(value)}`)
}
