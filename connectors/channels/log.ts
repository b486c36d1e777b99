import type { Channel } from './contract.ts'

/** A channel that writes its events as lines of the log. */
export function logChannel(name: string, write: (text: string) => void): Channel {
  return {
    publish(event) {
      write(`[channel ${name}] ${JSON.stringify(event)}`)
      return Promise.resolve()
    },
  }
}
