import type { FlowFiles } from '../flow-files.ts'
import type { Journal } from './journal.ts'
import type { Store } from './store.ts'

/** Notes of flow files in SQLite. */
export class EmbeddedFlowFiles implements FlowFiles {
  private readonly store: Store
  private readonly journal: Journal

  constructor(store: Store, journal: Journal) {
    this.store = store
    this.journal = journal
  }

  loaded(): Promise<ReadonlyMap<string, string>> {
    return this.journal.read(() => {
      const rows = this.store.all<{ file: string; hash: string }>('SELECT file, hash FROM flow_files')
      return new Map(rows.map(({ file, hash }) => [file, hash]))
    })
  }

  note(file: string, hash: string): Promise<void> {
    this.journal.write(() =>
      this.store.run(
        'INSERT INTO flow_files (file, hash, loaded_at) VALUES (?,?,?) ON CONFLICT (file) DO UPDATE SET hash = excluded.hash, loaded_at = excluded.loaded_at',
        file,
        hash,
        Date.now(),
      ),
    )
    return this.journal.settled()
  }
}
