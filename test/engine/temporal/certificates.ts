/** Certificates for tests, made by openssl: an authority, and what it has signed. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type TlsOptions } from 'node:tls'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

export interface Certificate {
  /** PEM texts. */
  readonly cert: string
  readonly key: string
  readonly files: { readonly cert: string; readonly key: string }
}

export interface Authority {
  readonly ca: string
  readonly file: string
  /** Made out to `localhost`. `expired`: long ago. */
  sign(name: string, validity?: 'valid' | 'expired'): Certificate
}

const CONFIG = `
[ca]
default_ca = own
[own]
database = index
serial = serial
new_certs_dir = new
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[v3_ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
`

/** From PATH. */
const OPENSSL = 'openssl'
const folders: string[] = []
const servers: Server[] = []
const sockets = new Set<Socket>()

afterAll(() => {
  for (const socket of sockets) socket.destroy()
  for (const server of servers) server.close()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** Throws openssl's own words where there is none. The files are removed after the tests. */
export function newAuthority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'fnflow-test-certificates-'))
  folders.push(folder)
  const openssl = (...args: string[]): void => void execFileSync(OPENSSL, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-config', 'own.cnf']
  writeFileSync(join(folder, 'own.cnf'), CONFIG)
  writeFileSync(join(folder, 'index'), '')
  writeFileSync(join(folder, 'serial'), '1000\n')
  mkdirSync(join(folder, 'new'))
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-extensions',
    'v3_ca',
    '-subj',
    '/CN=fnflow test',
    '-days',
    '30',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  )
  const text = (name: string): string => readFileSync(join(folder, name), 'utf8')
  return {
    ca: text('ca.pem'),
    file: join(folder, 'ca.pem'),
    sign(name, validity = 'valid') {
      openssl(
        'req',
        '-new',
        ...newKey,
        '-subj',
        `/CN=${name}`,
        '-addext',
        'subjectAltName = DNS:localhost',
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.csr`,
      )
      const dates = validity === 'valid' ? ['-days', '30'] : ['-startdate', '200101000000Z', '-enddate', '200201000000Z']
      const request = ['-in', `${name}.csr`, '-out', `${name}.pem`, '-keyfile', 'ca.key', '-cert', 'ca.pem']
      openssl('ca', '-batch', '-notext', '-config', 'own.cnf', ...request, ...dates)
      return {
        cert: text(`${name}.pem`),
        key: text(`${name}.key`),
        files: { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) },
      }
    },
  }
}

/** Speaks TLS on a port of its own and hands on what it gets to `target` (`host:port`). Closed after the tests; resolves to its address. */
export async function tlsInFrontOf(target: string, options: TlsOptions): Promise<string> {
  const [host, port] = target.split(':')
  const server = createServer({ ALPNProtocols: ['h2'], ...options }, (client) => {
    const behind = connect(Number(port), host)
    for (const socket of [client, behind]) {
      sockets.add(socket)
      socket.on('error', () => undefined).on('close', () => [client, behind].forEach((one) => one.destroy()))
    }
    client.pipe(behind).pipe(client)
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  servers.push(server)
  return `localhost:${(server.address() as AddressInfo).port}`
}
