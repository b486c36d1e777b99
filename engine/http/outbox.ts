import { Readable } from 'node:stream'

/** Bytes that may wait for a client, beside what the system has taken. */
const BEHIND = 1024 * 1024
/** What is handed on at a time: so that one large event shows whether the client reads. */
const SLICE = 64 * 1024

export interface OutboxOptions {
  /** A client is looked at so often, ms; default 1 s. */
  readonly lookMs?: number
  /** The source of a client that takes nothing is closed, and with it what it holds, until the client takes something again. Default: it stays open. */
  readonly again?: SourceAgain
}

/** How a source goes on behind what it has told. */
export interface SourceAgain {
  /** False where nothing new was told since it was last opened: what is told in one piece must come to its end. */
  hasAdvanced(): boolean
  open(): AsyncGenerator<string, void, undefined>
}

/** Looks after which the source of a client that is more than 1 MiB behind, and takes nothing, is closed. */
const MOST_HELD = 1

/** Looks after which a client that is more than 1 MiB behind, and takes nothing, is cut off. By number: a process that is busy looks less often. */
const MOST_STALLED = 8
/** The same of a client that is less behind, and of one that is behind for so long, whatever it takes. */
const MOST_BEHIND = 60

/**
 * A stream of texts for one client. It takes the texts as they come, up to 1 MiB ahead of the client, and no more while that much waits: what its
 * source makes of changes in the meantime is the latest state. A client that then takes nothing is cut off: the stream is destroyed.
 */
export class Outbox extends Readable {
  private texts: AsyncGenerator<string, void, undefined>
  private readonly again: SourceAgain | undefined
  private isClosed = false
  private readonly waiting: Buffer[] = []
  private bytes = 0
  private isWanted = false
  private isOver = false
  /** Looks since it has taken something, and since more than 1 MiB waits. */
  private stalled = 0
  private behind = 0
  private room: (() => void) | null = null
  private readonly watch: NodeJS.Timeout

  constructor(texts: AsyncGenerator<string, void, undefined>, { lookMs = 1000, again }: OutboxOptions = {}) {
    super({ highWaterMark: SLICE })
    this.texts = texts
    this.again = again
    this.watch = setInterval(() => this.look(), lookMs).unref()
    this.pump().catch((error: unknown) => this.destroy(error as Error))
  }

  override _read(): void {
    this.isWanted = true
    this.give()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearInterval(this.watch)
    this.waiting.length = 0
    this.room?.()
    // what waits for its next text ends by the signal that its source has
    this.texts.return().catch(() => undefined)
    done(error)
  }

  private async pump(): Promise<void> {
    for (;;) {
      const next = await this.texts.next()
      if (this.destroyed) return
      if (next.done === true) break
      this.add(Buffer.from(next.value))
      if (this.bytes <= BEHIND) continue
      await new Promise<void>((resolve) => (this.room = resolve))
      this.room = null
      if (this.destroyed) return
      if (!this.isClosed) continue
      this.isClosed = false
      this.texts = this.again!.open()
    }
    this.isOver = true
    this.give()
  }

  private add(data: Buffer): void {
    for (let at = 0; at < data.length; at += SLICE) this.waiting.push(data.subarray(at, at + SLICE))
    this.bytes += data.length
    this.give()
  }

  private give(): void {
    if (!this.isWanted) return
    const next = this.waiting.shift()
    if (next === undefined) {
      if (this.isOver) this.push(null)
      return
    }
    this.isWanted = false
    this.bytes -= next.length
    this.stalled = 0
    if (this.bytes <= BEHIND) this.room?.()
    this.push(next)
  }

  private look(): void {
    this.stalled = this.bytes === 0 ? 0 : this.stalled + 1
    this.behind = this.bytes > BEHIND ? this.behind + 1 : 0
    if (this.stalled > MOST_HELD && this.room !== null && !this.isClosed && this.again?.hasAdvanced() === true) {
      this.isClosed = true
      this.texts.return().catch((error: unknown) => this.destroy(error as Error))
    }
    if (this.stalled > (this.bytes > BEHIND ? MOST_STALLED : MOST_BEHIND) || this.behind > MOST_BEHIND)
      this.destroy(new Error('the client does not read what it has asked for'))
  }
}
