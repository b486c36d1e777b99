import type { Channel } from 'amqplib'
import { patience } from './patience.ts'
import { BrokerError } from './port.ts'
import { reasonOf } from './reason.ts'

export interface ChannelEnd {
  /** Resolves with why it has ended. */
  readonly ended: Promise<BrokerError>
  readonly isOpen: () => boolean
}

export function endOf(channel: Channel): ChannelEnd {
  let open = true
  let why: BrokerError | undefined
  const ended = new Promise<BrokerError>((resolve) => {
    channel.on('error', (error) => (why ??= reasonOf(error)))
    channel.on('close', () => {
      open = false
      resolve(why ?? new BrokerError('the channel was closed'))
    })
  })
  return { ended, isOpen: () => open }
}

/** Ends a channel in good order; gives up after a while: one whose connection is dead ends with that. */
export async function endChannel(channel: Channel, { ended, isOpen }: ChannelEnd): Promise<void> {
  if (!isOpen()) return
  await Promise.race([asked(() => channel.close()).catch(() => undefined), ended, patience()])
}

/** What amqplib throws, or rejects with, as a {@link BrokerError}. */
export async function asked<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    throw reasonOf(error)
  }
}
