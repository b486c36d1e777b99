/** Which addresses are anybody's, and which are this network's own. */
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

type Address = ipaddr.IPv4 | ipaddr.IPv6

/** Looks public and is not: the metadata service of Azure's machines. */
const NOT_PUBLIC = ['168.63.129.16']
/** All of IPv6 that is routed to anybody. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')
/** Translated to the IPv4 address of its last four bytes. */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96')

/**
 * True for an address of the public internet; false for all others: loopback, private, link-local (metadata services), shared (CGNAT), multicast,
 * reserved ones, and what wraps such an IPv4 address. Also false for what is no address.
 */
export function isPublic(text: string): boolean {
  if (isIP(text) === 0) return false
  // an IPv4 address mapped into IPv6 is taken for what it is
  const address = ipaddr.process(text)
  if (address.kind() === 'ipv4') return address.range() === 'unicast' && !NOT_PUBLIC.includes(address.toString())
  if (address.match(NAT64)) return isPublic(new ipaddr.IPv4(address.toByteArray().slice(12)).toString())
  return address.range() === 'unicast' && address.match(GLOBAL_UNICAST)
}

interface HostRule {
  readonly host: string
  readonly port: string | undefined
}

/** What is let through although it is not public: hosts (`name`, `name:8080`, `*.name`), addresses, networks (`10.0.0.0/8`). */
export class AllowList {
  private readonly hosts: HostRule[] = []
  private readonly networks: [Address, number][] = []

  /** Throws RangeError for an entry that is none of these. */
  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      const network = networkOf(entry)
      if (network === undefined) this.hosts.push(hostRule(entry))
      else this.networks.push(network)
    }
  }

  /** Whether all that a host stands for is let through. */
  hasHost(hostname: string, port: string): boolean {
    const name = plain(hostname)
    return this.hosts.some(
      ({ host, port: only }) =>
        (only === undefined || only === port) && (host.startsWith('*.') ? name.endsWith(host.slice(1)) : name === host),
    )
  }

  hasAddress(text: string): boolean {
    if (isIP(text) === 0) return false
    const address = ipaddr.process(text)
    return this.networks.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits))
  }
}

function networkOf(entry: string): [Address, number] | undefined {
  const [text = '', bits, ...more] = entry.replace(/^\[(.*)\]$/, '$1').split('/')
  if (isIP(text) === 0 || more.length > 0) return undefined
  const address = ipaddr.parse(text)
  const most = address.kind() === 'ipv4' ? 32 : 128
  const length = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : Infinity
  if (length > most) throw new RangeError(`${entry} is no network: it has up to ${most} bits, such as 10.0.0.0/8`)
  return [address, length]
}

function hostRule(entry: string): HostRule {
  const match = /^((?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::(\d{1,5}))?$/.exec(plain(entry))
  if (match === null) throw new RangeError(`${entry} is no host, address or network, such as files.internal or 10.0.0.0/8`)
  return { host: match[1] as string, port: match[2] }
}

/** As it is compared: a full stop at the end of a name says nothing. */
function plain(hostname: string): string {
  return hostname.toLowerCase().replace(/\.$/, '')
}
