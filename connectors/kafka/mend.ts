/** Mends of kafkajs 2.2.4, which has been its last version for years. */
import { createRequire } from 'node:module'

/** How long requests that wait for others' answers are left alone; kafkajs's own. */
const CHECK_MS = 10

/** The slice of kafkajs's queue of requests that is mended. */
interface RequestQueue {
  readonly pending: { readonly length: number }
  readonly throttledUntil: number
  throttleCheckTimeoutId: NodeJS.Timeout | null
  scheduleCheckPendingRequests(): void
  checkPendingRequests(): void
}

let isDone = false

/**
 * After every answer kafkajs sets a timer at the end of a throttling that there mostly is not: some 50 years ago, of which Node 24 warns each
 * time. Here a timer is set only if something waits for it.
 */
export function mendRequestQueue(): void {
  if (isDone) return
  isDone = true
  const require = createRequire(import.meta.url)
  const { prototype } = require('kafkajs/src/network/requestQueue') as { readonly prototype: RequestQueue }
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.throttleCheckTimeoutId !== null) return
    const throttledMs = this.throttledUntil - Date.now()
    if (this.pending.length === 0 && throttledMs <= 0) return
    const check = (): void => {
      this.throttleCheckTimeoutId = null
      this.checkPendingRequests()
    }
    this.throttleCheckTimeoutId = setTimeout(check, throttledMs > 0 ? throttledMs : CHECK_MS)
  }
}
