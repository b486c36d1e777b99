/**
 * Requests to URLs that flows, functions.yaml and channels name. Whoever may write those must not reach by them what only this machine reaches:
 * its own ports, the network behind it, the metadata service of its cloud.
 *
 * 1. What counts is the address of the connection: it is looked at where the name is resolved for it, and again when it is made. A name that means
 *    another address the next time, and a redirect, end here as well.
 * 2. Connections are not shared with others: what is kept alive was made under 1.
 */
import type { LookupAddress } from 'node:dns'
import type { Agent, RequestInit, Response } from 'undici'
import { OutboundRefused } from './refused.ts'

export interface OutboundOptions {
  /** Hosts (`name`, `name:8080`, `*.name`), addresses and networks (`10.0.0.0/8`) that may be reached although they are not public. */
  readonly allowPrivate?: readonly string[]
}

/** What the tests may set. */
export interface OutboundSeams {
  /** In place of the machine's resolver. */
  readonly resolve?: (hostname: string) => Promise<readonly LookupAddress[]>
}

/** What connects is loaded when the first request is made. */
export class Outbound {
  private readonly options: OutboundOptions
  private readonly seams: OutboundSeams
  private opening: Promise<{ readonly agent: Agent; readonly fetch: typeof import('undici').fetch }> | undefined

  constructor(options: OutboundOptions = {}, seams: OutboundSeams = {}) {
    this.options = options
    this.seams = seams
  }

  /**
   * As `fetch` of the platform; answers are not unpacked beyond what it does. Rejects with OutboundRefused, and as `fetch` does, RangeError for a wrong
   * entry of `allowPrivate`.
   */
  async fetch(url: string | URL, init: Omit<RequestInit, 'dispatcher'> = {}): Promise<Response> {
    checkUrl(url)
    const { agent, fetch } = await (this.opening ??= this.open())
    try {
      return await fetch(url, { ...init, dispatcher: agent })
    } catch (error) {
      throw refusalIn(error) ?? error
    }
  }

  /** Waits for no one: requests under way end with an error. */
  async close(): Promise<void> {
    const opened = await this.opening?.catch(() => undefined)
    await opened?.agent.destroy()
  }

  private async open() {
    const [{ Agent, fetch }, { guardedConnector }] = await Promise.all([import('undici'), import('./connector.ts')])
    return { agent: new Agent({ connect: guardedConnector(this.options.allowPrivate ?? [], this.seams.resolve) }), fetch }
  }
}

/** Throws OutboundRefused unless it is http or https, without a name or password in it. */
export function checkUrl(url: string | URL): void {
  const parsed = URL.canParse(String(url)) ? new URL(url) : undefined
  if (parsed === undefined) throw new OutboundRefused('this is no URL')
  const { protocol, username, password } = parsed
  if (protocol !== 'http:' && protocol !== 'https:') throw new OutboundRefused(`URLs must be http or https, not ${protocol}`)
  if (username !== '' || password !== '') throw new OutboundRefused('URLs must not have a user or password in them')
}

/** `fetch` wraps what the connection failed with. */
function refusalIn(error: unknown): OutboundRefused | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof OutboundRefused) return at
  return undefined
}
