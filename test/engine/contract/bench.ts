import { afterAll, beforeAll, it } from 'vitest'
import type { Engine, EngineOptions, LogLine } from '../../../engine/index.ts'
import { Stage } from './stage.ts'
import type { Subject } from './subject.ts'

export type ContractTest = (stage: Stage) => Promise<void>
export type ToldLine = LogLine & { readonly execution?: string; readonly node?: string }

export interface TestOptions {
  /** A defect that makes the test fail at present. When it is mended the test fails until this is taken away. */
  readonly known?: string
  /** Where it does; default: everywhere. */
  readonly on?: readonly string[]
  /** Of a test that does more than others: how long it may take, ms. */
  readonly timeout?: number
}

/** Declares the tests of a contract. Most share one engine, each with names and functions of its own; some have one for themselves. */
export class Bench {
  readonly subject: Subject
  /** What the shared engine's functions and channels have logged. */
  readonly lines: ToldLine[] = []
  private readonly name: string
  private readonly stages: Stage[] = []
  private declared = 0
  private engine: Promise<Engine> | null = null

  constructor(name: string, subject: Subject) {
    this.name = name
    this.subject = subject
    beforeAll(async () => {
      if (this.stages.length > 0) await this.shared()
    })
    afterAll(async () => {
      for (const stage of this.stages) stage.calls.release()
      await (await this.engine)?.close()
    })
  }

  it(title: string, test: ContractTest, options: TestOptions = {}): void {
    const stage = new Stage(this.subject, ++this.declared)
    this.stages.push(stage)
    this.declare(title, options, async () => {
      stage.use(await this.shared(), this.lines)
      try {
        await test(stage)
      } finally {
        stage.calls.release()
      }
    })
  }

  /** A test with an engine of its own, which it may close. */
  alone(title: string, test: ContractTest, engine: EngineOptions = {}, options: TestOptions = {}): void {
    const number = ++this.declared
    this.declare(title, options, async () => {
      const stage = new Stage(this.subject, number)
      await stage.own(engine)
      try {
        await test(stage)
      } finally {
        stage.calls.release()
        await stage.engine.close()
      }
    })
  }

  private declare(title: string, { known, on, timeout }: TestOptions, run: () => Promise<void>): void {
    const fails = known !== undefined && (on === undefined || on.includes(this.name))
    it(fails ? `${title} [known: ${known}]` : title, { fails, ...(timeout === undefined ? {} : { timeout }) }, run)
  }

  private shared(): Promise<Engine> {
    return (this.engine ??= this.subject.open('shared', {
      functions: Object.assign({}, ...this.stages.map((stage) => stage.functions())),
      channels: { log: { kind: 'log' }, news: { kind: 'log' } },
      onCallback: (info) => this.stages.find((stage) => stage.isOwn(info.flow))?.callbacks.push(info),
      onLog: (line) => this.lines.push(line),
    }))
  }
}
