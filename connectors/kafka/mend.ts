/** Mends of kafkajs 2.2.4, which has been its last version for years. */
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { zstdCompress, zstdDecompress } from 'node:zlib'

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)
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

const require = createRequire(import.meta.url)
let isDone = false

/**
 * After every answer kafkajs sets a timer at the end of a throttling that there mostly is not: some 50 years ago, of which Node 24 warns each
 * time. Here a timer is set only if something waits for it.
 */
export function mendRequestQueue(): void {
  if (isDone) return
  isDone = true
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

/** Kafkajs has gzip alone; Node has zstd, too. Snappy and lz4 are left: a trigger says so. */
export function addCodecs(): void {
  // by require: as an ES module kafkajs exports them unnamed
  const { CompressionCodecs, CompressionTypes } = require('kafkajs') as typeof import('kafkajs')
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: ({ buffer }: { readonly buffer: Buffer }) => compress(buffer),
    decompress: (buffer: Buffer) => decompress(buffer),
  })
}
