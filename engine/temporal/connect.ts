import { X509Certificate } from 'node:crypto'
import type { Connection, ConnectionLike } from '@temporalio/client'
import type { NativeConnection } from '@temporalio/worker'
import { ATTRIBUTES } from '../../workflows/protocol/shapes.ts'
import { EngineError } from '../errors.ts'
import type { ClusterOptions } from './options.ts'
import { workerSdk } from './sdk.ts'
import { codeOf, messageOf } from './temporal-errors.ts'

const CONNECT_TIMEOUT_MS = 5000
/** The oldest server that has all that is used here (user metadata, conflict policies); older ones are refused. */
const OLDEST_SERVER = [1, 28] as const
/** Search attributes reach all parts of a cluster with some delay. */
const ATTRIBUTES_TIMEOUT_MS = 30_000
const KEYWORD = 2

/** gRPC's codes, as the SDK's errors have them. */
const NOT_FOUND = 5
const PERMISSION_DENIED = 7
const UNAUTHENTICATED = 16

export type AnyConnection = Connection | NativeConnection

/**
 * Connects to Temporal, and makes sure that what is there will do: version, namespace, search attributes.
 * Rejects with EngineError `temporal-unavailable` that says what is wrong and what to do.
 *
 * @param native True for workers: the connection of Temporal's core, which their clients then share.
 */
export async function connectTemporal(options: ClusterOptions, native: boolean): Promise<AnyConnection> {
  checkCertificate(options)
  const connection = await connect(options, native)
  try {
    // what is wrong with the version is told first
    const checks = await Promise.allSettled([checkVersion(connection, options), checkNamespace(connection, options)])
    for (const check of checks) if (check.status === 'rejected') throw check.reason
    await registerAttributes(connection, options)
    return connection
  } catch (error) {
    await connection.close().catch(() => undefined)
    throw error
  }
}

/** The version of a Temporal server that will do; changes nothing there. Rejects as {@link connectTemporal} does. */
export async function checkTemporal(options: ClusterOptions): Promise<string> {
  checkCertificate(options)
  const connection = await connect(options, false)
  try {
    const checks = await Promise.allSettled([checkVersion(connection, options), checkNamespace(connection, options)])
    for (const check of checks) if (check.status === 'rejected') throw check.reason
    return (await ask(options, () => connection.workflowService.getSystemInfo({}))).serverVersion ?? ''
  } finally {
    await connection.close().catch(() => undefined)
  }
}

/** `host:port` */
export function addressOf({ host, port }: ClusterOptions): string {
  return `${host}:${port}`
}

async function connect(options: ClusterOptions, native: boolean): Promise<AnyConnection> {
  const { tls, apiKey } = options
  const address = addressOf(options)
  const tlsConfig = tls === null ? undefined : tlsOf(tls)
  const common = { address, ...(tlsConfig === undefined ? {} : { tls: tlsConfig }), ...(apiKey === null ? {} : { apiKey }) }
  // the SDK's own waits are long, and its messages do not say what is wrong
  const trouble = await probe(options)
  if (trouble !== null) throw unavailable(trouble)
  const connecting = native
    ? workerSdk().then(({ NativeConnection }) => NativeConnection.connect(common))
    : import('./retrying-connection.ts').then(({ connectRetrying }) => connectRetrying({ ...common, connectTimeout: CONNECT_TIMEOUT_MS }))
  try {
    return await connecting
  } catch (error) {
    throw unavailable(`Temporal at ${address} refuses the connection: ${messageOf(error)}${tlsHint(options)}`, error)
  }
}

function tlsOf({ ca, cert, key, serverName }: NonNullable<ClusterOptions['tls']>) {
  return {
    ...(ca === undefined ? {} : { serverRootCACertificate: Buffer.from(ca) }),
    ...(serverName === undefined ? {} : { serverNameOverride: serverName }),
    ...(cert === undefined || key === undefined ? {} : { clientCertPair: { crt: Buffer.from(cert), key: Buffer.from(key) } }),
  }
}

/** Says why nobody can connect, or null. With TLS it shakes hands, since only there the reason can be seen. */
async function probe(options: ClusterOptions): Promise<string | null> {
  const { tls, port } = options
  const host = options.host.replace(/^\[|\]$/g, '')
  const address = addressOf(options)
  const [{ connect: open }, { connect: openTls }] = await Promise.all([import('node:net'), import('node:tls')])
  return new Promise((resolve) => {
    const socket =
      tls === null
        ? open({ host, port })
        : openTls({
            host,
            port,
            servername: tls.serverName ?? host,
            ALPNProtocols: ['h2'],
            ...(tls.ca === undefined ? {} : { ca: tls.ca }),
            ...(tls.cert === undefined ? {} : { cert: tls.cert, key: tls.key }),
          })
    const done = (trouble: string | null): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(trouble)
    }
    const timer = setTimeout(
      () => done(`Temporal at ${address} does not answer within ${CONNECT_TIMEOUT_MS / 1000} s${tlsHint(options)}`),
      CONNECT_TIMEOUT_MS,
    )
    socket.once(tls === null ? 'connect' : 'secureConnect', () => done(null))
    socket.once('error', (error: NodeJS.ErrnoException) => done(troubleOf(error, options)))
  })
}

function troubleOf(error: NodeJS.ErrnoException, options: ClusterOptions): string {
  const address = addressOf(options)
  const { code } = error
  if (code === 'ECONNREFUSED') return `no Temporal server listens at ${address}; start one (temporal server start-dev), or give its address`
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `the name of the Temporal server ${address} is not known`
  if (code === 'CERT_HAS_EXPIRED') return `the certificate of the Temporal server at ${address} has expired; renew it there`
  if (code !== undefined && /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/.test(code))
    return `the certificate of the Temporal server at ${address} is not trusted (${code}); give the authority's certificate as tls.ca, or the name it is made out to as tls.serverName`
  if (code !== undefined && /^ERR_SSL/.test(code)) return `Temporal at ${address} does not speak TLS as this client does: ${error.message}`
  return `Temporal at ${address} cannot be reached: ${error.message}`
}

function tlsHint({ tls }: ClusterOptions): string {
  return tls === null ? '; if the server wants TLS, set tls' : ''
}

/** A certificate of this client that has expired is refused by the server without a word. */
function checkCertificate({ tls }: ClusterOptions): void {
  if (tls?.cert === undefined) return
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(tls.cert)
  } catch (cause) {
    throw new EngineError('bad-option', `tls: cert is not a certificate: ${messageOf(cause)}`, { cause })
  }
  const { validTo, validFrom } = certificate
  if (Date.parse(validTo) < Date.now()) throw unavailable(`the client certificate for Temporal has expired on ${validTo}; renew it`)
  if (Date.parse(validFrom) > Date.now()) throw unavailable(`the client certificate for Temporal is valid only from ${validFrom} on`)
}

async function checkVersion(connection: ConnectionLike, options: ClusterOptions): Promise<void> {
  const { serverVersion } = await ask(options, () => connection.workflowService.getSystemInfo({}))
  if (!isSupported(serverVersion ?? ''))
    throw unavailable(
      `the Temporal server at ${addressOf(options)} is version ${serverVersion || 'unknown'}; fnflow needs ${OLDEST_SERVER.join('.')} or later`,
    )
}

/** True for versions that fnflow can work with; of unknown forms (`1.31.0-153.0` is known) false. */
export function isSupported(version: string): boolean {
  const match = /^(\d+)\.(\d+)/.exec(version)
  if (match === null) return false
  const [major, minor] = [Number(match[1]), Number(match[2])]
  return major > OLDEST_SERVER[0] || (major === OLDEST_SERVER[0] && minor >= OLDEST_SERVER[1])
}

async function checkNamespace(connection: ConnectionLike, options: ClusterOptions): Promise<void> {
  const { namespace } = options
  try {
    await ask(options, () => connection.workflowService.describeNamespace({ namespace }))
  } catch (error) {
    if (codeOf((error as { cause?: unknown }).cause) !== NOT_FOUND) throw error
    throw unavailable(
      `the Temporal server at ${addressOf(options)} has no namespace ${namespace}; make it (temporal operator namespace create -n ${namespace}), or name another`,
      error,
    )
  }
}

/** An attribute that is not registered would make every start fail, and an upsert of it hang its flow for good. */
async function registerAttributes(connection: ConnectionLike, options: ClusterOptions): Promise<void> {
  const { namespace } = options
  const { operatorService } = connection as Connection
  const wanted = Object.values(ATTRIBUTES)
  const missing = async (): Promise<string[]> => {
    const { customAttributes } = await ask(options, () => operatorService.listSearchAttributes({ namespace }))
    return wanted.filter((name) => !Object.hasOwn(customAttributes ?? {}, name))
  }
  let left = await missing()
  if (left.length === 0) return
  try {
    await operatorService.addSearchAttributes({ namespace, searchAttributes: Object.fromEntries(left.map((name) => [name, KEYWORD])) })
  } catch (error) {
    // another process may have been faster
    left = await missing()
    if (left.length > 0) {
      const command = left.map((name) => `--name ${name} --type Keyword`).join(' ')
      throw unavailable(
        `namespace ${namespace} lacks the search attributes ${left.join(', ')}, and this client may not make them (${messageOf(error)}): temporal operator search-attribute create -n ${namespace} ${command}`,
        error,
      )
    }
  }
  for (const until = Date.now() + ATTRIBUTES_TIMEOUT_MS; left.length > 0; left = await missing()) {
    if (Date.now() > until)
      throw unavailable(`the search attributes ${left.join(', ')} were made in namespace ${namespace}, but do not show up`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await attributesWork(connection, options)
}

/** The frontend looks names up in a copy of its own. */
async function attributesWork(connection: ConnectionLike, options: ClusterOptions): Promise<void> {
  const query = Object.values(ATTRIBUTES)
    .map((name) => `${name} = 'none'`)
    .join(' OR ')
  for (const until = Date.now() + ATTRIBUTES_TIMEOUT_MS; ;) {
    try {
      await connection.workflowService.countWorkflowExecutions({ namespace: options.namespace, query })
      return
    } catch (error) {
      if (Date.now() > until)
        throw unavailable(`search attributes cannot be used in namespace ${options.namespace}: ${messageOf(error)}`, error)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

async function ask<T>(options: ClusterOptions, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw refusedBy(error, options)
  }
}

/** What a call of Temporal's came to, as the engine's error; one that is the engine's already stays. */
export function refusedBy(error: unknown, options: ClusterOptions): EngineError {
  if (error instanceof EngineError) return error
  const code = codeOf(error)
  const address = addressOf(options)
  if (code === PERMISSION_DENIED || code === UNAUTHENTICATED)
    return unavailable(`Temporal at ${address} refuses this client (${messageOf(error)}); check apiKey, tls and namespace`, error)
  return unavailable(`Temporal at ${address}: ${messageOf(error)}`, error)
}

function unavailable(message: string, cause?: unknown): EngineError {
  return new EngineError('temporal-unavailable', message, cause === undefined ? undefined : { cause })
}
