import type { DocumentPath } from '../diagnostics.ts'
import type { Findings } from '../finding.ts'
import { TRIGGER_SCHEMAS } from '../generated/flow-schema.ts'
import { member } from '../nodes/raw.ts'
import { BROKEN } from '../plain-copy.ts'
import { clip, described, type SchemaChecker } from '../schema-check.ts'
import type { Suggester } from '../suggest.ts'
import { HTTP_METHODS, pathPattern } from '../triggers/http.ts'
import { TRIGGER_KINDS, triggerLanguage } from '../triggers/index.ts'
import type { RawTrigger, TriggerCheck } from '../triggers/kind.ts'

/** What the check of a flow lends to that of its triggers. */
export interface TriggerRules {
  readonly findings: Findings
  readonly schema: SchemaChecker
  readonly suggester: Suggester
  /** For the checks of one trigger, by its name in messages and its path. */
  checkOf(subject: { readonly name: string; readonly path: DocumentPath }): TriggerCheck
}

/** Checks each trigger by its kind, that names are unique, and `path-taken` within the flow (triggers.md). */
export function checkTriggers(triggers: readonly unknown[], rules: TriggerRules): void {
  const names = new Set<string>()
  const paths = new Map<string, string>()
  const groups = new Map<string, string>()
  // more of them are one finding, and need no others
  for (const [index, raw] of triggers.slice(0, 20).entries()) {
    const path = ['triggers', index]
    if (raw === BROKEN) continue
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
      rules.findings.add('schema', path, `the flow: "triggers[${index}]" must be an object { type, name, ... }, not ${described(raw)}`)
      continue
    }
    checkTrigger(raw as RawTrigger, path, rules)
    const name = member(raw, 'name')
    if (typeof name !== 'string') continue
    if (names.has(name)) {
      rules.findings.add('schema', [...path, 'name'], `the flow: two triggers are called "${clip(name)}"; give each a name of its own`)
    }
    names.add(name)
    checkTaken(raw as RawTrigger, name, path, paths, rules.findings)
    checkGroup(raw as RawTrigger, name, path, groups, rules.findings)
  }
}

function checkTrigger(raw: RawTrigger, path: DocumentPath, { schema, findings, suggester, checkOf }: TriggerRules): void {
  const type = member(raw, 'type')
  if (type === BROKEN) return
  const name = member(raw, 'name')
  const subject = { name: typeof name === 'string' ? `trigger "${clip(name)}"` : `trigger ${String(path.at(-1))}`, path }
  const language = triggerLanguage(type)
  if (language === undefined) {
    const kinds = TRIGGER_KINDS.join(', ')
    if (type === undefined) return findings.add('schema', path, `${subject.name} has no "type"; give one of ${kinds}`, 'key')
    const hint = typeof type === 'string' ? suggester.hint(type, TRIGGER_KINDS) : ''
    return findings.add('schema', [...path, 'type'], `${subject.name}: "type" must be one of ${kinds}, not ${described(type)}${hint}`)
  }
  schema.check(raw, TRIGGER_SCHEMAS[language.kind], subject)
  language.check?.(raw, checkOf(subject))
}

/** One request can start one flow only. */
function checkTaken(raw: RawTrigger, name: string, path: DocumentPath, taken: Map<string, string>, findings: Findings): void {
  const { type, path: at, method = 'POST' } = raw
  if (type !== 'http' || typeof at !== 'string' || typeof method !== 'string') return
  for (const each of method === 'ANY' ? HTTP_METHODS : [method]) {
    const key = `${each} ${pathPattern(at)}`
    const other = taken.get(key)
    if (other !== undefined) {
      const message = `trigger "${clip(name)}": ${clip(`${each} ${at}`)} is taken by trigger "${clip(other)}"; give it another path or method`
      return findings.add('path-taken', [...path, 'path'], message)
    }
    taken.set(key, name)
  }
}

/** A record goes to one member of a group. */
function checkGroup(raw: RawTrigger, name: string, path: DocumentPath, groups: Map<string, string>, findings: Findings): void {
  const { type, connection, groupId } = raw
  if (type !== 'kafka' || typeof connection !== 'string' || typeof groupId !== 'string') return
  const key = JSON.stringify([connection, groupId])
  const other = groups.get(key)
  if (other === undefined) return void groups.set(key, name)
  const message = `trigger "${clip(name)}": trigger "${clip(other)}" reads as group "${clip(groupId)}", too; give each a groupId of its own`
  findings.add('group-taken', [...path, 'groupId'], message, 'value', 'warning')
}
