import { FLOW_REF_PATTERN, FUNCTION_REF_PATTERN } from './nodes/fields.ts'

const FUNCTION_REF = new RegExp(FUNCTION_REF_PATTERN)
const FLOW_REF = new RegExp(FLOW_REF_PATTERN)

export function isFunctionRef(text: string): boolean {
  return FUNCTION_REF.test(text)
}

export function isFlowRef(text: string): boolean {
  return FLOW_REF.test(text)
}

/**
 * `[app/]name[:version-or-alias]` as `app/name:qualifier` (flow-language.md, 2): the default app is `default`, the default
 * qualifier `latest`, which the clouds also write `$LATEST` (functions.md, 4).
 *
 * @param reference One that {@link isFunctionRef} accepts.
 */
export function normaliseFunctionRef(reference: string): string {
  const slash = reference.indexOf('/')
  const colon = reference.indexOf(':')
  const app = slash === -1 ? 'default' : reference.slice(0, slash)
  const name = reference.slice(slash + 1, colon === -1 ? undefined : colon)
  const qualifier = colon === -1 ? 'latest' : reference.slice(colon + 1)
  return `${app}/${name}:${qualifier === '$LATEST' ? 'latest' : qualifier}`
}
