import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { Waits } from '../../../engine/http/waits.ts'

const aborted = (signal: AbortSignal): Promise<string> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve('aborted')))

describe('waits', () => {
  it('are aborted after their time, or when the server is being ended', async () => {
    const closing = new AbortController()
    const waits = new Waits(closing.signal)
    expect(await waits.within(1, aborted)).toBe('aborted')
    const late = waits.within(3_600_000, aborted)
    closing.abort()
    expect(await late).toBe('aborted')
  })

  it('settle as their work does, and are forgotten then', async () => {
    const closing = new AbortController()
    const waits = new Waits(closing.signal)
    let signal: AbortSignal | undefined
    const work = async (given: AbortSignal): Promise<never> => {
      signal = given
      throw new Error('failed')
    }
    await expect(waits.within(3_600_000, work)).rejects.toThrow('failed')
    closing.abort()
    expect(signal?.aborted).toBe(false)
  })

  it('settle as what they wait for does, or without a value when the server is being ended', async () => {
    const closing = new AbortController()
    const waits = new Waits(closing.signal)
    expect(await waits.orEnd(Promise.resolve('done'))).toBe('done')
    await expect(waits.orEnd(Promise.reject(new Error('failed')))).rejects.toThrow('failed')
    const late = waits.orEnd(new Promise(() => undefined))
    closing.abort()
    expect(await late).toBeUndefined()
    expect(await waits.orEnd(new Promise(() => undefined))).toBeUndefined()
  })

  it('are aborted when the client has left, and are nothing to it any more when they are over', async () => {
    const client = new EventEmitter()
    const waits = new Waits(new AbortController().signal)
    const left = waits.within(3_600_000, aborted, client as never)
    client.emit('close')
    expect(await left).toBe('aborted')
    await waits.within(3_600_000, async () => 'done', client as never)
    expect(client.listenerCount('close')).toBe(0)
  })
})
