import { createHash } from 'node:crypto'

/** Column `origin` of an execution that another one started. */
export function originOfParent(execution: string): string {
  return `p:${execution}`
}

/** The same of one that a named trigger started; hashed, because an index takes no long names, and no U+0000. */
export function originOfTrigger(type: string, name: string): string {
  return `t:${createHash('sha256')
    .update(JSON.stringify([type, name]))
    .digest('base64url')}`
}
