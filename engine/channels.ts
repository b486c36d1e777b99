import type { Channel, CloudEvent } from '../connectors/channels/contract.ts'
import { logChannel } from '../connectors/channels/log.ts'
import type { NodeRun } from '../dsl/core/state.ts'
import { ENGINE_ERRORS, NodeError, type ErrorDocument } from '../dsl/errors.ts'
import { cloudEventOf } from '../dsl/nodes/event.ts'
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
    let event: CloudEvent
    try {
      event = cloudEventOf(run, executionId)
    } catch (error) {
      queueMicrotask(() =>
        ended(false, error instanceof NodeError ? (error.document as unknown as Json) : channelError('InternalError', String(error))),
      )
      return
    }
    void this.send((run.node.plan as PlanEventNode).channel, event).then(({ ok, value }) => ended(ok, value))
  }

  /** Sends an event; resolves to the outcome of its node, and never rejects. */
  async send(name: string, event: CloudEvent): Promise<{ readonly ok: boolean; readonly value: Json }> {
    const channel = this.channels.get(name)
    if (channel === undefined) {
      const known = [...this.channels.keys()].join(', ') || 'none'
      return { ok: false, value: channelError('ChannelNotFound', `no channel ${name} is configured; known: ${known}`) }
    }
    try {
      await channel.publish(event)
      return { ok: true, value: { eventId: event.id } }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      return { ok: false, value: channelError('PublishFailed', `channel ${name}: ${reason}`) }
    }
  }
}

function channelError(errorType: string, errorMessage: string): Json {
  const status = errorType === 'ChannelNotFound' ? ENGINE_ERRORS.ChannelNotFound : 500
  return { status, errorType, errorMessage } satisfies ErrorDocument as unknown as Json
}
