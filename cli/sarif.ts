import { isAbsolute, relative, resolve, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { RULES, type Rule } from '../dsl/diagnostics.ts'
import type { FileDiagnostic } from './diagnostics.ts'
import { BROKEN_WHEN } from './rules.ts'
import { visibleJson } from './visible.ts'

/** What is only ever warned of. */
const WARNINGS: ReadonlySet<Rule> = new Set(['unknown-function', 'unknown-flow', 'unknown-channel', 'unknown-connection'])

/** Files are named as seen from here, so that the document means the same on every machine. */
const BASE = '%SRCROOT%'

/**
 * Diagnostics as a SARIF 2.1.0 document, the form in which code hosts and editors take findings. All rules are described in it, whether broken or not.
 *
 * @param files What was checked, as the user named it.
 */
export function sarif(files: readonly string[], diagnostics: readonly FileDiagnostic[], version: string): string {
  const document = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'fnflow', ...(/^\d/.test(version) ? { semanticVersion: version } : {}), rules: RULES.map(ruleOf) } },
        columnKind: 'utf16CodeUnits',
        originalUriBaseIds: { [BASE]: { description: { text: 'the folder in which fnflow validate was called' } } },
        artifacts: files.map((file) => ({ location: locationOf(file) })),
        results: diagnostics.map(resultOf),
      },
    ],
  }
  return visibleJson(JSON.stringify(document, null, 2))
}

function ruleOf(rule: Rule): object {
  return {
    id: rule,
    shortDescription: { text: BROKEN_WHEN[rule].replaceAll('`', '') },
    fullDescription: { text: `Broken when: ${BROKEN_WHEN[rule]}`, markdown: `Broken when: ${BROKEN_WHEN[rule]}` },
    defaultConfiguration: { level: WARNINGS.has(rule) ? 'warning' : 'error' },
  }
}

function resultOf({ file, rule, severity, message, path, line = 1, column = 1 }: FileDiagnostic): object {
  return {
    ruleId: rule,
    ruleIndex: RULES.indexOf(rule),
    level: severity,
    message: { text: message },
    locations: [
      {
        physicalLocation: { artifactLocation: locationOf(file), region: { startLine: line, startColumn: column } },
        ...(path.length === 0 ? {} : { logicalLocations: [{ fullyQualifiedName: pointerTo(path), kind: 'member' }] }),
      },
    ],
  }
}

function locationOf(file: string): object {
  const path = relative('.', resolve(file))
  // another drive
  if (isAbsolute(path)) return { uri: pathToFileURL(path).href }
  const uri = path
    .split(sep)
    .map((part) => encodeURIComponent(part.toWellFormed()))
    .join('/')
  return { uri, uriBaseId: BASE }
}

/** A JSON Pointer (RFC 6901). */
function pointerTo(path: FileDiagnostic['path']): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
