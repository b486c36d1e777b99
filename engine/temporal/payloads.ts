import type { Payload } from '@temporalio/common'
import { payloadConverter } from '../../workflows/protocol/converter.ts'
import type { ClaimCheck } from './codec.ts'

/** Reads values out of histories. */
export class PayloadReader {
  private readonly codec: ClaimCheck

  constructor(codec: ClaimCheck) {
    this.codec = codec
  }

  /** The values; of none an empty list. */
  async all(payloads: { readonly payloads?: Payload[] | null } | null | undefined): Promise<unknown[]> {
    const given = payloads?.payloads
    if (given == null || given.length === 0) return []
    return (await this.codec.decode(given)).map((payload) => payloadConverter.fromPayload(payload))
  }

  async first(payloads: { readonly payloads?: Payload[] | null } | null | undefined): Promise<unknown> {
    const given = payloads?.payloads
    if (given == null || given.length === 0) return undefined
    const [decoded] = await this.codec.decode(given.slice(0, 1))
    return payloadConverter.fromPayload(decoded as Payload)
  }
}
