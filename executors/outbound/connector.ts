import { lookup, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { buildConnector } from 'undici'
import { AllowList, isPublic } from './addresses.ts'
import { OutboundRefused } from './refused.ts'

const CONNECT_MS = 10_000

type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>

/**
 * undici's connector, behind the checks: it connects to public addresses, and to what `allowPrivate` lets through. Throws RangeError for an entry that
 * is no host, address or network; fails with OutboundRefused.
 */
export function guardedConnector(allowPrivate: readonly string[], resolve: Resolve = systemResolve): buildConnector.connector {
  const allowed = new AllowList(allowPrivate)
  const make = (mayReach: (address: string) => boolean): buildConnector.connector =>
    buildConnector({ timeout: CONNECT_MS, allowH2: false, lookup: filtered(resolve, mayReach) })
  const isReached = (address: string): boolean => isPublic(address) || allowed.hasAddress(address)
  const toAny = make(() => true)
  const toPublic = make(isReached)
  return (options, callback) => {
    const { hostname, protocol } = options
    const port = options.port || (protocol === 'https:' ? '443' : '80')
    if (allowed.hasHost(hostname, port)) return toAny(options, callback)
    const address = hostname.replace(/^\[(.*)\]$/, '$1')
    // the resolver is not asked about addresses
    if (isIP(address) !== 0 && !isReached(address)) return void callback(notPublic(hostname), null)
    return toPublic(options, (...[error, socket]) => {
      if (error !== null) return callback(error, null)
      if (isReached(socket.remoteAddress ?? '')) return callback(null, socket)
      socket.destroy()
      callback(notPublic(hostname), null)
    })
  }
}

/** A look-up that tells only the addresses which may be reached, and fails where there are none. */
function filtered(resolve: Resolve, mayReach: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    const fail = (error: Error): void => callback(error, '', 0)
    resolve(hostname).then((found) => {
      const ofFamily = found.filter(
        ({ family }) => options.family === 0 || options.family === undefined || familyOf(options.family) === family,
      )
      const reached = ofFamily.filter(({ address }) => mayReach(address))
      const [first] = reached
      if (first === undefined) return fail(ofFamily.length === 0 ? notFound(hostname) : notPublic(hostname))
      if (options.all === true) callback(null, [...reached])
      else callback(null, first.address, first.family)
    }, fail)
  }
}

function familyOf(family: number | 'IPv4' | 'IPv6'): number {
  return family === 'IPv4' ? 4 : family === 'IPv6' ? 6 : family
}

function systemResolve(hostname: string): Promise<readonly LookupAddress[]> {
  return new Promise((resolve, reject) => {
    lookup(hostname, { all: true }, (error, addresses) => (error === null ? resolve(addresses) : reject(error)))
  })
}

function notPublic(hostname: string): OutboundRefused {
  return new OutboundRefused(`${hostname} is not of the public internet; server.outbound.allowPrivate lets hosts and networks be reached`)
}

function notFound(hostname: string): Error {
  return Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND', hostname })
}
