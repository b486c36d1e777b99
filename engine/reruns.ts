import type { Execution, RerunOptions, RerunPlan, RetryOptions } from './api.ts'
import type { LetIn } from './admission.ts'
import { forRerun, forRetry, inputsFor } from './carry.ts'
import type { Durable, EndedExecution } from './durable.ts'
import type { DurableStart } from './embedded/contract.ts'
import { EngineError } from './errors.ts'
import type { DeployedFlow } from './execution-info.ts'
import { newId } from './ids.ts'
import { checkKeys, checkTrace, takeInput } from './intake.ts'

const RETRY_OPTIONS: ReadonlySet<string> = new Set(['id', 'traceparent'])
const RERUN_OPTIONS: ReadonlySet<string> = new Set(['from', 'input', 'version', 'dryRun', ...RETRY_OPTIONS])

/** What they need of the engine around them. */
export interface RerunServices {
  readonly letIn: LetIn
  /** Rejects with EngineError `execution-not-found`, `execution-running`, `not-durable`. */
  ended(id: string): Promise<EndedExecution & { readonly durable: Durable }>
  /** The execution that a call with an id of its caller's has made before. */
  found(id: string | undefined): Promise<Execution | undefined>
  /** Rejects with EngineError `flow-not-found`, `version-not-found`. */
  deployed(ref: string, id: string): Promise<DeployedFlow>
  handle(id: string, flow: string): Execution
}

/** Executions that take over what another one has done. */
export class Reruns {
  private readonly services: RerunServices

  constructor(services: RerunServices) {
    this.services = services
  }

  /** As `engine.retry`. */
  async retry(id: string, options: RetryOptions): Promise<Execution> {
    checkKeys(options, RETRY_OPTIONS, 'retry')
    checkTrace(options.traceparent)
    const { durable, collector, deployed, record } = await this.services.ended(id)
    const made = await this.services.found(options.id)
    if (made !== undefined) return made
    if (record.status === 'succeeded') throw new EngineError('execution-not-failed', `execution ${id} succeeded; to run it again use rerun`)
    const newOne = options.id ?? newId()
    await durable.claimRetry(record, newOne)
    await durable.start(deployed, {
      ...this.startOf(newOne, 'retry', id, options),
      input: record.input ?? null,
      carried: forRetry(collector),
      replaced: collector.replaced,
    })
    return this.services.handle(newOne, record.flow)
  }

  /** As `engine.rerun`. */
  async rerun(id: string, options: RerunOptions): Promise<Execution | RerunPlan> {
    checkKeys(options, RERUN_OPTIONS, 'rerun')
    checkTrace(options.traceparent)
    const given = options.input === undefined ? undefined : takeInput(options.input)
    const { durable, collector, deployed, record } = await this.services.ended(id)
    const made = options.dryRun === true ? undefined : await this.services.found(options.id)
    if (made !== undefined) return made
    const { flow } = record
    const newOne = options.id ?? newId()
    const target = options.version === undefined ? deployed : await this.services.deployed(`${flow}:${options.version}`, newOne)
    if (target.plan.mode === 'express')
      throw new EngineError(
        'not-durable',
        `version ${target.version} of flow ${flow} is an express flow, which cannot be run again from a node`,
      )
    const from = options.from ?? target.plan.start
    const request = { from, before: deployed.plan, after: target.plan }
    const { carried, plan } = forRerun(collector, request)
    if (options.dryRun === true) return plan
    await durable.start(target, {
      ...this.startOf(newOne, 'rerun', id, options),
      input: record.input ?? null,
      carried,
      replaced: inputsFor(collector, request, given),
    })
    return this.services.handle(newOne, flow)
  }

  private startOf(
    newOne: string,
    type: 'retry' | 'rerun',
    retryOf: string,
    { id, traceparent }: RetryOptions,
  ): Omit<DurableStart, 'input'> {
    return {
      id: newOne,
      admit: (open) => this.services.letIn(open, 'standard'),
      fresh: id === undefined,
      trigger: { type },
      retryOf,
      ...(traceparent === undefined ? {} : { traceparent }),
    }
  }
}
