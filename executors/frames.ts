/*
 * The wire between the engine and a shim: lines of UTF-8 on two extra pipes, since stdout and stderr are the function's own.
 *
 * To the shim (its fd 3):
 *   the first line                  { handler, initializer, perInstance, function, app, memory, timeoutMs, ... }
 *   q[seq,requestId,attempt,remainingMs,callback,traceparent,version]   and, as the next line, the body
 *   c<seq>                          the engine gave up on this request
 * From the shim (its fd 4):
 *   y{...}                          ready: code loaded, initializer run
 *   f<error document>               it cannot become ready
 *   a<seq>                          takes the request: user code is about to run
 *   r<seq> <JSON>                   its result
 *   e<seq> <error document>         it failed
 *   E<seq> <error document>         it failed, and the process is about to end
 * On stdout and stderr lines beginning with NUL are the shim's: NUL, level (d i w e), seq, blank, text.
 */

/** Longer lines than the largest result and its header break the protocol. */
const LINE_LIMIT = 6 * 1024 * 1024 + 1024

const NEWLINE = 0x0a

/** Cuts what arrives into lines, without copying more than once. */
export class FrameReader {
  #parts: Buffer[] = []
  #size = 0
  readonly #onFrame: (line: string) => void
  readonly #onOverflow: () => void

  /** `onOverflow` is called when a line is longer than any that the protocol has; what follows is dropped. */
  constructor(onFrame: (line: string) => void, onOverflow: () => void) {
    this.#onFrame = onFrame
    this.#onOverflow = onOverflow
  }

  push(chunk: Buffer): void {
    let start = 0
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start)
      if (end < 0) break
      if (this.#size === 0) {
        this.#onFrame(chunk.toString('utf8', start, end))
      } else {
        this.#parts.push(chunk.subarray(start, end))
        const line = Buffer.concat(this.#parts)
        this.#parts = []
        this.#size = 0
        this.#onFrame(line.toString('utf8'))
      }
      start = end + 1
    }
    if (start === chunk.length || this.#size > LINE_LIMIT) return
    const rest = start === 0 ? chunk : chunk.subarray(start)
    this.#parts.push(rest)
    this.#size += rest.length
    if (this.#size > LINE_LIMIT) {
      this.#parts = []
      this.#onOverflow()
    }
  }
}
