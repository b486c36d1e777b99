import type { ClusterFlags } from '../cluster.ts'
import { configFileHere, readConfig } from '../config.ts'
import type { Check } from '../doctor/check.ts'
import { checkConnections } from '../doctor/connections.ts'
import { checkMachine } from '../doctor/machine.ts'
import { settingsOf, type Setting } from '../doctor/configuration.ts'
import { EXIT } from '../exit-codes.ts'
import { onStdout, print } from '../output.ts'
import { isFolder } from '../paths.ts'
import { visible, visibleJson } from '../visible.ts'
import { functionsHere } from '../workspace.ts'

export interface DoctorOptions extends ClusterFlags {
  readonly config?: string
  readonly json?: boolean
}

/**
 * `fnflow doctor`: looks at the machine, the configuration and each connection, and changes nothing. Resolves to the exit code: 3 where something
 * cannot be reached. Throws CommandError for a wrong configuration (2).
 */
export async function doctor(options: DoctorOptions): Promise<number> {
  const file = options.config ?? configFileHere()
  const config = await readConfig(file, process.env, { isServer: true })
  const functions = await functionsHere(config.functions)
  const checks: Check[] = [...(await checkMachine()), ...checkFiles(config.flows, functions), ...(await checkConnections(options, config))]
  const settings = settingsOf(config)
  const isWell = !checks.some(({ state }) => state === 'failed')
  if (options.json === true)
    await print(visibleJson(JSON.stringify({ ok: isWell, checks, configuration: { file: file ?? null, settings } })))
  else await print(report(checks, settings, file))
  return isWell ? EXIT.ok : EXIT.unreachable
}

function checkFiles(flows: readonly string[] | undefined, functions: Awaited<ReturnType<typeof functionsHere>>): Check[] {
  const missing = flows?.filter((folder) => !isFolder(folder)) ?? []
  const secrets = Object.entries(functions).flatMap(([name, { missingSecrets = [] }]) =>
    missingSecrets.map((secret) => `${name}: ${secret}`),
  )
  const of = (name: string, wrong: readonly string[], detail: string, remedy: string): Check =>
    wrong.length === 0
      ? { group: 'configuration', name, state: 'ok', detail }
      : { group: 'configuration', name, state: 'warning', detail: wrong.join('; '), remedy }
  return [
    of(
      'flows',
      missing.map((folder) => `no folder ${folder}`),
      flows === undefined && !isFolder('./flows') ? 'no folder ./flows: none are loaded' : 'the folder is there',
      'make it, or set flows to another; fnflow serve does not start without it',
    ),
    of('functions', secrets, `${Object.keys(functions).length} known`, 'set what they name; until then these functions cannot be started'),
  ]
}

const SIGNS = { ok: ['green', '✔'], warning: ['yellow', '!'], failed: ['red', '✖'] } as const

function report(checks: readonly Check[], settings: { readonly [path: string]: Setting }, file: string | undefined): string {
  const linesOf = (group: Check['group']): string[] =>
    checks
      .filter((check) => check.group === group)
      .map(({ name, state, detail, remedy }) => {
        const [colour, sign] = SIGNS[state]
        return `  ${onStdout(colour, sign)} ${name}: ${visible(detail)}${remedy === undefined ? '' : `\n      ${visible(remedy)}`}`
      })
  const values = Object.entries(settings).map(
    ([path, { value, from }]) => `    ${path} = ${visible(JSON.stringify(value))}${from === 'file' ? '' : onStdout('dim', ` (${from})`)}`,
  )
  return [
    onStdout('bold', 'machine'),
    ...linesOf('machine'),
    onStdout('bold', `configuration${file === undefined ? ' (no fnflow.yaml here)' : ` (${visible(file)})`}`),
    ...linesOf('configuration'),
    ...values,
    onStdout('bold', 'connections'),
    ...linesOf('connections'),
  ].join('\n')
}
