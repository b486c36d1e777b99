import type { Config } from './config.ts'
import type { LeafPath } from './config-keys.ts'

const MINUTE_MS = 60_000

/** Keys that nothing uses yet, with the default that says nothing. */
const UNUSED: readonly (readonly [path: LeafPath, byDefault: unknown])[] = [
  ['limits.instances', 400],
  ['limits.memory', 16_384],
  ['asyncRetryInterval', MINUTE_MS],
  ['telemetry.otlp', undefined],
]

/** What is to be told of keys that somebody has set, and that have no effect yet. */
export function withoutEffect(config: Config): string[] {
  return UNUSED.filter(([path, byDefault]) => config[path] !== undefined && config[path] !== byDefault).map(
    ([path]) => `${path} has no effect yet: it is checked, and nothing uses it`,
  )
}
