import { FLOW_NAME_PATTERN } from '../../dsl/nodes/fields.ts'
import { PAYLOAD_LIMIT } from '../../dsl/json-copy.ts'
import { EngineError } from '../errors.ts'
import { checkLimit, type DeployedFlow } from '../execution-info.ts'
import type { FlowRegistry } from '../flow-registry.ts'
import { checkKeys } from '../intake.ts'
import type {
  AliasTarget,
  Catalogue,
  CatalogueDefinition,
  CatalogueFlow,
  FlowAlias,
  Page,
  PageOptions,
  Preconditions,
  PublishOptions,
  PutOptions,
  PutResult,
} from './api.ts'
import { noFlow, noVersion } from './decide.ts'
import { checkTargets, isAliasName, isVersionName, splitRef } from './names.ts'
import type { CatalogueStore, PageRequest, PutRequest, SourcedFlow } from './store.ts'

/** What the catalogue needs of the engine around it. */
export interface CatalogueServices {
  readonly flows: FlowRegistry
  /** Throws EngineError `engine-closed`. */
  mustBeOpen(): void
  /** Opens the store where it is not open yet. */
  store(): Promise<CatalogueStore>
  /** Throws EngineError `not-express` for a flow that this engine cannot run. */
  admit(deployed: DeployedFlow): void
  /** Throws EngineError `path-taken` where another flow takes the requests of its triggers. Where others deploy, too, the store does. */
  takePaths(deployed: DeployedFlow): void
  /** The flows that are subscribed to the topics of its channels. */
  reached(deployed: DeployedFlow): Promise<readonly string[]>
  /** A flow was stored or removed. */
  changed(): void
  /** The express executions of a flow that run in this process. */
  running(flow: string): readonly { stop(): void }[]
}

const GET: ReadonlySet<string> = new Set(['version'])
const PAGE: ReadonlySet<string> = new Set(['limit', 'cursor'])
const LIST: ReadonlySet<string> = new Set([...PAGE, 'among'])
const PUT: ReadonlySet<string> = new Set(['id', 'name', 'format', 'permit', 'sees', 'ifMatch', 'ifNoneMatch'])
const REMOVE: ReadonlySet<string> = new Set(['force', 'ifMatch'])
const PUBLISH: ReadonlySet<string> = new Set(['id', 'version', 'description'])
const MOST_DESCRIPTION = 1000
const FLOW_NAME = new RegExp(FLOW_NAME_PATTERN)

/** Checks what comes in; the rest is the store's. */
export class LocalCatalogue implements Catalogue {
  private readonly services: CatalogueServices

  constructor(services: CatalogueServices) {
    this.services = services
  }

  async get(flow: string, options: { readonly version?: string } = {}): Promise<CatalogueDefinition> {
    checkKeys(options, GET, 'get')
    const { version } = options
    if (version !== undefined && typeof version !== 'string') throw new EngineError('bad-option', 'version must be a text')
    const store = await this.storeOf(flow)
    return store.find(flow, version === undefined ? undefined : splitRef(`:${version}`).qualifier)
  }

  async list(options: PageOptions & { readonly among?: readonly string[] } = {}): Promise<Page<CatalogueFlow>> {
    checkKeys(options, LIST, 'list')
    const { among } = options
    const page = pageRequest(options)
    return (await this.opened()).list({ ...page, ...(among === undefined ? {} : { among }) })
  }

  async put(source: string | Uint8Array | object, options: PutOptions = {}): Promise<PutResult> {
    checkKeys(options, PUT, 'put')
    const { name, format, permit, sees, id, ifMatch, ifNoneMatch } = options
    this.services.mustBeOpen()
    if (bytesAtMost(source) > PAYLOAD_LIMIT) throw new EngineError('payload-too-large', 'the definition is larger than 6 MiB')
    const deployed = await this.services.flows.load(source, format, sees)
    if (name !== undefined && name !== deployed.name)
      throw new EngineError('name-mismatch', `the definition is of flow ${deployed.name}, and it was to be of ${name}`)
    this.services.admit(deployed)
    if (permit !== undefined) permit(deployed.plan, await this.services.reached(deployed))
    return this.save(deployed, {
      ...(id === undefined ? {} : { id }),
      ...(ifMatch === undefined ? {} : { ifMatch }),
      ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
    })
  }

  /** Stores a flow that was checked. */
  async save(deployed: SourcedFlow, request: PutRequest = {}): Promise<PutResult> {
    const { name: flow, hash, plan, warnings, source } = deployed
    const store = await this.opened()
    // nothing comes between
    this.services.takePaths(deployed)
    const { created, deployedAt } = await store.put(deployed, request)
    this.services.changed()
    return { flow, version: 'latest', hash, mode: plan.mode, etag: source.etag, deployedAt, created, warnings }
  }

  async remove(flow: string, options: { readonly force?: boolean; readonly ifMatch?: Preconditions['ifMatch'] } = {}): Promise<void> {
    checkKeys(options, REMOVE, 'remove')
    const { force = false, ifMatch } = options
    const store = await this.storeOf(flow)
    const { running } = this.services
    await store.remove(flow, { force, isRunning: () => running(flow).length > 0, ...(ifMatch === undefined ? {} : { ifMatch }) })
    this.services.changed()
    for (const execution of running(flow)) execution.stop()
  }

  async publish(flow: string, options: PublishOptions = {}): Promise<CatalogueFlow> {
    checkKeys(options, PUBLISH, 'publish')
    const { version, description } = options
    if (version !== undefined && !isVersionName(version))
      throw new EngineError('bad-option', 'a version is called by 1 to 42 of A-Z a-z 0-9 . _ -, and not latest')
    if (description !== undefined && (typeof description !== 'string' || description.length > MOST_DESCRIPTION))
      throw new EngineError('bad-option', `the description of a version is a text of at most ${MOST_DESCRIPTION} characters`)
    return (await this.storeOf(flow)).publish(flow, options)
  }

  async versions(flow: string, options: PageOptions = {}): Promise<Page<CatalogueFlow>> {
    checkKeys(options, PAGE, 'versions')
    const page = pageRequest(options)
    return (await this.storeOf(flow)).versions(flow, page)
  }

  async version(flow: string, version: string): Promise<CatalogueDefinition> {
    const store = await this.storeOf(flow)
    if (typeof version !== 'string') throw noVersion(flow, String(version))
    return store.version(flow, version)
  }

  async aliases(flow: string): Promise<readonly FlowAlias[]> {
    return (await this.storeOf(flow)).aliases(flow)
  }

  async setAlias(
    flow: string,
    alias: string,
    target: { readonly version: string } | { readonly versions: readonly AliasTarget[] },
  ): Promise<FlowAlias & { readonly created: boolean }> {
    if (!isAliasName(alias))
      throw new EngineError('bad-option', 'an alias is called by 1 to 63 of A-Z a-z 0-9 . _ -, and neither latest nor by a number')
    const targets = checkTargets(target)
    return (await this.storeOf(flow)).setAlias(flow, alias, targets)
  }

  async removeAlias(flow: string, alias: string): Promise<void> {
    return (await this.storeOf(flow)).removeAlias(flow, String(alias))
  }

  private opened(): Promise<CatalogueStore> {
    this.services.mustBeOpen()
    return this.services.store()
  }

  private async storeOf(flow: string): Promise<CatalogueStore> {
    const store = await this.opened()
    // neither store need be asked for a name that no flow can have, which Temporal refuses
    if (typeof flow !== 'string' || !FLOW_NAME.test(flow)) throw noFlow(String(flow))
    return store
  }
}

function pageRequest({ limit, cursor }: PageOptions): PageRequest {
  return { limit: checkLimit(limit), ...(cursor === undefined ? {} : { cursor }) }
}

/** Of a text; an object is measured by its values when it is checked. */
function bytesAtMost(source: unknown): number {
  return typeof source === 'string' ? source.length : ArrayBuffer.isView(source) ? source.byteLength : 0
}
