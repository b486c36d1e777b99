/**
 * `npm run services [-- <names>…] [--prepare]`: real services for tests and for trying things out.
 *
 * Starts those that are named (default: all) on free ports, prints a line `export FNFLOW_TEST_…=…` for each on stdout, everything else
 * on stderr, and stays until it is interrupted. Then, and also when it is killed, the servers end and their data goes.
 */
import { parseArgs } from 'node:util'
import { startServices } from './services/start.ts'
import { SERVICES, SERVICE_NAMES, type ServiceName } from './services/table.ts'

const USAGE = `usage: npm run services [-- <names>…] [--prepare]

  <names>     of ${SERVICE_NAMES.join(', ')}; default: all
  --prepare   only install and build what is missing

Prints a line to export for each service and runs until it is interrupted. With \`npm run --silent services\`, stdout has nothing else.
A service whose variable is set already is not started: ${SERVICE_NAMES.map((name) => SERVICES[name].variable).join(', ')}.`

const log = (line: string) => console.error(line)

async function main(): Promise<number> {
  let names: ServiceName[]
  let prepare: boolean
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { prepare: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
    })
    if (values.help) {
      console.log(USAGE)
      return 0
    }
    names = positionals.length === 0 ? [...SERVICE_NAMES] : positionals.map(serviceName)
    prepare = values.prepare
  } catch (error) {
    log(`${(error as Error).message}\n\n${USAGE}`)
    return 2
  }
  if (prepare) {
    for (const name of names) log(`${name}: ${await SERVICES[name].prepare(log)}`)
    return 0
  }
  // Before the start: whoever interrupts that wants it to end, and the guardian takes care of what has been started.
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve())
  })
  const starting = startServices(names, { log })
  const services = await Promise.race([starting, interrupted])
  if (services === undefined) return 130
  for (const [variable, address] of Object.entries(services.env)) console.log(`export ${variable}=${address}`)
  log('running until interrupted')
  // Nothing else keeps this process alive.
  const idle = setInterval(() => undefined, 1_000_000)
  await interrupted
  clearInterval(idle)
  await services.stop()
  return 0
}

function serviceName(word: string): ServiceName {
  const name = SERVICE_NAMES.find((known) => known === word)
  if (name === undefined) throw new Error(`there is no service ${word}: expected ${SERVICE_NAMES.join(', ')}`)
  return name
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    log(error instanceof Error ? error.message : String(error))
    process.exit(1)
  },
)
