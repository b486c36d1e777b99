/** UTF-16 units of a log line that are kept: 256 Ki. */
export const LOG_LINE_LIMIT = 256 * 1024

/** Cuts decoded output into lines; of an endless one the beginning is kept. */
export class LineSplitter {
  #rest = ''
  /** Inside a line whose beginning was already handed on. */
  #dropping = false
  readonly #onLine: (line: string) => void

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine
  }

  push(text: string): void {
    let start = 0
    for (;;) {
      const end = text.indexOf('\n', start)
      if (end < 0) break
      this.#end(text.slice(start, end))
      start = end + 1
    }
    if (this.#dropping || start === text.length) return
    this.#rest += start === 0 ? text : text.slice(start)
    if (this.#rest.length > LOG_LINE_LIMIT) {
      this.#emit(this.#rest)
      this.#rest = ''
      this.#dropping = true
    }
  }

  /** Hands on what has no newline yet. */
  flush(): void {
    if (this.#rest !== '') this.#end('')
  }

  #end(last: string): void {
    if (this.#dropping) {
      this.#dropping = false
      return
    }
    const line = this.#rest + last
    this.#rest = ''
    this.#emit(line)
  }

  #emit(line: string): void {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line
    this.#onLine(text.length > LOG_LINE_LIMIT ? `${text.slice(0, LOG_LINE_LIMIT)} [cut]` : text)
  }
}
