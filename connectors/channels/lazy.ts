import type { Channel } from './contract.ts'

/** A channel whose driver is loaded when it first publishes; a failure to load it is tried again by the next event. */
export function lazyChannel(open: () => Promise<Channel>): Channel {
  let opened: Promise<Channel> | null = null
  return {
    async publish(event) {
      opened ??= open()
      const opening = opened
      opening.catch(() => {
        if (opened === opening) opened = null
      })
      return (await opening).publish(event)
    },
  }
}
