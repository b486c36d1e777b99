import { parseDuration } from '../duration.ts'
import type { DocumentPath } from '../diagnostics.ts'
import type { NodeCheck } from './node.ts'

/** How long an express flow may live (flow-language.md, 1). */
export const EXPRESS_LIMIT_MS = 5 * 60_000

/** Reports a duration that an express flow cannot live to see; anything that is no duration is the schema's business. */
export function checkExpress(value: unknown, path: DocumentPath, check: Pick<NodeCheck, 'mode' | 'report'>): void {
  if (check.mode !== 'express' || (typeof value !== 'number' && typeof value !== 'string')) return
  if ((parseDuration(value) ?? 0) > EXPRESS_LIMIT_MS) {
    check.report('express-duration', path, 'over 5 minutes, which is as long as an express flow may run; shorten it, or set mode: standard')
  }
}
