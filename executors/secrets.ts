import type { FunctionSpec } from './contract.ts'

/** Shorter secrets are not looked for in logs: a secret `1` would leave nothing readable. */
const SECRET_MIN_LENGTH = 4

/** The values that must not be shown, the longest first, since one may hold another. */
export function secretValues(spec: FunctionSpec): readonly string[] {
  return Object.values(spec.environment.secrets)
    .filter((secret) => secret.length >= SECRET_MIN_LENGTH)
    .sort((a, b) => b.length - a.length)
}

/** `text` with `***` for each of the secrets. */
export function maskSecrets(text: string, secrets: readonly string[]): string {
  for (const secret of secrets) if (text.includes(secret)) text = text.replaceAll(secret, '***')
  return text
}
