import type { FunctionStore, StoredFunction } from './api.ts'

/** Of an engine without a store. */
export class MemoryFunctionStore implements FunctionStore {
  readonly folder = null
  readonly shared = null
  private readonly functions = new Map<string, StoredFunction>()

  async all(): Promise<readonly StoredFunction[]> {
    return [...this.functions.values()]
  }

  async find(key: string): Promise<StoredFunction | undefined> {
    return this.functions.get(key)
  }

  async save(stored: StoredFunction, before: string | null): Promise<'saved' | 'changed'> {
    if ((this.functions.get(stored.key)?.etag ?? null) !== before) return 'changed'
    this.functions.set(stored.key, stored)
    return 'saved'
  }

  async remove(key: string, before: string): Promise<boolean> {
    return this.functions.get(key)?.etag === before && this.functions.delete(key)
  }
}
