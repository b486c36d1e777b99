import type { Channel, CloudEvent } from '../connectors/channels/contract.ts'
import { logChannel } from '../connectors/channels/log.ts'
import { placeOf } from '../dsl/core/place.ts'
import type { NodeRun } from '../dsl/core/state.ts'
import { ENGINE_ERRORS, NodeError, type ErrorDocument } from '../dsl/errors.ts'
import { eventData } from '../dsl/nodes/event.ts'
import { checkBounds } from '../dsl/json-bounds.ts'
import type { Json } from '../dsl/json.ts'
import type { PlanEventNode } from '../dsl/plan.ts'
import { EngineError } from './errors.ts'

/** The event channels of an engine, by name. */
export class Channels {
  private readonly channels = new Map<string, Channel>()

  constructor(configured: Readonly<Record<string, { readonly kind: string }>>, log: (text: string) => void) {
    for (const [name, { kind }] of Object.entries(configured)) {
      if (kind !== 'log') throw new EngineError('bad-option', `channel ${name}: kind ${kind} is not known; known: log`)
      this.channels.set(name, logChannel(name, log))
    }
  }

  has(name: string): boolean {
    return this.channels.has(name)
  }

  /** Publishes the event of an `event` node; `ended` gets the node's outcome, never synchronously. */
  publish(run: NodeRun, executionId: string, ended: (ok: boolean, value: Json) => void): void {
    const plan = run.node.plan as PlanEventNode
    const channel = this.channels.get(plan.channel)
    if (channel === undefined) {
      const known = [...this.channels.keys()].join(', ') || 'none'
      queueMicrotask(() => ended(false, channelError('ChannelNotFound', `no channel ${plan.channel} is configured; known: ${known}`)))
      return
    }
    let data: Json
    try {
      data = eventData(run).value
      checkBounds(data, `the data of event node ${run.node.id}`)
    } catch (error) {
      queueMicrotask(() =>
        ended(false, error instanceof NodeError ? (error.document as unknown as Json) : channelError('InternalError', String(error))),
      )
      return
    }
    const { flow } = run.scope
    const event: CloudEvent = {
      specversion: '1.0',
      id: `${executionId}/${placeOf(run)}`,
      source: plan.source ?? `/flows/${flow.prepared.plan.flow}`,
      type: plan.eventType ?? 'fnflow.event',
      ...(plan.subject === undefined ? {} : { subject: plan.subject }),
      time: new Date(flow.now).toISOString(),
      datacontenttype: 'application/json',
      data,
    }
    publishSafely(channel, event).then(
      () => ended(true, { eventId: event.id }),
      (error: unknown) =>
        ended(false, channelError('PublishFailed', `channel ${plan.channel}: ${error instanceof Error ? error.message : String(error)}`)),
    )
  }
}

async function publishSafely(channel: Channel, event: CloudEvent): Promise<void> {
  await channel.publish(event)
}

function channelError(errorType: string, errorMessage: string): Json {
  const status = errorType === 'ChannelNotFound' ? ENGINE_ERRORS.ChannelNotFound : 500
  return { status, errorType, errorMessage } satisfies ErrorDocument as unknown as Json
}
