import type { PayloadCodec } from '@temporalio/common'
import type { Payload } from '@temporalio/common'
import { ENCODING, INLINE_KEY } from '../../workflows/protocol/converter.ts'
import { inlineLimit } from '../../workflows/protocol/limits.ts'
import { LANE_SEPARATOR } from '../../workflows/protocol/shapes.ts'
import type { PayloadStore } from './registry/types.ts'

/** What the codec knows of a payload's surroundings: the workflow that owns it. */
interface Context {
  readonly workflowId?: string
}

interface Reference {
  readonly owner: string
  readonly sha256: string
  readonly bytes: number
}

const INLINE = inlineLimit(0)
const REFERENCE_ENCODING = Buffer.from(ENCODING.reference)
const JSON_ENCODING = Buffer.from(ENCODING.json)

/**
 * The claim check: what is too large for a history goes to the payload store, a reference stays. Plans stay as their hash, and come back as
 * their text. Runs outside of the sandbox, on workers and clients; a store that is down fails the task, which Temporal gives out again.
 */
export class ClaimCheck implements PayloadCodec {
  private readonly payloads: PayloadStore
  private readonly plan: (hash: string) => Promise<string>

  /** @param plan The text of a plan; rejects where there is none. */
  constructor(payloads: PayloadStore, plan: (hash: string) => Promise<string>) {
    this.payloads = payloads
    this.plan = plan
  }

  encode(payloads: Payload[], context?: Context): Promise<Payload[]> {
    return each(payloads, (payload) => this.encodeOne(payload, context))
  }

  decode(payloads: Payload[]): Promise<Payload[]> {
    return each(payloads, (payload) => this.decodeOne(payload))
  }

  private encodeOne(payload: Payload, context: Context | undefined): Payload | Promise<Payload> {
    const { data, metadata } = payload
    if (!data || (data.length <= INLINE && metadata?.[INLINE_KEY] == null)) return payload
    const given = metadata?.[INLINE_KEY]
    const limit = given == null ? INLINE : Number(Buffer.from(given).toString())
    if (data.length <= limit || encodingOf(payload) !== ENCODING.json) return payload
    return this.store(data, ownerOf(context?.workflowId))
  }

  private async store(data: Uint8Array, owner: string): Promise<Payload> {
    const reference: Reference = { owner, sha256: await this.payloads.put(owner, data), bytes: data.length }
    return { metadata: { encoding: REFERENCE_ENCODING }, data: Buffer.from(JSON.stringify(reference)) }
  }

  private decodeOne(payload: Payload): Payload | Promise<Payload> {
    const encoding = encodingOf(payload)
    const text = (): string => Buffer.from(payload.data as Uint8Array).toString()
    if (encoding === ENCODING.plan) {
      return this.plan(text()).then((plan) => ({ ...payload, data: Buffer.from(plan) }))
    }
    if (encoding !== ENCODING.reference) return payload
    const { owner, sha256 } = JSON.parse(text()) as Reference
    return this.payloads.get(owner, sha256).then((data) => ({ metadata: { encoding: JSON_ENCODING }, data }))
  }
}

/** The execution that a workflow belongs to: itself, or of a lane the one before the separator. */
export function ownerOf(workflowId: string | undefined): string {
  if (workflowId === undefined) return ''
  const at = workflowId.indexOf(LANE_SEPARATOR)
  return at < 0 ? workflowId : workflowId.slice(0, at)
}

function encodingOf({ metadata }: Payload): string {
  const encoding = metadata?.['encoding']
  return encoding == null ? '' : Buffer.from(encoding).toString()
}

/** Without a promise per payload where nothing is to be waited for. */
async function each(payloads: Payload[], one: (payload: Payload) => Payload | Promise<Payload>): Promise<Payload[]> {
  const done = payloads.map(one)
  return done.some((payload) => payload instanceof Promise)
    ? Promise.all(done.map((payload) => Promise.resolve(payload)))
    : (done as Payload[])
}
