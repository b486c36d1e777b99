import { existsSync, readFileSync } from 'node:fs'
import type { CheckOptions } from '../dsl/check.ts'
import { parseFlow } from '../dsl/parse.ts'
import { CONFIG_FILE } from './config.ts'
import { CHANNELS } from './workspace.ts'

/**
 * The names that flows may use of the configuration of this folder. Only names: secrets need not be there, and what is wrong with the rest is for
 * `fnflow doctor` to say. Of a configuration that cannot be read nothing is said to be unknown.
 */
export async function configuredNames(): Promise<
  Pick<NonNullable<CheckOptions['registry']>, 'hasChannel' | 'hasConnection' | 'hasTokenIssuer'>
> {
  const built = (name: string): boolean => Object.hasOwn(CHANNELS, name)
  if (!existsSync(CONFIG_FILE)) return { hasChannel: built }
  const { value, diagnostics } = await parseFlow(readFileSync(CONFIG_FILE))
  if (diagnostics.some(({ severity }) => severity === 'error')) return {}
  const channels = membersOf(value, 'channels')
  const connections = membersOf(value, 'connections')
  return {
    hasChannel: (name) => built(name) || Object.hasOwn(channels, name),
    hasConnection: (name) => Object.hasOwn(connections, name),
    hasTokenIssuer: Object.keys(membersOf(membersOf(value, 'server'), 'jwt')).length > 0,
  }
}

function membersOf(value: unknown, key: string): object {
  const found: unknown = typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? value[key as never] : undefined
  return typeof found === 'object' && found !== null ? found : {}
}
