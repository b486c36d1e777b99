/** Thrown when a request must not be made. The message names no address: what a name means in here is not for whoever asks. */
export class OutboundRefused extends Error {
  readonly code = 'outbound-refused'
  constructor(reason: string) {
    super(reason)
    this.name = 'OutboundRefused'
  }
}
