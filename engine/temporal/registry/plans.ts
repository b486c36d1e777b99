import type { Database } from './database.ts'
import { decodeText, encodeText } from './encoding.ts'
import { ByteLru } from './lru.ts'

/** Of plans' texts that are kept. */
const CACHE_BYTES = 32 * 1024 * 1024
/** Of the note that a hash is saved. */
const NOTE_BYTES = 100
const NOTES_BYTES = 10_000 * NOTE_BYTES

/** Plans by hash, which never change; common to all scopes. */
export class Plans {
  private readonly db: Database
  private readonly texts = new ByteLru<string>(CACHE_BYTES)
  private readonly saved = new ByteLru<true>(NOTES_BYTES)

  constructor(db: Database) {
    this.db = db
  }

  async save(hash: string, planText: string): Promise<void> {
    if (this.saved.get(hash) === true) return
    await this.db.change('INSERT INTO fnflow.plans (hash, plan) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING', [
      hash,
      await encodeText(planText),
    ])
    this.keep(hash, planText)
  }

  async plan(hash: string): Promise<string | undefined> {
    const known = this.texts.get(hash)
    if (known !== undefined) return known
    const row = await this.db.row<{ plan: Buffer }>('SELECT plan FROM fnflow.plans WHERE hash = $1', [hash])
    if (row === undefined) return undefined
    const text = await decodeText(row.plan)
    this.keep(hash, text)
    return text
  }

  /** Notes what is in the database. */
  keep(hash: string, text: string): void {
    this.texts.set(hash, text, 2 * text.length)
    this.saved.set(hash, true, NOTE_BYTES)
  }
}
