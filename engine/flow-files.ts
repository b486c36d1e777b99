import type { Durable } from './durable.ts'

/**
 * What was last loaded from which flow file: a file is loaded again only when it says something else, so that changes by other ways outlive a
 * restart. All of it rejects with EngineError `store-failed`, `engine-closed`.
 */
export interface FlowFiles {
  /** Hashes of contents, by file. */
  loaded(): Promise<ReadonlyMap<string, string>>
  /** Notes what was loaded from a file. */
  note(file: string, hash: string): Promise<void>
}

/** Those of an engine, wherever it keeps its flows; `null`: in memory. */
export function flowFilesOf(durable: () => Promise<Durable> | null): FlowFiles {
  const memory = new Map<string, string>()
  return {
    async loaded() {
      return (await durable())?.files.loaded() ?? new Map(memory)
    },
    async note(file, hash) {
      const host = await durable()
      if (host === null) memory.set(file, hash)
      else await host.files.note(file, hash)
    },
  }
}
