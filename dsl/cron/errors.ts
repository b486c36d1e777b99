/** Thrown when a text is no cron expression (triggers.md, 2: `cron-syntax`). */
export class CronSyntaxError extends Error {
  /** Where in the text: UTF-16 units before the fault. The message counts from 1. */
  readonly position: number
  constructor(message: string, position: number) {
    super(`${message} (character ${position + 1})`)
    this.name = 'CronSyntaxError'
    this.position = position
  }
}

/** What stood there, shortened. */
export function quoted(text: string): string {
  return text === '' ? 'nothing' : JSON.stringify(text.length > 40 ? `${text.slice(0, 37)}...` : text)
}
