import { KEY_KEPT_MS, type Claim, type KeyStore } from './idempotency.ts'
import { newId } from './ids.ts'

/** Bounds of what is kept. */
const MOST_KEYS = 10_000
const MOST_BYTES = 64 * 1024 * 1024

interface Kept {
  readonly content: Buffer
  readonly answer: Uint8Array
  readonly until: number
}

/** Keys of an engine without a store: they end with the process, as its executions do, and the oldest make room for new ones. */
export class MemoryKeys implements KeyStore {
  /** In the order of their answers. */
  private readonly kept = new Map<string, Kept>()
  private bytes = 0

  claim(key: Uint8Array, content: Uint8Array): Promise<Claim> {
    const name = Buffer.from(key).toString('base64url')
    const kept = this.kept.get(name)
    if (kept !== undefined && kept.until > Date.now())
      return Promise.resolve(kept.content.equals(content) ? { answer: kept.answer } : 'other-content')
    const nothing = (): Promise<undefined> => Promise.resolve(undefined)
    return Promise.resolve({
      turn: {
        id: newId(),
        repeated: false,
        run: (make) => make(),
        keep: (answer) => {
          this.forget(name)
          this.kept.set(name, { content: Buffer.from(content), answer, until: Date.now() + KEY_KEPT_MS })
          this.bytes += answer.byteLength
          for (const [oldest] of this.kept) {
            if (this.kept.size <= MOST_KEYS && this.bytes <= MOST_BYTES) break
            this.forget(oldest)
          }
          return nothing()
        },
        drop: nothing,
        release: nothing,
      },
    })
  }

  private forget(name: string): void {
    this.bytes -= this.kept.get(name)?.answer.byteLength ?? 0
    this.kept.delete(name)
  }
}
