import { SERVICE_NAMES, type ServiceName } from './table.ts'

const VARIABLE = 'FNFLOW_TEST_SKIP'

/** Why the tests of a service are to be skipped: because the person who runs them says so. Continuous integration skips none. */
export function skipReason(name: ServiceName, env: NodeJS.ProcessEnv = process.env): string | undefined {
  const words = (env[VARIABLE] ?? '').split(',').map((word) => word.trim())
  const unknown = words.find((word) => word !== '' && !SERVICE_NAMES.some((known) => known === word))
  if (unknown !== undefined)
    throw new Error(`${VARIABLE} names the service ${unknown}: expected some of ${SERVICE_NAMES.join(', ')}, with commas between`)
  if (!words.includes(name) || isContinuousIntegration(env)) return undefined
  return `needs ${name}, and ${VARIABLE} names it`
}

function isContinuousIntegration(env: NodeJS.ProcessEnv): boolean {
  return !['', '0', 'false'].includes(env['CI'] ?? '')
}
