/** The event channels in fnflow.yaml (docs/triggers.md). */
import type { ChannelOptions } from '../engine/api.ts'
import { jsonOf, oneOf, shown, text, Wrong, type Around, type Leaf } from './config-leaf.ts'
import { membersOf, within } from './config-server-keys.ts'

const kind = oneOf('log', 'http', 'topic')
const mode = oneOf('binary', 'structured')

export const channels: Leaf<Readonly<Record<string, ChannelOptions>>> = {
  secret: true,
  ofText: jsonOf,
  take(value, around) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new Wrong(`expected a mapping of names to channels, such as alarms: { kind: topic, topic: alarms }${shown(value)}`, true)
    const taken: Record<string, ChannelOptions> = {}
    for (const [name, given] of Object.entries(value)) {
      if (!/^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(name))
        throw new Wrong('expected a name of 1-64 of A-Z a-z 0-9 _ -, a letter first', true, [name], true)
      const isBroker = typeof given === 'object' && given !== null && Object.hasOwn(given, 'connection')
      taken[name] = within([name], () => (isBroker ? brokerChannelOf(given) : channelOf(given, around)))
    }
    return taken
  },
}

/** Which of the keys there are depends on the kind of the connection, which the engine knows. */
function brokerChannelOf(value: unknown): ChannelOptions {
  const expected = 'a channel over a connection'
  const members = membersOf(value, ['connection', 'topic', 'exchange', 'routingKey', 'vhost', 'mode'], expected)
  if (typeof members['connection'] !== 'string')
    throw new Wrong(`expected the name of a connection${shown(members['connection'])}`, true, ['connection'])
  return members as unknown as ChannelOptions
}

function channelOf(value: unknown, around: Around): ChannelOptions {
  const all = membersOf(value, ['kind', 'url', 'mode', 'secret', 'headers', 'topic'], 'a channel such as { kind: topic, topic: alarms }')
  const chosen = within(['kind'], () => kind.take(all['kind'], around))
  if (chosen === 'log') {
    membersOf(value, ['kind'], 'a channel of kind log')
    return { kind: 'log' }
  }
  if (chosen === 'topic') {
    const members = membersOf(value, ['kind', 'topic'], 'a channel of kind topic')
    return { kind: 'topic', topic: within(['topic'], () => text('the name of a topic').take(members['topic'], around)) }
  }
  const members = membersOf(value, ['kind', 'url', 'mode', 'secret', 'headers'], 'a channel of kind http')
  const secret = text('whsec_… or where it is found: { from: env, name: MY_SECRET }', true)
  return {
    kind: 'http',
    url: within(['url'], () => text('the URL that events are sent to', true).take(members['url'], around)),
    ...(members['mode'] === undefined ? {} : { mode: within(['mode'], () => mode.take(members['mode'], around)) }),
    ...(members['secret'] === undefined ? {} : { secret: within(['secret'], () => secret.take(members['secret'], around)) }),
    ...(members['headers'] === undefined ? {} : { headers: within(['headers'], () => headersOf(members['headers'], around)) }),
  }
}

function headersOf(value: unknown, around: Around): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Wrong('expected a mapping of headers to their values')
  const header = text('the value of a header, or where it is found: { from: env, name: MY_TOKEN }', true)
  return Object.fromEntries(Object.entries(value).map(([name, given]) => [name, within([name], () => header.take(given, around))]))
}
