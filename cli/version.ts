import { readFileSync } from 'node:fs'

/** The version of the package; `unknown` where its package.json is not where it should be. */
export function version(): string {
  // the package's own file, two folders up from dist/cli and one up from the source
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const found = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { name?: string; version?: string }
      if (found.name === 'fnflow' && found.version !== undefined) return found.version
    } catch {
      continue
    }
  }
  return 'unknown'
}
