import type { ErrorDocument } from '../dsl/errors.ts'
import type { FunctionSpec } from './contract.ts'

/** Shorter ones are hidden only where they stand alone: a secret `1` would leave nothing readable. */
const SHORT = 4

/**
 * The texts that must not be shown, the longest first, since one may hold another: each secret, as JSON writes it too, and
 * the lines of one that has several, since logs are written line by line.
 */
export function secretValues(spec: FunctionSpec): readonly string[] {
  const texts = new Set<string>()
  for (const secret of Object.values(spec.environment.secrets)) {
    texts.add(secret).add(JSON.stringify(secret).slice(1, -1))
    if (secret.includes('\n')) for (const line of secret.split(/\r?\n/)) if (line.length >= SHORT) texts.add(line)
  }
  texts.delete('')
  return [...texts].sort((a, b) => b.length - a.length)
}

/** `text` with `***` for each of the secrets. */
export function maskSecrets(text: string, secrets: readonly string[]): string {
  for (const secret of secrets) {
    if (!text.includes(secret)) continue
    text = secret.length >= SHORT ? text.replaceAll(secret, '***') : text.replace(aloneIn(secret), '***')
  }
  return text
}

function aloneIn(secret: string): RegExp {
  const escaped = secret.replace(/[\^$\\.*+?()[\]{}|/]/g, '\\$&')
  return new RegExp(`(?<![\\p{L}\\p{N}])${escaped}(?![\\p{L}\\p{N}])`, 'gu')
}

/** The error document, changed in place, without the secrets. */
export function maskDocument(error: ErrorDocument, secrets: readonly string[]): ErrorDocument {
  if (secrets.length === 0) return error
  error.errorMessage = maskSecrets(error.errorMessage, secrets)
  if (error.stackTrace !== undefined) error.stackTrace = error.stackTrace.map((line) => maskSecrets(line, secrets))
  return error
}
