/** What goes on with one answer: it is written to its connection. */
type Send = () => void

/**
 * Lets answers go together. A write to a socket whose client sleeps wakes it, which costs the writer more than the write itself; of many that are
 * written one behind the other most find their client's processor awake.
 *
 * Requests are read one by one, so what is answered at once is held until the turn of the event loop ends; those that waited for one thing, a commit
 * above all, become ready together and go as soon as the last of them is.
 */
export class AnswerBatch {
  private held: Send[] = []
  /** Added since the event loop has called somebody. */
  private added = 0

  add(send: Send): void {
    if (this.held.push(send) === 1) setImmediate(this.send)
    if (++this.added === 1) process.nextTick(this.called)
  }

  private readonly called = (): void => {
    const isGroup = this.added > 1
    this.added = 0
    if (isGroup) this.send()
  }

  private readonly send = (): void => {
    const { held } = this
    this.held = []
    for (const send of held) send()
  }
}
