import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { SETTINGS as KAFKA_SETTINGS } from '../../scripts/services/kafka.ts'
import { SETTINGS } from '../../scripts/services/postgres.ts'
import { SERVICES, SERVICE_NAMES } from '../../scripts/services/table.ts'
import { root, run } from './process.ts'

interface ComposeService {
  readonly image: string
  readonly command?: string | readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly ports: readonly string[]
  readonly healthcheck: Readonly<Record<string, unknown>>
}

const text = readFileSync(join(root, 'compose.yaml'), 'utf8')
const file = parse(text, { strict: true, uniqueKeys: true }) as { readonly services: Readonly<Record<string, ComposeService>> }
const entries = Object.entries(file.services)

/** Variable -> address, from the lines in the comment that people copy. */
const exported = Object.fromEntries([...text.matchAll(/^#\s+export (\w+)=(\S+)$/gm)].map(([, variable, address]) => [variable, address]))

describe('compose.yaml', () => {
  test('has the services that scripts/services knows, and no other', () => {
    expect(Object.keys(file.services).sort()).toEqual([...SERVICE_NAMES].sort())
  })

  test('uses only what Compose knows, in the form that it asks for', () => {
    expect(Object.keys(file)).toEqual(['name', 'services'])
    for (const [name, service] of entries) {
      const { command = [], environment = {}, healthcheck } = service
      const known = ['image', 'command', 'environment', 'ports', 'healthcheck']
      expect(known, name).toEqual(expect.arrayContaining(Object.keys(service)))
      for (const word of [...command, ...Object.values(environment)]) expect(typeof word, `${name}: ${word}`).toBe('string')
      // A dollar sign would have to be doubled.
      expect(JSON.stringify(service), name).not.toContain('$')

      const { test, interval, timeout, retries, ...others } = healthcheck
      expect(others, name).toEqual({})
      expect(test, name).toEqual(['CMD', ...(test as string[]).slice(1)])
      for (const word of test as unknown[]) expect(typeof word, `${name}: ${String(word)}`).toBe('string')
      for (const duration of [interval, timeout]) expect(duration, name).toMatch(/^\d+(ms|s|m)$/)
      expect(retries, name).toBeGreaterThan(0)
    }
  })

  test('pins every image to a version', () => {
    for (const [name, { image }] of entries) expect(image, name).toMatch(/^[a-z0-9./-]+:\d+\.\d+(\.\d+)?$/)
  })

  test('opens ports to this machine only, each once', () => {
    const published = entries.flatMap(([name, { ports }]) => {
      expect(ports.length, name).toBeGreaterThan(0)
      return ports.map((port) => {
        expect(port, name).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
        return port.split(':')[1]
      })
    })
    expect(new Set(published).size).toBe(published.length)
  })

  test('names the variables that the code reads, with addresses that its ports give', () => {
    expect(exported).toEqual(Object.fromEntries(SERVICE_NAMES.map((name) => [SERVICES[name].variable, expect.any(String)])))
    for (const name of SERVICE_NAMES) {
      const { host, port } = readAddress(exported[SERVICES[name].variable]!)
      expect(host, name).toBe('127.0.0.1')
      expect(
        file.services[name]!.ports.map((published) => published.split(':')[1]),
        name,
      ).toContain(port)
    }
  })

  test('has the versions and the settings of the servers that are started without Docker', async () => {
    const module = readFileSync(join(root, 'scripts', 'services', 'temporal', 'go.mod'), 'utf8')
    const version = /^require github\.com\/temporalio\/cli v(\S+)$/m.exec(module)?.[1]
    const { temporal, postgres } = file.services
    expect(temporal!.image).toBe(`temporalio/temporal:${version}`)
    expect(postgres!.image).toMatch(/^postgres:15\./)

    const launch = await SERVICES.temporal.launch('temporal', { folder: '/data', port: () => Promise.resolve(7233) }, {})
    const settings = (words: readonly string[]) => [
      ...words.join(' ').matchAll(/--(?:dynamic-config-value|sqlite-pragma|log-level)[ =](\S+)/g),
    ]
    const names = (matches: readonly RegExpMatchArray[]) => matches.map(([, setting]) => setting).sort()
    expect(names(settings(temporal!.command as string[]))).toEqual(names(settings(launch.args)))

    const told = (postgres!.command as string[]).filter((word) => word.includes('=')).map((word) => word.split('='))
    expect(told.length).toBeGreaterThan(0)
    expect(SETTINGS).toMatchObject(Object.fromEntries(told))

    const pom = readFileSync(join(root, 'scripts', 'services', 'kafka', 'pom.xml'), 'utf8')
    const kafka = file.services['kafka']!
    expect(kafka.image).toBe(`apache/kafka:${/<artifactId>kafka_2\.13<\/artifactId>\s*<version>(\S+)<\/version>/.exec(pom)?.[1]}`)
    const variables = Object.entries(KAFKA_SETTINGS).map(([name, value]) => [
      `KAFKA_${name.replaceAll('.', '_').toUpperCase()}`,
      String(value),
    ])
    expect(kafka.environment).toMatchObject(Object.fromEntries(variables))
  })

  test('is accepted by docker compose, where there is one', async (context) => {
    const { code } = await run('docker', ['compose', 'version'], { cwd: root }).catch(() => ({ code: 1 }))
    if (code !== 0) context.skip('needs docker compose')
    const { code: accepted, stderr } = await run('docker', ['compose', '--file', 'compose.yaml', 'config', '--quiet'], { cwd: root })
    expect(accepted, stderr).toBe(0)
  })
})

/** host:port, or a URL with both. */
function readAddress(address: string): { readonly host: string; readonly port: string } {
  const { hostname, port } = new URL(address.includes('://') ? address : `tcp://${address}`)
  return { host: hostname, port }
}
