import { EngineError } from '../errors.ts'

/** After a wait that has failed and may not have been meant. */
const AGAIN_MS = 1000

/** The executions of one trigger that run, as far as this process is to count them. */
export class InFlight {
  private readonly ended: (id: string) => Promise<void>
  private readonly listeners = new Set<(hasRoom: boolean) => void>()
  private readonly freed = new Set<() => void>()
  private readonly held = new Set<string>()
  private reserved = 0
  most: number

  /** @param ended Resolves when the execution has ended, and rejects where that cannot be known now. */
  constructor(most: number, ended: (id: string) => Promise<void>) {
    this.most = most
    this.ended = ended
  }

  get count(): number {
    return this.reserved
  }

  get hasRoom(): boolean {
    return this.reserved < this.most
  }

  /** How many more there may be. */
  get room(): number {
    return Math.max(0, this.most - this.reserved)
  }

  /** Takes a place for a start that is to follow. False where there is none. */
  reserve(): boolean {
    if (!this.hasRoom) return false
    this.add()
    return true
  }

  /** Gives a place back: nothing was started. */
  release(): void {
    this.reserved -= 1
    if (this.reserved === this.most - 1) this.tell()
    for (const listener of this.freed) listener()
  }

  /** Keeps the place that was reserved until an execution has ended. */
  hold(id: string): void {
    // the same event may have come again
    if (this.held.has(id)) return this.release()
    this.held.add(id)
    void this.wait(id)
  }

  /** An execution that runs already, whatever room there is. */
  adopt(id: string): void {
    this.add()
    this.hold(id)
  }

  onRoom(changed: (hasRoom: boolean) => void): () => void {
    this.listeners.add(changed)
    return () => this.listeners.delete(changed)
  }

  /** Called each time that one has given its place back. */
  onFreed(freed: () => void): () => void {
    this.freed.add(freed)
    return () => this.freed.delete(freed)
  }

  private let(id: string): void {
    this.held.delete(id)
    this.release()
  }

  private add(): void {
    this.reserved += 1
    if (this.reserved === this.most) this.tell()
  }

  private tell(): void {
    for (const listener of this.listeners) listener(this.hasRoom)
  }

  private async wait(id: string): Promise<void> {
    for (;;) {
      try {
        await this.ended(id)
        return this.let(id)
      } catch (error) {
        if (error instanceof EngineError && error.code === 'engine-closed') return
        // one that is gone does not run
        if (error instanceof EngineError && error.status === 404) return this.let(id)
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS).unref())
      }
    }
  }
}
