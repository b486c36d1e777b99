/** Makes what the embedded engine stands on. Imported when a store is first needed. */
import type { CatalogueStore } from '../catalogue/store.ts'
import type { FlowRegistry } from '../flow-registry.ts'
import type { FunctionStore } from '../function-uploads/api.ts'
import { EmbeddedCatalogue } from './catalogue.ts'
import type { EmbeddedServices } from './contract.ts'
import { Deletions, NO_EXECUTIONS } from './deletions.ts'
import { EmbeddedDurable } from './embedded-durable.ts'
import { EmbeddedHost } from './embedded-host.ts'
import { Journal } from './journal.ts'
import { Store } from './store.ts'

export interface EmbeddedOptions {
  /** A folder, or `:memory:`. */
  readonly folder: string
  readonly flows: FlowRegistry
  readonly services: EmbeddedServices
  /** Takes over the functions that the store holds. */
  loadFunctions(store: FunctionStore): Promise<void>
  /** Test seam: every event is a commit of its own; called after each, true: stop here, as a crash would. */
  readonly afterEvent?: (() => boolean) | undefined
}

/** Opens a store, with all that was left in it under way again. Rejects with EngineError `store-locked`, `store-unusable`. */
export async function openEmbedded({ folder, flows, services, loadFunctions, afterEvent }: EmbeddedOptions): Promise<EmbeddedDurable> {
  const store = await Store.open(folder)
  const host = new EmbeddedHost(store, services)
  if (afterEvent !== undefined) {
    host.journal.eager = true
    host.afterEvent = afterEvent
  }
  const deletions = new Deletions(host)
  const catalogue = new EmbeddedCatalogue(store, host.journal, flows, deletions)
  const durable = new EmbeddedDurable(host, catalogue)
  try {
    await loadFunctions(durable.functions)
    catalogue.load()
    await saveAll(flows, catalogue)
    host.prepareRecovery()
  } catch (error) {
    // else its lock would be held for as long as this process lives
    host.abandon()
    throw error
  }
  // what was left goes on by itself; nobody has to wait for it
  setImmediate(() => {
    deletions.resume().catch(() => undefined)
    host.recover().catch(() => undefined)
  })
  return durable
}

/** In memory, for an engine that keeps nothing else. */
export async function openLoneCatalogue(flows: FlowRegistry): Promise<{ readonly catalogue: CatalogueStore; close(): void }> {
  const store = await Store.open(':memory:')
  const catalogue = new EmbeddedCatalogue(store, new Journal(store, () => undefined), flows, NO_EXECUTIONS)
  await saveAll(flows, catalogue)
  return { catalogue, close: () => store.close() }
}

/** Stores what was deployed before there was a store. */
async function saveAll(flows: FlowRegistry, catalogue: CatalogueStore): Promise<void> {
  for (const deployed of flows.all()) {
    if (deployed.source !== undefined) await catalogue.put({ ...deployed, source: deployed.source }, {})
  }
}
